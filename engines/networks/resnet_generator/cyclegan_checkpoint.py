"""Checkpoints of pytorch-CycleGAN-and-pix2pix as ResNet generators of ours.

There `netG resnet_6blocks` and `resnet_9blocks` are one nn.Sequential called `model`, whose layers are known by their
numbers: 1, 4 and 7 are the stem and the convolutions of stride 2, the blocks begin at 10, and after them come two
transposed convolutions and the head. With dropout the second convolution of a block stands one place later.
"""

import re
from collections.abc import Iterator

import numpy as np

from engines.errors import some_of
from engines.networks.family import ImportedNet, Weights
from engines.networks.resnet_generator.config import OUTER_KERNEL, TRANSPOSED, ResnetGeneratorConfig

FIRST = "model.1.weight"
BEFORE_BLOCKS = 10
LAYERS_OF_A_DOUBLING = 3
# Buffers of InstanceNorm2d before torch 0.4; the project itself throws them away when it loads a file.
UNUSED_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
BLOCK = re.compile(r"model\.(\d{1,3})\.conv_block\.")
Shapes = Iterator[tuple[str, tuple[int, ...]]]


def read_cyclegan(tensors: Weights) -> ImportedNet:
    """The generator of these tensors; ValueError with the first thing that does not fit."""
    try:
        return _read(_of_the_net(tensors))
    except ValueError as error:
        raise ValueError(f"no ResNet generator of pytorch-CycleGAN-and-pix2pix: {error}") from error


def _of_the_net(tensors: Weights) -> dict[str, np.ndarray]:
    """The net's tensors by its own names, without what DataParallel, torch.compile or a trainer put before them."""
    places = [name.removesuffix(FIRST) for name in tensors if f".{name}".endswith(f".{FIRST}")]
    before = places[0] if places else ""
    own = {name.removeprefix(before): values for name, values in tensors.items() if name.startswith(before)}
    return {name: values for name, values in own.items() if not name.endswith(UNUSED_BUFFERS)}


def _read(tensors: dict[str, np.ndarray]) -> ImportedNet:
    stem = tensors.get(FIRST)
    if stem is None or stem.ndim != 4:
        raise ValueError(f"{FIRST} is missing or of another shape; it has {some_of(tensors)}")
    blocks = len({found[1] for name in tensors if (found := BLOCK.match(name))})
    if not blocks:
        raise ValueError(f"it has no residual blocks, only {some_of(tensors)}")
    layout = _Layout(tensors, stem.shape[0], blocks)
    layout.check()
    return layout.translated()


class _Layout:
    """Where everything stands in a generator of that width, with so many blocks."""

    def __init__(self, tensors: dict[str, np.ndarray], width: int, blocks: int) -> None:
        self.tensors = tensors
        self.config = ResnetGeneratorConfig(width, blocks, TRANSPOSED)
        dropout = any(name.endswith(".conv_block.6.weight") and tensors[name].ndim == 4 for name in tensors)
        second = 6 if dropout else 5
        halves = [f"{BEFORE_BLOCKS + number}.conv_block.{at}" for number in range(blocks) for at in (1, second)]
        ups = [BEFORE_BLOCKS + blocks, BEFORE_BLOCKS + blocks + LAYERS_OF_A_DOUBLING]
        self.head = f"model.{ups[1] + LAYERS_OF_A_DOUBLING + 1}"
        # Of every convolution that a norm follows: its name here, and its name there.
        theirs = ["1", "4", "7", *halves, *map(str, ups)]
        ours = [f"blocks.{number}.conv{half}" for number in range(blocks) for half in (1, 2)]
        names = ["down.0", "down.1", "down.2", *ours, "up.0", "up.1"]
        self.normed = {name: f"model.{place}" for name, place in zip(names, theirs, strict=True)}

    def check(self) -> None:
        """ValueError with the first thing that does not fit."""
        expected = dict(self._shapes())
        if self._batch_normed():
            raise ValueError("it has batch norms, and ours are instance norms; export it to ONNX and import that file")
        expected |= {name: shape for name, shape in self._norm_shapes() if name in self.tensors}
        if missing := sorted(set(expected) - set(self.tensors)):
            raise ValueError(f"it lacks {some_of(missing)}")
        if unknown := sorted(set(self.tensors) - set(expected)):
            raise ValueError(f"it also has {some_of(unknown)}")
        for name, shape in expected.items():
            if self.tensors[name].shape != shape:
                raise ValueError(f"{name} has shape {self.tensors[name].shape} where {shape} fits")
            if not np.isfinite(self.tensors[name]).all():
                raise ValueError(f"{name} has values that are not finite; its training failed")

    def translated(self) -> ImportedNet:
        """Without the biases before norms, which take them away exactly: (x + b) − mean(x + b) = x − mean(x)."""
        weights = {f"{ours}.weight": self.tensors[f"{theirs}.weight"] for ours, theirs in self.normed.items()}
        weights |= {f"head.{part}": self.tensors[f"{self.head}.{part}"] for part in ("weight", "bias")}
        return ImportedNet(self.config.to_dict(), weights, self._style_vector())

    def _shapes(self) -> Shapes:
        full, half, quarter = self.config.widths
        channels = [(full, 3, OUTER_KERNEL), (half, full, 3), (quarter, half, 3)]
        channels += [(quarter, quarter, 3)] * (2 * self.config.blocks)
        channels += [(quarter, half, 3), (half, full, 3)]  # transposed: what goes in stands first
        for (first, second, kernel), place, wide in zip(
            channels, self.normed.values(), self.config.norm_channels, strict=True
        ):
            yield f"{place}.weight", (first, second, kernel, kernel)
            yield f"{place}.bias", (wide,)
        yield f"{self.head}.weight", (3, full, OUTER_KERNEL, OUTER_KERNEL)
        yield f"{self.head}.bias", (3,)

    def _norm_shapes(self) -> Shapes:
        """Of the norms' scales and shifts, where a net was trained with them."""
        for place, channels in zip(self.normed.values(), self.config.norm_channels, strict=True):
            for part in ("weight", "bias"):
                yield f"{_norm_after(place)}.{part}", (channels,)

    def _batch_normed(self) -> bool:
        """A convolution before a batch norm has no bias there, and one before an instance norm has."""
        places = self.normed.values()
        return any(f"{_norm_after(place)}.weight" in self.tensors for place in places) and not any(
            f"{place}.bias" in self.tensors for place in places
        )

    def _style_vector(self) -> np.ndarray:
        parts = []
        for place, channels in zip(self.normed.values(), self.config.norm_channels, strict=True):
            parts.append(self.tensors.get(f"{_norm_after(place)}.weight", np.ones(channels)))
            parts.append(self.tensors.get(f"{_norm_after(place)}.bias", np.zeros(channels)))
        return np.concatenate(parts).astype(np.float32)


def _norm_after(place: str) -> str:
    """`model.4` → `model.5`, `model.10.conv_block.1` → `model.10.conv_block.2`."""
    before, _, number = place.rpartition(".")
    return f"{before}.{int(number) + 1}"
