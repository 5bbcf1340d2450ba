"""The join of `join.py` for pictures that lie in a GPU's memory, in torch (engines.networks.join).

It runs on the processor too, which is how it is tested.
"""

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from engines.networks.join.tensors import joined, luma_of
from engines.spec import Controls
from realtime.media.colour.device import complete_on_device

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
        whole = joined(picture, _planes(small), _planes(painted))
        if controls.keep_colour > 0:
            whole = whole + controls.keep_colour * (picture - luma_of(picture) - whole + luma_of(whole))
        return _bytes(torch.lerp(picture, whole, controls.strength))


def _planes(rgb: "Tensor") -> "Tensor":
    """float32 [1, 3, H, W] in codes 0..255."""
    return rgb.permute(2, 0, 1)[None].float()


def _bytes(planes: "Tensor") -> "Tensor":
    return (planes[0].permute(1, 2, 0) + 0.5).clamp(0, 255).byte().contiguous()
