"""The join of `join.py` for pictures that lie in a GPU's memory, in torch; the same figures, in floats.

It runs on the processor too, which is how it is tested.
"""

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from engines.spec import Controls
from realtime.frames.frame import RGB_TO_LUMA
from realtime.media.colour.device import complete_on_device
from realtime.painting.full_size.guided_join import COMB_STOP, DETAIL, EDGE_VARIANCE, FLAT_VARIANCE, FOLLOWS, MOST_SLOPE

if TYPE_CHECKING:
    from torch import Tensor

Size = tuple[int, int]


def small_device_copy(full: "Tensor", size: Size) -> "Tensor":
    """The picture, uint8 [H, W, 3], at `size` (width, height), areas averaged; itself where it has that size."""
    if (full.shape[1], full.shape[0]) == size:
        return full
    with complete_on_device(full):
        return _bytes(functional.interpolate(_planes(full), size=size[::-1], mode="bilinear", antialias=True))


def join_on_device(controls: Controls, full: "Tensor", small: "Tensor", painted: "Tensor") -> "Tensor":
    """The painted picture, uint8 [H, W, 3] as `full`; `small` and `painted` are [h, w, 3]."""
    if controls.strength == 0:
        return full
    with complete_on_device(full):
        picture = _planes(full)
        whole = _enlarged(picture, _planes(small), _planes(painted))
        if controls.keep_colour > 0:
            whole = whole + controls.keep_colour * (picture - _luma(picture) - whole + _luma(whole))
        return _bytes(torch.lerp(picture, whole, controls.strength))


def _enlarged(picture: "Tensor", small: "Tensor", painted: "Tensor") -> "Tensor":
    guide, size = _luma(small), picture.shape[2:]
    mean = _mean(guide)
    variance = (_mean(guide * guide) - mean * mean).clamp_min(0)
    means = _mean(painted)
    slope = (_mean(painted * guide) - means * mean) / (variance + EDGE_VARIANCE)
    slope = slope.clamp(-MOST_SLOPE, MOST_SLOPE)
    slope, offset = _mean(slope), _mean(means - slope * mean)
    kept = _mean(-functional.max_pool2d(-FLAT_VARIANCE / (variance + FLAT_VARIANCE), 3, 1, 1))
    guided = slope * guide + offset
    whole = guided + kept * _smoothed(painted - guided)
    of_luma = _luma(slope)
    more = (DETAIL * (1 - kept) - of_luma).clamp_min(0) * (of_luma / FOLLOWS).clamp(0, 1)
    slope = (slope + more).clamp(-MOST_SLOPE, MOST_SLOPE)
    offset = whole - slope * guide
    large_slope = functional.interpolate(slope, size=size, mode="bilinear")
    return (large_slope * _luma(picture) + functional.interpolate(offset, size=size, mode="bicubic")).clamp(0, 255)


def _mean(planes: "Tensor") -> "Tensor":
    return functional.avg_pool2d(functional.pad(planes, (1, 1, 1, 1), mode="reflect"), 3, 1)


def _smoothed(planes: "Tensor") -> "Tensor":
    band = torch.from_numpy(COMB_STOP).to(planes)
    kernel = torch.outer(band, band).expand(planes.shape[1], 1, len(band), len(band))
    edge = len(band) // 2
    return functional.conv2d(functional.pad(planes, 4 * (edge,), mode="reflect"), kernel, groups=planes.shape[1])


def _luma(planes: "Tensor") -> "Tensor":
    weights = torch.from_numpy(RGB_TO_LUMA).to(planes).reshape(1, 3, 1, 1)
    return (planes * weights).sum(1, keepdim=True)


def _planes(rgb: "Tensor") -> "Tensor":
    """float32 [1, 3, H, W] in codes 0..255."""
    return rgb.permute(2, 0, 1)[None].float()


def _bytes(planes: "Tensor") -> "Tensor":
    return (planes[0].permute(1, 2, 0) + 0.5).clamp(0, 255).byte().contiguous()
