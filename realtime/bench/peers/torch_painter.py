"""The net in torch as a person would write it: rebuilt from the style file, layer by layer or through torch.compile."""

from collections.abc import Callable
from typing import Any

import numpy as np

from engines.backends.torch_eager import rebuild_net
from engines.packages import needing_extra
from engines.style.styles import StyleFile

Paint = Callable[[np.ndarray], np.ndarray]


def import_torch() -> Any:
    """torch; ImpastoError where it is not installed."""
    with needing_extra("train", "it"):
        import torch
    return torch


def torch_painter(style: StyleFile, vector: np.ndarray, *, half: bool, compiled: bool) -> Paint:
    """The torch net between two arrays, on CUDA where there is a card."""
    torch = import_torch()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = (torch.float16 if device == "cuda" else torch.bfloat16) if half else torch.float32
    net = rebuild_net(style).to(device, kind)
    painting = torch.compile(net) if compiled else net
    row = torch.from_numpy(vector.copy())[None].to(device, kind)

    def paint(rgb: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            picture = torch.from_numpy(rgb).to(device).permute(2, 0, 1).to(kind).div(255)[None]
            painted = painting(picture, row)[0].float().clamp(0, 1).mul(255).round()
            array: np.ndarray = painted.permute(1, 2, 0).byte().cpu().numpy()
        return array

    return paint
