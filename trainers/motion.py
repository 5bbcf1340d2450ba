"""Synthetic motion: a second frame made from a still, so that stability can be trained without video.

After compound regularisation (Wang et al., AAAI 2020): a smooth random flow, a global shift and a little noise; with
ReCoNet's change of luminance (Gao et al. 2018). The stylized second frame should be the stylized first, moved.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engines.networks.transform.seed_texture import CELLS_PX, periodic_noise


@dataclass(frozen=True, slots=True)
class MotionOptions:
    """How far things move, in pixels, how the light changes, in 0..1, and in which part of the pairs nothing moves."""

    cell_px: int = 64
    flow_px: float = 4.0
    shift_px: float = 10.0
    noise: float = 0.01
    luminance: float = 0.02
    still: float = 0.25


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


def second_frame(picture: Tensor, options: MotionOptions, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """picture [B, 3, H, W] → (the second frame, the flow back to the first, the luminance added [B, 1, 1, 1])."""
    batch, _, height, width = picture.shape
    moves = (torch.rand(batch, 1, 1, 1, generator=generator) >= options.still).to(picture)
    flow = random_flow(batch, height, width, options, generator).to(picture) * moves
    noise = torch.randn(picture.shape, generator=generator).to(picture) * options.noise
    light = (torch.randn(batch, 1, 1, 1, generator=generator) * options.luminance).to(picture)
    moved, _ = warp(picture, flow)
    return moved + noise + light, flow, light


def sensor_noise(picture: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Noise for pictures [B, 3, H, W], of deviation 0 to `most` from sample to sample: a net must not paint it."""
    strength = torch.rand(len(picture), 1, 1, 1, generator=generator) * most
    return (torch.randn(picture.shape, generator=generator) * strength).to(picture)


def fresh_texture(pictures: torch.Size, rng: np.random.Generator) -> Tensor:
    """[B, 1, P, P] for pictures [B, 3, H, W], P at least their sides: other noise for every sample."""
    period = -(-max(pictures[-2:]) // max(CELLS_PX)) * max(CELLS_PX)
    return torch.from_numpy(np.stack([periodic_noise(period, rng) for _ in range(pictures[0])]))[:, None]


def carried(texture: Tensor, flow: Tensor) -> Tensor:
    """The seed texture [B, 1, P, P] of a second frame: moved as the frame is, [B, 2, H, W] in pixels."""
    height, width = flow.shape[-2:]
    moved, _ = warp(texture[..., :height, :width], flow)
    carried = texture.clone()
    carried[..., :height, :width] = moved
    return carried


def stability_loss(first: Tensor, second: Tensor, flow: Tensor) -> Tensor:
    """[B]: mean |warp(first) − second| where the flow stays inside; both stylized, [B, 3, H, W]."""
    moved, inside = warp(first, flow)
    difference = ((moved - second).abs() * inside).flatten(1).sum(1)
    return difference / (inside.flatten(1).sum(1) * first.shape[1]).clamp_min(1)
