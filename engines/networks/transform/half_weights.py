"""A transform net's weights as the half precision net runs them. Everything here is exact but for rounding.

- A convolution before a norm may be rescaled, channel by channel, if the norm's ε is scaled by the square. Each channel
  is brought to a weight norm of about 1 (in the stem, which reads 0..255, about 1/64), so that what comes out has a
  deviation of about 1 and fp16, which ends at 65504, cannot overflow: that overflow is what turns frames black. The
  factors are powers of two, so that no weight loses a bit by it. Behind a settled norm they go into its scale.
- Nearest ×2, reflection pad 1 and a 3×3 convolution are four 2×2 convolutions of the small map with its edge repeated.
- A 9×9 convolution at full resolution is a 5×5 one of the map in blocks of 2×2.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from engines.kernels.instance_norm import PLAIN, MapLayout
from engines.networks.transform.config import NORM_EPSILON, SETTLED_GAIN, TransformConfig

WHITE = 255.0
# About the deviation of a photograph's pixels, 0..255.
PICTURE_DEVIATION = 64.0
# Tensor cores read and write channels in groups of 8.
CHANNEL_GROUP = 8
Weights = Mapping[str, Tensor]


def as_it_is(weight: Tensor) -> Tensor:
    return weight


@dataclass(frozen=True, slots=True)
class Convolution:
    """One convolution: the buffer that it reads, the one that it returns, and what the norm after it does.

    What the convolution at the place `adds` reads is added behind the norm, which measures nothing if it is `settled`.
    """

    place: str
    reads: MapLayout
    returns: MapLayout = PLAIN
    stride: int = 1
    relu: bool = True
    settled: bool = False
    adds: str | None = None
    rewrite: Callable[[Tensor], Tensor] = as_it_is


def convolutions(config: TransformConfig) -> list[Convolution]:
    """All of the net's, in the order in which the picture meets them; the last is the head, with no norm after it."""
    return [
        _outermost(config, "down.0", config.stem_kernel),
        *(Convolution(f"down.{level}", MapLayout(rim=1), stride=2) for level in range(1, len(config.widths))),
        *(each for number in range(config.blocks) for each in _block(f"blocks.{number}", config.settled)),
        *_upsampling(config),
        _outermost(config, "head", config.head_kernel),
    ]


def _block(place: str, settled: bool) -> tuple[Convolution, Convolution]:
    around = MapLayout(rim=1)
    first = Convolution(f"{place}.conv1", around, settled=settled)
    return first, Convolution(f"{place}.conv2", around, relu=False, settled=settled, adds=first.place)


def _upsampling(config: TransformConfig) -> Iterator[Convolution]:
    for level in range(lowest := len(config.widths) - 1):
        skips = config.skip and level == 0
        yield Convolution(
            f"up.{level}", MapLayout(rim=1, edge=True), MapLayout(fold=2, rim=1), relu=not skips,
            settled=config.settled, adds=f"down.{lowest}" if skips else None, rewrite=phase_kernels,
        )  # fmt: skip
        for number in range(config.refine_blocks if level == 0 else 0):
            yield from _block(f"refine.{number}", config.settled)


