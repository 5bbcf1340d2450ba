"""A picture as video codecs have it: a plane of luma and two of chroma, which may be smaller."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from engines.errors import BadValue

Plane: TypeAlias = NDArray[np.uint8]
Matrix: TypeAlias = NDArray[np.float64]
RGB_TO_LUMA = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601, as OpenCV's grey and the nets' graphs have it


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Y', Cb and Cr as 8-bit codes.

    `luma` is [H, W] and both planes of `chroma` are [h, w]; rows may lie apart. What the codes mean is said by two
    matrices 3×4: `to_rgb` from (Y', Cb, Cr, 1) to RGB 0..255, and `from_rgb` back.
    """

    luma: Plane
    chroma: tuple[Plane, Plane]
    to_rgb: Matrix
    from_rgb: Matrix

    def __post_init__(self) -> None:
        shapes = [plane.shape for plane in (self.luma, *self.chroma)]
        if any(len(shape) != 2 for shape in shapes) or shapes[1] != shapes[2]:
            raise BadValue(f"planes are [H, W] and twice [h, w], not {shapes}")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.luma.shape[1], self.luma.shape[0]
