"""How far a feature of a loss network sees: what a tile needs around itself to be computed as within the picture."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from torch import nn

from trainers.perceptual import Fire, PerceptualNet


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """The feature at place i sees the pixels i · stride − before … i · stride + after."""

    stride: int = 1
    before: int = 0
    after: int = 0

    def through(self, kernel: int, stride: int, padding: int) -> "ReceptiveField":
        """The field of a feature behind one more layer of this kernel."""
        return ReceptiveField(
            self.stride * stride,
            self.before + padding * self.stride,
            self.after + (kernel - 1 - padding) * self.stride,
        )


def receptive_fields(net: PerceptualNet, wanted: Iterable[str]) -> dict[str, ReceptiveField]:
    """The field of each of the wanted layers; ValueError where the network has no such layer."""
    wanted = set(wanted)
    field, found = ReceptiveField(), {}
    for name, layer in zip(net.names, net.layers, strict=True):
        field = _through(field, layer)
        if name in wanted:
            found[name] = field
    if unknown := sorted(wanted - set(found)):
        raise ValueError(f"{net.name} has no layers {unknown}; it has {', '.join(net.names)}")
    return found


def _through(field: ReceptiveField, layer: nn.Module) -> ReceptiveField:
    if isinstance(layer, nn.Conv2d):
        return field.through(layer.kernel_size[0], layer.stride[0], cast(int, layer.padding[0]))
    if isinstance(layer, nn.MaxPool2d):
        return field.through(cast(int, layer.kernel_size), cast(int, layer.stride), cast(int, layer.padding))
    if isinstance(layer, Fire):
        return _through(field, layer.expand3x3)
    return field
