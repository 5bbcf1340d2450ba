"""What shows through where a picture is transparent: white paper, in every format; and what is painted there."""

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Pixels

PAPER = 255
LEAST_SEEN = 16  # of 255: whatever has less is as good as hidden, and so are its colours
FILLED_PX = 512  # the long side of the copy in which what is hidden is made up


def laid_over(under: Pixels | int, rgb: Pixels, alpha: NDArray[np.uint8]) -> Pixels:
    """(H, W, 3) uint8 RGB; `alpha` is (H, W, 1) uint8, and `rgb` not multiplied by it."""
    weight = alpha.astype(np.uint32)
    return np.asarray((rgb * weight + under * (255 - weight) + 127) // 255, np.uint8)


def on_white(rgb: Pixels, alpha: Pixels | None) -> Pixels:
    """What is seen on white paper of a picture (H, W, 3) with this alpha (H, W); the picture where it has none."""
    return rgb if alpha is None else laid_over(PAPER, rgb, alpha[..., None])


def filled(rgb: Pixels, alpha: Pixels) -> Pixels:
    """The picture (H, W, 3), and where alpha (H, W) hides it the colours of what is seen nearby.

    What a file hides there, often black, would have its part in how a net paints all the rest, for its norms are of the
    whole picture. Pull and push (Gortler et al. 1996, The Lumigraph, section 4.3): means of what is seen, in
    ever coarser copies, fill what is empty in the finer ones.
    """
    hidden = alpha < LEAST_SEEN
    if not hidden.any() or hidden.all():
        return rgb
    step = -(-max(hidden.shape) // FILLED_PX)
    made_up = np.rint(_filled(*_sums(rgb, ~hidden, step))).astype(np.uint8)
    result = rgb.copy()
    for top in range(0, len(rgb), step):
        rows, columns = np.nonzero(hidden[top : top + step])
        result[top + rows, columns] = made_up[top // step, columns // step]
    return result


def _sums(rgb: Pixels, seen: NDArray[np.bool_], step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sums of what is seen in squares of `step` pixels, [h, w, 3], and of how many pixels, [h, w]; row by row."""
    starts = np.arange(0, seen.shape[1], step)
    sums, counts = [], []
    for top in range(0, len(rgb), step):
        there = seen[top : top + step]
        colours = (rgb[top : top + step] * there[..., None]).sum(axis=0, dtype=np.float32)
        sums.append(np.add.reduceat(colours, starts, axis=0))
        counts.append(np.add.reduceat(there.sum(axis=0, dtype=np.float32), starts))
    return np.stack(sums), np.stack(counts)


def _filled(sums: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours [h, w, 3] of sums and their weight [h, w], 0 where nothing is seen."""
    there = weight > 0
    own = sums / np.where(there, weight, 1)[..., None]
    if there.all():
        return np.asarray(own, np.float32)
    rows, columns = weight.shape
    half = (columns + 1) // 2, (rows + 1) // 2
    coarser = (np.asarray(cv2.resize(each, half, interpolation=cv2.INTER_AREA), np.float32) for each in (sums, weight))
    return np.asarray(np.where(there[..., None], own, cv2.resize(_filled(*coarser), (columns, rows))), np.float32)


def on_paper(frame: av.VideoFrame) -> av.VideoFrame:
    """A decoded frame without its transparency and its times; the same frame where it is opaque."""
    if not _has_alpha(frame.format):
        return frame
    pixels = np.asarray(frame.to_ndarray(format="rgba"), np.uint8)
    return av.VideoFrame.from_ndarray(laid_over(PAPER, pixels[..., :3], pixels[..., 3:]), "rgb24")


def _has_alpha(pixel_format: av.VideoFormat) -> bool:
    return pixel_format.name == "pal8" or any(component.is_alpha for component in pixel_format.components)
