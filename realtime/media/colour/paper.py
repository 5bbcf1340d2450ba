"""What shows through where an animation is transparent: white paper, in every format."""

import av
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Pixels

PAPER = 255


def laid_over(under: Pixels | int, rgb: Pixels, alpha: NDArray[np.uint8]) -> Pixels:
    """(H, W, 3) uint8 RGB; `alpha` is (H, W, 1) uint8, and `rgb` not multiplied by it."""
    weight = alpha.astype(np.uint32)
    return np.asarray((rgb * weight + under * (255 - weight) + 127) // 255, np.uint8)


def on_paper(frame: av.VideoFrame) -> av.VideoFrame:
    """A decoded frame without its transparency and its times; the same frame where it is opaque."""
    if not _has_alpha(frame.format):
        return frame
    pixels = np.asarray(frame.to_ndarray(format="rgba"), np.uint8)
    return av.VideoFrame.from_ndarray(laid_over(PAPER, pixels[..., :3], pixels[..., 3:]), "rgb24")


def _has_alpha(pixel_format: av.VideoFormat) -> bool:
    return pixel_format.name == "pal8" or any(component.is_alpha for component in pixel_format.components)
