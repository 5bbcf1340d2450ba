"""What shows through where a picture is transparent: white paper, in every format; and what is painted there."""

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Pixels

PAPER = 255
FILLED_PX = 512  # the long side of the copy in which what is hidden is made up


def laid_over(under: Pixels | int, rgb: Pixels, alpha: NDArray[np.uint8]) -> Pixels:
    """(H, W, 3) uint8 RGB; `alpha` is (H, W, 1) uint8, and `rgb` not multiplied by it."""
    weight = alpha.astype(np.uint32)
    return np.asarray((rgb * weight + under * (255 - weight) + 127) // 255, np.uint8)


def on_white(rgb: Pixels, alpha: Pixels | None) -> Pixels:
    """What is seen on white paper of a picture (H, W, 3) with this alpha (H, W); the picture where it has none."""
    return rgb if alpha is None else laid_over(PAPER, rgb, alpha[..., None])


def filled(rgb: Pixels, alpha: Pixels) -> Pixels:
    """The picture (H, W, 3), and where alpha (H, W) is 0 the colours of what is seen nearby.

    What a file hides there, often black, would have its part in how a net paints all the rest, for its norms are of the
    whole picture. Pull and push (Gortler et al. 1996, The Lumigraph, section 4.3): means of what is seen, in
    ever coarser copies, fill what is empty in the finer ones.
    """
    seen = (alpha > 0).astype(np.uint8)
    if not seen.any() or seen.all():
        return rgb
    height, width = alpha.shape
    scale = min(1.0, FILLED_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    sums, weight = (_shrunk(each, size) for each in (rgb * seen[..., None], seen))
    made_up = cv2.resize(np.rint(_filled(sums, weight)).astype(np.uint8), (width, height))
    return np.asarray(np.where(seen[..., None] > 0, rgb, made_up), np.uint8)


def _filled(sums: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours [h, w, 3] of sums and their weight [h, w], 0 where nothing is seen."""
    there = weight > 0
    own = sums / np.where(there, weight, 1)[..., None]
    if there.all():
        return np.asarray(own, np.float32)
    rows, columns = weight.shape
    half = (columns + 1) // 2, (rows + 1) // 2
    coarse = _filled(_shrunk(sums, half), _shrunk(weight, half))
    return np.asarray(np.where(there[..., None], own, cv2.resize(coarse, (columns, rows))), np.float32)


def _shrunk(values: NDArray[np.uint8] | NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)


def on_paper(frame: av.VideoFrame) -> av.VideoFrame:
    """A decoded frame without its transparency and its times; the same frame where it is opaque."""
    if not _has_alpha(frame.format):
        return frame
    pixels = np.asarray(frame.to_ndarray(format="rgba"), np.uint8)
    return av.VideoFrame.from_ndarray(laid_over(PAPER, pixels[..., :3], pixels[..., 3:]), "rgb24")


def _has_alpha(pixel_format: av.VideoFormat) -> bool:
    return pixel_format.name == "pal8" or any(component.is_alpha for component in pixel_format.components)
