"""Small copies of pictures, for a net to paint."""

import cv2
import numpy as np

from realtime.frames.frame import Pixels, Planes


def small_copy(full: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture, [H, W, 3] or one plane, at `size` (width, height): areas averaged; itself where it has that size.

    It is halved as often as that goes, since OpenCV averages two by two pixels ten times as fast as other areas.
    """
    while all(now % 2 == 0 and now >= 2 * wanted for now, wanted in zip(full.shape[1::-1], size, strict=True)):
        full = _resized(full, (full.shape[1] // 2, full.shape[0] // 2), cv2.INTER_AREA)
    width, height = full.shape[1::-1]
    if (width, height) == size:
        return full
    if size[0] > width or size[1] > height:
        return _resized(full, size, cv2.INTER_CUBIC)
    return _resized(full, size, cv2.INTER_AREA if max(width / size[0], height / size[1]) > 2 else cv2.INTER_LINEAR)


def _resized(full: Pixels, size: tuple[int, int], interpolation: int) -> Pixels:
    return np.asarray(cv2.resize(full, size, interpolation=interpolation), np.uint8)


def small_copy_of_planes(full: Planes, size: tuple[int, int]) -> Pixels:
    """The same of planes, in RGB."""
    planes = [small_copy(plane, size) for plane in (full.luma, *full.chroma)]
    return np.asarray(cv2.transform(cv2.merge(planes), full.to_rgb), np.uint8)
