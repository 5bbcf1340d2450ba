"""Synthetic motion: a second frame made from a still, so that stability can be trained without video.

After compound regularisation (Wang et al., AAAI 2020): a smooth random flow, a global shift and a camera's noise; with
ReCoNet's change of luminance (Gao et al. 2018). The stylized second frame should be the stylized first, moved. In some
pairs nothing moves, and in some of those somebody steps into the picture: what is painted of the wall behind must not
change with that, though the statistics by which a net's norms go do.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engines.networks.transform.config import TEXTURES
from engines.networks.transform.seed_texture import periodic_noise
from trainers.camera_noise import sensor_noise

# Of a black picture nothing is relative.
LEAST_MEAN = 0.05
# Textures are cut from sheets of this side, in sizes that are a multiple of any net's blocks.
SHEET_PX = 1024
SIZES_PX = 32

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MotionOptions:
    """How far things move, in pixels, the most noise and how the light changes, in 0..1.

    In the part `still` of the pairs nothing moves, and in the part `visited` of those somebody steps in.
    """

    cell_px: int = 64
    flow_px: float = 4.0
    shift_px: float = 10.0
    noise: float = 0.02
    luminance: float = 0.02
    still: float = 0.4
    visited: float = 0.5


def random_flow(batch: int, height: int, width: int, options: MotionOptions, generator: torch.Generator) -> Tensor:
    """[B, 2, H, W], in pixels (x, y): where each pixel of the second frame comes from in the first, as an offset."""
    rows, columns = max(2, height // options.cell_px + 1), max(2, width // options.cell_px + 1)
    knots = torch.randn(batch, 2, rows, columns, generator=generator) * options.flow_px
    smooth = functional.interpolate(knots, (height, width), mode="bicubic", align_corners=True)
    shift = (torch.rand(batch, 2, 1, 1, generator=generator) * 2 - 1) * options.shift_px
    return smooth + shift


def warp(picture: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """picture [B, C, H, W], flow [B, 2, H, W] in pixels → the picture read at p + flow(p), and where that was inside.

    The mask is [B, 1, H, W], 1 where the place lies in the picture.
    """
    height, width = picture.shape[-2:]
    ys = torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None]
    xs = torch.arange(width, device=flow.device, dtype=flow.dtype)
    x = (xs + flow[:, 0]) * (2 / (width - 1)) - 1
    y = (ys + flow[:, 1]) * (2 / (height - 1)) - 1
    inside = ((x.abs() <= 1) & (y.abs() <= 1)).to(picture.dtype)[:, None]
    places = torch.stack([x, y], dim=-1)
    return functional.grid_sample(picture, places, mode="bilinear", padding_mode="border", align_corners=True), inside


@dataclass(frozen=True, slots=True, eq=False)
class SecondFrame:
    """A second frame [B, 3, H, W], the flow [B, 2, H, W] back to the first and the light added [B, 1, 1, 1].

    `clean` is the frame without noise, and `same` [B, 1, H, W] is 1 where it shows what the first one does.
    """

    frame: Tensor
    clean: Tensor
    flow: Tensor
    light: Tensor
    same: Tensor

    def instability(self, first: Tensor, second: Tensor) -> Tensor:
        """[B]: mean |warp(first + light) − second| of both frames as they were painted, where they show the same."""
        moved, inside = warp(first + self.light, self.flow)
        counts = inside * self.same
        difference = ((moved - second).abs() * counts).flatten(1).sum(1)
        return difference / (counts.flatten(1).sum(1) * first.shape[1]).clamp_min(1)


def second_frame(picture: Tensor, options: MotionOptions, generator: torch.Generator) -> SecondFrame:
    """What a camera may give after the pictures [B, 3, H, W]."""
    batch, _, height, width = picture.shape
    still, visited = torch.rand(2, batch, 1, 1, 1, generator=generator)
    moves = (still >= options.still).float()
    flow = (random_flow(batch, height, width, options, generator) * moves).to(picture)
    light = (torch.randn(batch, 1, 1, 1, generator=generator) * options.luminance).to(picture)
    moved, _ = warp(picture, flow)
    visitor = _ellipse(batch, height, width, generator) * (1 - moves) * (visited < options.visited)
    visitor = visitor.to(picture)
    seen = moved + visitor * (picture.roll(1, 0).flip(-1) - moved) + light
    return SecondFrame(seen + sensor_noise(seen, options.noise, generator), seen, flow, light, (visitor == 0).to(seen))


def _ellipse(batch: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """[B, 1, H, W]: 1 within an ellipse anywhere in the picture, about a fifth of it, with a soft edge."""
    x, y, across, down = torch.rand(4, batch, 1, 1, 1, generator=generator)
    columns, rows = torch.linspace(0, 1, width), torch.linspace(0, 1, height)[:, None]
    distance = ((columns - x) / (0.15 + 0.2 * across)).square() + ((rows - y) / (0.2 + 0.3 * down)).square()
    shape: Tensor = ((1 - distance) * 4).clamp(0, 1)
    return shape


def fresh_texture(pictures: torch.Size, rng: np.random.Generator, wanted: Collection[str] = TEXTURES) -> Tensor:
    """[B, K, P, P] for pictures [B, 3, H, W], P at least their sides: each seed texture, from anywhere in its sheet.

    Other noise for every sample, and none that a net paints with when it is used. Those that are not `wanted` are no
    numbers: their sheets take a second each, and a net that took one all the same would be told so by its losses.
    """
    side = -(-max(pictures[-2:]) // SIZES_PX) * SIZES_PX
    cut = np.full((pictures[0], len(TEXTURES), side, side), np.nan, np.float32)
    for sample in cut:
        for place, name in zip(sample, TEXTURES, strict=True):
            corner = rng.integers(SHEET_PX, size=2)  # of every texture, so that no other moves with what is wanted
            if name in wanted:
                place[:] = _from_sheet(name, side, corner)
    return torch.from_numpy(cut)


def _from_sheet(texture: str, side: int, corner: NDArray[np.integer[Any]]) -> Floats:
    """float32 [side, side] of a sheet that is repeated, from a row and a column on."""
    rows, columns = (np.arange(first, first + side) % SHEET_PX for first in corner)
    cut: Floats = _sheet(texture)[np.ix_(rows, columns)]
    return cut


@cache
def _sheet(texture: str) -> Floats:
    return periodic_noise(texture, SHEET_PX, np.random.default_rng((SHEET_PX, TEXTURES.index(texture))))


def carried(texture: Tensor, flow: Tensor) -> Tensor:
    """The seed textures [B, K, P, P] of a second frame: moved as the frame is, [B, 2, H, W] in pixels."""
    height, width = flow.shape[-2:]
    moved, _ = warp(texture[..., :height, :width], flow)
    carried = texture.clone()
    carried[..., :height, :width] = moved
    return carried


def difference_loss(painted: Tensor, second_painted: Tensor, plain: Tensor, second_plain: Tensor) -> Tensor:
    """[B, C, H, W] each, pictures or features of them → [B]: how the painted change differs from the plain one.

    mean |(o_t − o_{t−1}) − (i_t − i_{t−1})|, relative to the mean of the plain values: what does not change before the
    camera does not change in the painting (arXiv 2102.05822).
    """
    unlike = (second_painted - painted - (second_plain - plain)).abs().flatten(1).mean(1)
    return unlike / plain.abs().flatten(1).mean(1).clamp_min(LEAST_MEAN)
