"""From the captured and the painted picture to the one that is shown."""

import cv2
import numpy as np

from realtime.frame import Pixels

LINE_OF_HEIGHT = 0.004  # the line between before and after
ASPECT_TOLERANCE = 0.01
HALF_BAND = np.array([0.25, 0.5, 0.25], np.float32)


def fit(pixels: Pixels, size: tuple[int, int], shape: tuple[int, int] | None = None) -> Pixels:
    """The picture at `size` (width, height), with black bars where its shape is another; itself where it fits.

    `shape` is the size of the captured picture, where `pixels` are painted at one that only comes near its shape.
    """
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    width, height = shape or (width, height)
    scale = min(size[0] / width, size[1] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    if _nearly(inner, size):
        return _resized(pixels, size)
    framed = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    framed[top : top + inner[1], left : left + inner[0]] = _resized(pixels, inner)
    return framed


def before_and_after(before: Pixels, after: Pixels) -> Pixels:
    """The left half as it was and the right half painted, with a line between them; both of one size."""
    height, width = after.shape[:2]
    joined = after.copy()
    joined[:, : width // 2] = before[:, : width // 2]
    half_line = max(1, round(height * LINE_OF_HEIGHT / 2))
    joined[:, width // 2 - half_line : width // 2 + half_line] = 255
    return joined


def mirrored(pixels: Pixels) -> Pixels:
    """Left and right exchanged."""
    flipped: Pixels = np.ascontiguousarray(pixels[:, ::-1])
    return flipped


def _nearly(inner: tuple[int, int], size: tuple[int, int]) -> bool:
    return all(abs(a - b) <= max(1, ASPECT_TOLERANCE * b) for a, b in zip(inner, size, strict=True))


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Areas averaged where the picture shrinks, a smooth curve where it grows.

    A net that ends in a pixel shuffle leaves a faint lattice of two pixels that nobody sees until it is enlarged. The
    kernel [1 2 1] / 4 takes out just that frequency.
    """
    if size[0] < pixels.shape[1]:
        return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
    smooth = cv2.sepFilter2D(pixels, -1, HALF_BAND, HALF_BAND)
    return cv2.resize(smooth, size, interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]
