"""A large picture in overlapping tiles, each with a margin so wide that its own part is computed as within the whole.

Every feature belongs to one tile alone, and sees there what it would see in the whole picture: the sum over the tiles
is the picture's loss, its gradient the picture's gradient, and no seam can show. How wide the margin must be
is told by the loss network itself: by how far its features see.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from trainers.losses.perceptual import Fire, PerceptualNet


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


@dataclass(frozen=True, slots=True)
class Span:
    """Along one side, in pixels: what is computed, and of that what is the tile's own, each from … up to."""

    start: int
    stop: int
    own_start: int
    own_stop: int
    length: int

    def own(self, stride: int = 1) -> slice:
        """The tile's own part of what is computed, of features that are `stride` pixels apart."""
        first = (self.own_start - self.start) // stride
        return slice(first, None if self.own_stop == self.length else (self.own_stop - self.start) // stride)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of a picture."""

    rows: Span
    columns: Span

    def of(self, picture: Tensor) -> Tensor:
        """[B, C, H, W] → what is computed, with the margin; a view."""
        return picture[..., self.rows.start : self.rows.stop, self.columns.start : self.columns.stop]

    def own(self, computed: Tensor, stride: int = 1) -> Tensor:
        """Of the tile's pixels or features, its own."""
        return computed[..., self.rows.own(stride), self.columns.own(stride)]


def tiles(height: int, width: int, side: int, fields: Mapping[str, ReceptiveField]) -> list[Tile]:
    """The tiles of a picture, of about `side` pixels square, for features of these fields; small pictures are one."""
    stride = max((field.stride for field in fields.values()), default=1)
    seen = max((max(field.before, field.after) for field in fields.values()), default=0)
    margin = -(-seen // stride) * stride
    columns = list(_spans(width, side, margin, stride))
    return [Tile(rows, across) for rows in _spans(height, side, margin, stride) for across in columns]


def _spans(length: int, side: int, margin: int, stride: int) -> Iterator[Span]:
    """Even parts whose borders lie on every feature's lattice."""
    count = max(1, round(length / side))
    borders = [length * part // (count * stride) * stride for part in range(count)] + [length]
    for own_start, own_stop in pairwise(borders):
        yield Span(max(0, own_start - margin), min(length, own_stop + margin), own_start, own_stop, length)