def _outermost(config: TransformConfig, place: str, kernel: int) -> Convolution:
    """The stem or the head, which see the picture."""
    if config.unshuffle == 1 and kernel == 9 and config.size_multiple % 2 == 0:
        return Convolution(place, MapLayout(fold=2, rim=4), MapLayout(fold=2), rewrite=half_resolution)
    by_place = inputs_by_place if place == "down.0" else outputs_by_place
    return Convolution(place, MapLayout(rim=kernel // 2), rewrite=partial(by_place, unshuffle=config.unshuffle))


def balanced(weight: Tensor, deviation: float) -> tuple[Tensor, Tensor]:
    """(weight [out, in, k, k] with each output channel times its power of two, these factors float64 [out]).

    An input of this deviation in every channel then gives an output whose deviation is about 1.
    """
    norms = torch.linalg.vector_norm(weight.double(), dim=(1, 2, 3)) * deviation
    exponents = torch.where(norms > 0, -torch.log2(norms).round(), 0.0)
    factors = torch.exp2(exponents)
    return weight.double() * factors[:, None, None, None], factors


def normed_weight(step: Convolution, weights: Weights) -> tuple[Tensor, Tensor, Tensor]:
    """A convolution before a norm, in float64: its kernels, and [out] the norm's ε and what its scale is multiplied by.

    The stem reads 0..255 where the net was trained on 0..1.
    """
    stem = step.place == "down.0"
    weight, factors = balanced(weights[f"{step.place}.weight"], PICTURE_DEVIATION if stem else 1.0)
    if stem:
        factors = factors * WHITE
    kernels = _whole_groups(step.rewrite(weight), 1) if stem else step.rewrite(weight)
    gain = SETTLED_GAIN / factors if step.settled else torch.ones_like(factors)
    return kernels, NORM_EPSILON * factors**2, gain


def head_weight(step: Convolution, weights: Weights) -> tuple[Tensor, Tensor]:
    """(kernels, output channels filled up to whole groups; bias, for the channels that are meant), both float64."""
    weight, bias = (weights[f"{step.place}.{part}"].double() for part in ("weight", "bias"))
    kernels = step.rewrite(weight)
    if step.rewrite is half_resolution:
        return _whole_groups(kernels, 0), bias.repeat(4)
    return _whole_groups(kernels, 0), step.rewrite(bias[:, None, None, None]).flatten()


def detail_matrix(weights: Weights, unshuffle: int) -> Tensor:
    """[out, in] between blocks of the picture, place by place, float64."""
    weight = weights["detail.weight"].double()
    return inputs_by_place(outputs_by_place(weight, unshuffle=unshuffle), unshuffle=unshuffle).flatten(1)


def _whole_groups(weight: Tensor, axis: int) -> Tensor:
    """Zeros after the last channel of an axis (0: out, 1: in)."""
    missing = -weight.shape[axis] % CHANNEL_GROUP
    return functional.pad(weight, [0, 0, 0, 0, 0, missing] if axis else [0, 0, 0, 0, 0, 0, 0, missing])


def phase_kernels(weight: Tensor) -> Tensor:
    """[out, in, 3, 3] → [4·out, in, 2, 2]: what each of the four places of a doubled pixel sees of the small map.

    Row 2i of the doubled map sees rows i−1 and i with taps k0 | k1+k2, row 2i+1 sees i and i+1 with k0+k1 | k2. The
    rows come out one late, so the odd ones take place 0 of the block, and a rim of one row is left out.
    """
    taps = weight.new_tensor([[[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]])
    parts = torch.einsum("pty,oiyx,qux->pqoitu", taps, weight, taps)
    return parts.reshape(-1, *parts.shape[3:])


def half_resolution(weight: Tensor) -> Tensor:
    """[out, in, 9, 9] → [4·out, 4·in, 5, 5] between maps in blocks of 2×2, place by place.

    Place a of the block sees full-resolution tap t at offset t + a = 2·(small tap) + (place of the input).
    """
    taps = weight.new_zeros(2, 5, 2, 9)
    for place in range(2):
        for tap in range(9):
            taps[place, (tap + place) // 2, (tap + place) % 2, tap] = 1
    parts = torch.einsum("ptay,oiyx,qubx->pqoabitu", taps, weight, taps)
    out, channels = weight.shape[:2]
    return parts.reshape(4 * out, 4 * channels, 5, 5)


def inputs_by_place(weight: Tensor, *, unshuffle: int) -> Tensor:
    """From pixel_unshuffle's order of input channels, colour first, to the place in the block first."""
    out, channels, *kernel = weight.shape
    return weight.reshape(out, 3, unshuffle**2, *kernel).transpose(1, 2).reshape(out, channels, *kernel)


def outputs_by_place(weight: Tensor, *, unshuffle: int) -> Tensor:
    """The same for the output channels."""
    return weight.reshape(3, unshuffle**2, *weight.shape[1:]).transpose(0, 1).reshape(weight.shape)
