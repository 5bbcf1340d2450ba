"""The join in torch, in floats: for pictures in a GPU's memory, and in training, where gradients go through it.

realtime/painting/full_size/guided_join.py tells how it works, and does the same on the processor in integers.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engines.networks.join.figures import (
    COMB_STOP,
    DETAIL,
    EDGE_VARIANCE,
    FLAT_VARIANCE,
    FOLLOWS,
    MOST_SLOPE,
    SOFT_COLOURS,
    WINDOW_PX,
)
from engines.networks.picture_graph import LUMA


def joined(picture: Tensor, small: Tensor, painted: Tensor) -> Tensor:
    """picture [B, 3, H, W], its small copy and the painting of that [B, 3, h, w], RGB in codes 0..255 → as picture.

    Not rounded; clamped to 0..255.
    """
    guide, size, painted = luma_of(small), picture.shape[2:], _with_soft_colours(painted)
    mean = box_mean(guide)
    variance = (box_mean(guide * guide) - mean * mean).clamp_min(0)
    means = box_mean(painted)
    slope = (box_mean(painted * guide) - means * mean) / (variance + EDGE_VARIANCE)
    slope = slope.clamp(-MOST_SLOPE, MOST_SLOPE)
    slope, offset = box_mean(slope), box_mean(means - slope * mean)
    kept = box_mean(-functional.max_pool2d(-FLAT_VARIANCE / (variance + FLAT_VARIANCE), WINDOW_PX, 1, WINDOW_PX // 2))
    guided = slope * guide + offset
    whole = guided + kept * _filtered(painted - guided, COMB_STOP)
    if size == small.shape[2:]:  # all that there is to do is to take out halo and comb
        return whole.clamp(0, 255)
    of_luma = luma_of(slope)
    more = (DETAIL * (1 - kept) - of_luma).clamp_min(0) * (of_luma / FOLLOWS).clamp(0, 1)
    slope = (slope + more).clamp(-MOST_SLOPE, MOST_SLOPE)
    offset = whole - slope * guide
    large_slope = functional.interpolate(slope, size=size, mode="bilinear")
    return (large_slope * luma_of(picture) + functional.interpolate(offset, size=size, mode="bicubic")).clamp(0, 255)


def _with_soft_colours(painted: Tensor) -> Tensor:
    """[B, 3, H, W] → the same: its luma, and its colours as films have them (SOFT_COLOURS)."""
    luma = luma_of(painted)
    return luma + _filtered(painted - luma, SOFT_COLOURS)


def luma_of(planes: Tensor) -> Tensor:
    """[B, 3, H, W] → [B, 1, H, W]."""
    return (planes * planes.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def box_mean(planes: Tensor, window: int = WINDOW_PX) -> Tensor:
    """[B, C, H, W] → the same: means over an odd window, reflected at the border.

    Row by row and column by column, in sums of whole pictures: a tenth of the time that torch's pooling takes.
    """
    edge = window // 2
    padded = functional.pad(planes, 4 * (edge,), mode="reflect")
    rows = sum(padded[..., place : place + planes.shape[-1]] for place in range(window))
    assert isinstance(rows, Tensor)
    whole = sum(rows[..., place : place + planes.shape[-2], :] for place in range(window))
    assert isinstance(whole, Tensor)
    return whole / window**2


def _filtered(planes: Tensor, taps: "NDArray[np.floating[Any]]") -> Tensor:
    """[B, C, H, W] → the same, filtered down and across by the taps."""
    band = torch.from_numpy(taps).to(planes)
    kernel = torch.outer(band, band).expand(planes.shape[1], 1, len(band), len(band))
    edge = len(band) // 2
    return functional.conv2d(functional.pad(planes, 4 * (edge,), mode="reflect"), kernel, groups=planes.shape[1])
