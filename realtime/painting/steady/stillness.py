"""Where a picture stands still: told in units of the camera's own noise, which is measured along the way."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.painting.steady.held import Floats

# The unit of noise is what this part of a picture stays below: a low one, since most of a picture may move.
QUIET_PART = 0.3
# In levels: what a codec rounds away is no stillness, and where all of a picture moves, that is no noise.
LEAST_UNIT, MOST_UNIT = 0.2, 0.6
# A place is still while it differs by less than so many units from what it showed, and moves from the second on.
STILL, MOVING = 7.0, 14.0
CHROMA_WEIGHT = 0.5  # films have it coarser, and so does the eye
FALLING, RISING = 0.3, 0.02  # by which a frame moves the estimate of noise: motion raises what is found
REFERENCE_SHARE = 0.1  # by which a still place moves what it is compared with: so slow light is followed
RESTING_FRAMES = 4  # until what has moved is held
# A net paints around what moves anew; alone among still places, a place is noise.
AROUND, ALONE, SLOPE = (5, 5), 0.1, 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """How a frame compares with those before: `still` [h, w] from 0 to 1, and the unit of noise in levels."""

    still: Floats
    unit: float


class Stillness:
    """Asked for every frame in order, uint8 [h, w, 3] RGB and small: it averages what it sees."""

    def __init__(self) -> None:
        self._unit = LEAST_UNIT
        self._reference: Floats | None = None
        self._rested: Floats | None = None

    def __call__(self, tiny: NDArray[np.uint8]) -> Compared:
        """All of the first frame moves."""
        now = np.asarray(cv2.cvtColor(tiny.astype(np.float32), cv2.COLOR_RGB2YCrCb), np.float32)
        if self._reference is None or self._rested is None:
            self._reference, self._rested = now, np.zeros(now.shape[:2], np.float32)
            return Compared(self._rested, LEAST_UNIT)
        luma, *chroma = cv2.split(cv2.blur(now - self._reference, (3, 3)))
        away = np.maximum(np.abs(luma), CHROMA_WEIGHT * np.maximum(*map(np.abs, chroma)))
        unit = self._measured(away)
        moving = cv2.blur(((away / unit - STILL) / (MOVING - STILL)).clip(0, 1), AROUND)
        calm = 1 - (SLOPE * (moving - ALONE)).clip(0, 1)
        self._rested = np.minimum(calm, self._rested + 1 / RESTING_FRAMES).astype(np.float32)
        share = np.where(calm > 0.5, np.float32(REFERENCE_SHARE), np.float32(1))[..., None]
        self._reference = np.asarray(self._reference + share * (now - self._reference), np.float32)
        return Compared(self._rested, unit)

    def _measured(self, away: Floats) -> float:
        quiet = int(QUIET_PART * away.size)
        found = min(MOST_UNIT, max(LEAST_UNIT, float(np.partition(away.ravel(), quiet)[quiet])))
        share = FALLING if found < self._unit else RISING
        self._unit += share * (found - self._unit)
        return self._unit
