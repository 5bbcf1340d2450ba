"""Pictures of one shape shown in another: as large as fits, in the middle, with black bars around."""

import numpy as np

from realtime.frames.frame import Pixels, scaled_size
from realtime.media.colour.small_copy import small_copy

ASPECT_TOLERANCE = 0.01


def fit(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture at `size` (width, height), with black bars where its shape is another; itself where it fits."""
    return framed(filling(pixels, size), size)


def filling(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture scaled so that it fills `size` (width, height) in one direction, and in both where it nearly does."""
    return small_copy(pixels, filling_size((pixels.shape[1], pixels.shape[0]), size))


def filling_size(picture: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Width and height that a picture of such gets so."""
    width, height = picture
    scale = min(size[0] / width, size[1] / height)
    inner = scaled_size(picture, scale)
    return size if _nearly(inner, size) else inner


def framed(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture in the middle of `size` (width, height), with black around it; itself where nothing is left."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    whole = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    whole[top : top + height, left : left + width] = pixels
    return whole


def _nearly(inner: tuple[int, int], size: tuple[int, int]) -> bool:
    return all(abs(a - b) <= max(1, ASPECT_TOLERANCE * b) for a, b in zip(inner, size, strict=True))
