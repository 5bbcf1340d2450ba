"""A small copy and its painting in the codes of a film: all that joining planes takes of them."""

from dataclasses import dataclass

import cv2
import numpy as np

from realtime.frames.frame import Matrix, Pixels, Plane
from realtime.media.colour.small_copy import small_copy


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """8-bit codes: `guide` is the luma of the copy and `luma` that of the painting, both [h, w].

    `chroma` is the painting's, [(h + 1) // 2, (w + 1) // 2], as films have it.
    """

    guide: Plane
    luma: Plane
    chroma: tuple[Plane, Plane]


def coded(small: Pixels, painted: Pixels, from_rgb: Matrix) -> Coded:
    """Of the copy and its painting, both uint8 [h, w, 3] RGB; `from_rgb` is the film's (`Planes`)."""
    guide = cv2.extractChannel(cv2.transform(small, from_rgb), 0)
    luma, *chroma = (np.asarray(plane, np.uint8) for plane in cv2.split(cv2.transform(painted, from_rgb)))
    half = (luma.shape[1] + 1) // 2, (luma.shape[0] + 1) // 2
    blue, red = (small_copy(plane, half) for plane in chroma)
    return Coded(np.asarray(guide, np.uint8), luma, (blue, red))
