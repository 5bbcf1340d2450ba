"""What follows a convolution in our nets, in torch's operations: the meaning of the fused kernel, and its stand-in.

    z = scale · (x − µ) / √(σ² + ε) + shift,  then ReLU, then the residual added, then the rim of the next convolution

with µ and σ² over the pixels of one picture and channel: conditional instance norm (Dumoulin et al. 2017, arXiv
1610.07629, equation 5). ε is one number per channel, because the weights before it are rescaled channel by channel.
torch's own instance_norm turns an NHWC map to NCHW and back at every layer. Here it stays NHWC throughout. A settled
norm measures nothing: z = scale · x + shift, and the rest alike.

A map [H, W] of C channels is kept in a buffer that the next convolution reads as it stands, so that what is between two
convolutions is one pass: grown by its padding, and, where that convolution works on blocks of 2×2 pixels, folded. A
pixel of a folded buffer holds the channels of place 0 of its block (top left), then those of place 1 (top right), and
so on: [N, (H+2p)/f, (W+2p)/f, f·f·C]. What a convolution of folded kernels returns is such a buffer too, with a rim to
be left out in place of padding.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class MapLayout:
    """`rim` pixels around the map, on every side, in blocks of `fold`×`fold` pixels.

    Where a map is written, the rim is filled by reflection, or with `edge` by its outermost pixels; where one is read,
    it is passed over.
    """

    fold: int = 1
    rim: int = 0
    edge: bool = False

    def shape(self, batch: int, height: int, width: int, channels: int) -> tuple[int, int, int, int]:
        """The buffer of a map; ValueError where the rim does not fit."""
        rows, columns = height + 2 * self.rim, width + 2 * self.rim
        if rows % self.fold or columns % self.fold:
            raise ValueError(f"a map of {height}x{width} with a rim of {self.rim} has no whole blocks of {self.fold}")
        if not self.edge and self.rim >= min(height, width):
            raise ValueError(f"a map of {height}x{width} cannot be reflected by {self.rim} pixels")
        return batch, rows // self.fold, columns // self.fold, self.fold**2 * channels

    def size(self, buffer: Tensor) -> tuple[int, int, int]:
        """(height, width, channels) of the map in a buffer."""
        _, rows, columns, channels = buffer.shape
        return rows * self.fold - 2 * self.rim, columns * self.fold - 2 * self.rim, channels // self.fold**2


PLAIN = MapLayout()


def unpack(buffer: Tensor, layout: MapLayout) -> Tensor:
    """The map in a buffer, [N, H, W, C]."""
    height, width, _ = layout.size(buffer)
    rim = layout.rim
    return unfold(buffer, layout.fold)[:, rim : rim + height, rim : rim + width]


def pack(maps: Tensor, layout: MapLayout) -> Tensor:
    """The buffer of a map [N, H, W, C], its rim filled, contiguous."""
    layout.shape(*maps.shape)  # which refuses what does not fit
    if layout.rim:
        rows, columns = (rim_rows(length, layout, maps.device) for length in maps.shape[1:3])
        maps = maps[:, rows][:, :, columns]
    return fold(maps, layout.fold).contiguous()


def rim_rows(length: int, layout: MapLayout, device: torch.device) -> Tensor:
    """For every row (or column) of the buffer the row of the map that it repeats, int64 [length + 2·rim]."""
    rows = torch.arange(-layout.rim, length + layout.rim, device=device)
    return rows.clamp(0, length - 1) if layout.edge else reflected(rows, length)


def reflected(rows: Tensor, length: int) -> Tensor:
    """Rows before the first and after the last as the rows that they mirror."""
    rows = rows.abs()
    return torch.where(rows < length, rows, 2 * (length - 1) - rows)


def fold(maps: Tensor, by: int) -> Tensor:
    """[N, H, W, C] → [N, H/f, W/f, f·f·C]."""
    if by == 1:
        return maps
    batch, height, width, channels = maps.shape
    blocks = maps.reshape(batch, height // by, by, width // by, by, channels).transpose(2, 3)
    return blocks.reshape(batch, height // by, width // by, by * by * channels)


def unfold(buffer: Tensor, by: int) -> Tensor:
    """[N, h, w, f·f·C] → [N, f·h, f·w, C]."""
    if by == 1:
        return buffer
    batch, rows, columns, channels = buffer.shape
    blocks = buffer.reshape(batch, rows, columns, by, by, channels // by**2).transpose(2, 3)
    return blocks.reshape(batch, rows * by, columns * by, channels // by**2)


@dataclass(frozen=True, slots=True)
class NormPass:
    """One such pass: where its map is read and written, whether it has a ReLU, and how its residual lies.

    With `measures` it is a norm, else scale and shift alone.
    """

    source: MapLayout = PLAIN
    target: MapLayout = PLAIN
    relu: bool = True
    residual: MapLayout = PLAIN
    measures: bool = True


# (x, scale [C], shift [C], epsilon [C], residual, pass) → the next convolution's buffer
Norm = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor | None, NormPass], Tensor]


def torch_norm(
    x: Tensor, scale: Tensor, shift: Tensor, epsilon: Tensor, residual: Tensor | None, step: NormPass
) -> Tensor:
    """The buffer x in `step.source` → the buffer in `step.target`, of the same type; computed in fp32 at least.

    `scale`, `shift` and `epsilon` are [C]; `residual` is a buffer in `step.residual`, or None.
    """
    maps = unpack(x, step.source)
    wide = maps.to(torch.promote_types(maps.dtype, torch.float32))
    if step.measures:
        variance, mean = torch.var_mean(wide, dim=(1, 2), keepdim=True, correction=0)
        wide, scale = wide - mean, scale * torch.rsqrt(variance + epsilon)
    normed = wide * scale + shift
    if step.relu:
        normed = normed.relu()
    if residual is not None:
        normed = normed + unpack(residual, step.residual)
    return pack(normed.to(x.dtype), step.target)
