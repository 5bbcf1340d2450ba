"""Text on pictures: OpenCV's own typeface, antialiased, on a dark translucent panel."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Pixels

Colour = tuple[int, int, int]
WHITE: Colour = (244, 240, 232)
QUIET: Colour = (190, 184, 174)
ACCENT: Colour = (255, 190, 92)  # the yellow of a lamp, readable on every panel
RED: Colour = (226, 48, 40)
REGULAR, BOLD = 400, 650  # weights of the typeface
DARKNESS = 0.74  # how much of the picture a panel takes away
PANEL_LIGHT = 14
ELLIPSIS = "…"
LEAST_SIZE_PX = 5
SMALL_SIZE_PX = 9  # the smallest that is read with ease


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a picture, in pixels."""

    left: int
    top: int
    width: int
    height: int


def text_size(pixels: Pixels, share: float = 0.033) -> int:
    """The height of letters in pixels that suits the picture: a share of its shorter side."""
    side: int = min(pixels.shape[:2])
    return max(SMALL_SIZE_PX if side >= 120 else LEAST_SIZE_PX + 2, round(side * share))


def width_of(text: str, size_px: int, weight: int = REGULAR) -> int:
    """How many pixels the text takes in a row."""
    box: Sequence[int] = cv2.getTextSize((0, 0), text, (0, 0), _typeface(), size_px, weight)
    return box[2]


def fitted(text: str, size_px: int, width_px: int, weight: int = REGULAR) -> str:
    """The text, cut off with an ellipsis where it is wider than that."""
    if width_of(text, size_px, weight) <= width_px:
        return text
    low, high = 0, len(text)
    while low < high:  # the longest beginning that fits
        middle = (low + high + 1) // 2
        if width_of(text[:middle] + ELLIPSIS, size_px, weight) <= width_px:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + ELLIPSIS if low else ""


def letter(
    pixels: Pixels, text: str, left: int, baseline: int, size_px: int, colour: Colour = WHITE, weight: int = REGULAR
) -> None:
    """Write one line into `pixels`, from `left` on; what does not fit is cut off."""
    text = fitted(text, size_px, pixels.shape[1] - left, weight)
    if text:
        cv2.putText(pixels, text, (left, baseline), colour, _typeface(), size_px, weight)


def darken(pixels: Pixels, box: Box) -> None:
    """Lay a translucent dark panel with round corners into `pixels`."""
    top, left = max(0, box.top), max(0, box.left)
    region = pixels[top : max(0, box.top + box.height), left : max(0, box.left + box.width)]
    radius = min(region.shape[0], region.shape[1], pixels.shape[0] // 12) // 6
    if radius < 1:
        return
    outside = _outside_of_corner(radius)
    places = [(slice(radius), slice(radius)), (slice(radius), slice(-radius, None))]
    places += [(slice(-radius, None), across) for _, across in places]
    corners = [region[place].copy() for place in places]
    cv2.convertScaleAbs(region, dst=region, alpha=1 - DARKNESS, beta=PANEL_LIGHT)
    for place, corner, (down, across) in zip(places, corners, ((1, 1), (1, -1), (-1, 1), (-1, -1)), strict=True):
        mask = outside[::down, ::across]
        region[place][mask] = corner[mask]


def _outside_of_corner(radius: int) -> NDArray[np.bool_]:
    """bool [radius, radius], true outside the quarter of a disc that fills the lower right."""
    steps = radius - np.arange(radius) - 0.5
    outside: NDArray[np.bool_] = np.hypot(steps[:, None], steps[None, :]) > radius
    return outside


def _typeface() -> cv2.FontFace:
    """The one in OpenCV itself, of variable weight; as cheap to make as to look up."""
    return cv2.FontFace("sans")
