"""Cases for the norm between two convolutions, and what has to come out, by torch's NCHW operations in float64."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engines.kernels.instance_norm import MapLayout, NormPass

PLAIN = MapLayout()
# What stands in a rim that is to be passed over: whoever reads it is far off.
RUBBISH = 3e4


@dataclass(frozen=True, slots=True)
class NormCase:
    """A map's size, how it and its residual lie, and what its values are like."""

    channels: int
    size: tuple[int, int]
    step: NormPass
    adds: bool = False
    mean: float = 0.0
    deviation: float = 1.0
    dtype: torch.dtype = torch.float32
    batch: int = 1

    def inputs(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
        """(x, scale, shift, epsilon, residual) as the norm takes them."""
        generator = torch.Generator().manual_seed(11)
        maps = self.mean + self.deviation * torch.randn(self.batch, self.channels, *self.size, generator=generator)
        beside = torch.randn(maps.shape, generator=generator)
        scale, shift = (torch.randn(self.channels, generator=generator) for _ in range(2))
        epsilon = torch.rand(self.channels, generator=generator) * 1e-3
        residual = buffer_of(beside, self.step.residual).to(self.dtype) if self.adds else None
        return buffer_of(maps, self.step.source).to(self.dtype), scale, shift, epsilon, residual

    def tolerance(self, expected: Tensor) -> float:
        """A rounding of the result, and what a mean far from zero costs in fp32."""
        far = 1e-6 * (1 + abs(self.mean) / self.deviation)
        return (torch.finfo(self.dtype).eps + far) * float(expected.abs().max())

    def error(self, found: Tensor) -> float:
        """The largest difference as a share of what is tolerated; infinite where the shape or type is another."""
        expected = self.expected()
        if found.shape != expected.shape or found.dtype != self.dtype:
            return math.inf
        return float((found.double() - expected).abs().max()) / self.tolerance(expected)

    def expected(self) -> Tensor:
        x, scale, shift, epsilon, residual = self.inputs()
        maps = map_of(x.double(), self.step.source)
        if self.step.measures:
            z = torch.cat([_normed(*each) for each in zip(maps.unbind(1), scale, shift, epsilon, strict=True)], 1)
        else:
            z = torch.einsum("nchw,c->nchw", maps, scale.double()) + shift.double()[:, None, None]
        z = z.relu() if self.step.relu else z
        z = z if residual is None else z + map_of(residual.double(), self.step.residual)
        target = self.step.target
        padded = functional.pad(z, [target.rim] * 4, mode="replicate" if target.edge else "reflect")
        return folded(padded, target.fold)


def _normed(channel: Tensor, scale: Tensor, shift: Tensor, epsilon: Tensor) -> Tensor:
    """[N, H, W] → [N, 1, H, W]; instance_norm takes one ε for all channels, so each goes through it alone."""
    weight, bias = scale[None].double(), shift[None].double()
    return functional.instance_norm(channel[:, None], weight=weight, bias=bias, eps=float(epsilon))


def buffer_of(maps: Tensor, layout: MapLayout) -> Tensor:
    """A map [N, C, H, W] as it is read in a layout, with rubbish for a rim."""
    return folded(functional.pad(maps, [layout.rim] * 4, value=RUBBISH), layout.fold)


def folded(maps: Tensor, by: int) -> Tensor:
    """[N, C, H, W] → NHWC, by torch's pixel_unshuffle, which counts the channel before the place in the block."""
    batch, channels, _, _ = maps.shape
    blocks = functional.pixel_unshuffle(maps, by)
    places = blocks.reshape(batch, channels, by * by, *blocks.shape[2:]).transpose(1, 2)
    return places.reshape(blocks.shape).permute(0, 2, 3, 1).contiguous()


def map_of(buffer: Tensor, layout: MapLayout) -> Tensor:
    """The map [N, C, H, W] in a buffer."""
    blocks = buffer.permute(0, 3, 1, 2)
    places = blocks.reshape(len(blocks), layout.fold**2, -1, *blocks.shape[2:]).transpose(1, 2)
    whole = functional.pixel_shuffle(places.reshape(blocks.shape), layout.fold)
    rim = layout.rim
    return whole[:, :, rim : whole.shape[2] - rim, rim : whole.shape[3] - rim]


REFLECTED, EDGED, STEM, UP = MapLayout(rim=1), MapLayout(rim=1, edge=True), MapLayout(2), MapLayout(2, rim=1)
HEAD = MapLayout(2, rim=4)
CASES = {
    "plain": NormCase(3, (5, 7), NormPass()),
    "no ReLU": NormCase(3, (5, 7), NormPass(relu=False)),
    "one channel, two pictures": NormCase(1, (4, 9), NormPass(target=REFLECTED), batch=2),
    "reflected": NormCase(8, (17, 23), NormPass(target=REFLECTED)),
    "edge repeated": NormCase(5, (17, 23), NormPass(target=EDGED)),
    "residual": NormCase(6, (9, 11), NormPass(target=REFLECTED, relu=False, residual=REFLECTED), adds=True),
    "residual for an upsampling": NormCase(6, (9, 11), NormPass(target=EDGED, residual=REFLECTED), adds=True, batch=2),
    "stem in blocks": NormCase(5, (12, 18), NormPass(STEM, REFLECTED), batch=2),
    "upsampling": NormCase(7, (10, 14), NormPass(UP, REFLECTED)),
    "upsampling to the head in blocks": NormCase(12, (16, 18), NormPass(UP, HEAD)),
    "rim of four": NormCase(4, (9, 7), NormPass(target=MapLayout(rim=4))),
    "more channels than a tile": NormCase(130, (6, 5), NormPass(target=REFLECTED)),
    "several tiles in a part": NormCase(40, (17, 31), NormPass(target=REFLECTED)),
    "many parts": NormCase(3, (92, 92), NormPass(UP, REFLECTED, relu=False)),
    "settled": NormCase(12, (16, 22), NormPass(UP, REFLECTED, measures=False), mean=2, deviation=3, batch=2),
    "settled in a block": NormCase(
        6, (9, 11), NormPass(target=EDGED, relu=False, residual=REFLECTED, measures=False), adds=True
    ),
    "settled in fp16": NormCase(24, (18, 20), NormPass(target=REFLECTED, measures=False), dtype=torch.float16),
    "mean far from zero": NormCase(5, (40, 41), NormPass(relu=False), mean=3000, deviation=0.7),
    "mean far from zero in blocks": NormCase(5, (40, 42), NormPass(STEM, relu=False), mean=-900, deviation=0.5),
    "fp16": NormCase(24, (18, 20), NormPass(UP, REFLECTED), dtype=torch.float16),
    "fp16 far from zero": NormCase(9, (33, 20), NormPass(), mean=300, deviation=1, dtype=torch.float16),
    "bf16": NormCase(24, (18, 20), NormPass(REFLECTED, HEAD, residual=EDGED), adds=True, dtype=torch.bfloat16),
}
