"""Holds a painting still where its frames stand still, and carries it along where they move.

A net paints every frame for itself: it multiplies a camera's noise, and a person who moves changes the statistics by
which it paints the wall behind. So what is shown of a still place is an average over time, and of a moving one it is
blended with the painting before, carried there along the motion, where that can be trusted; what was hidden is new.
After the consistency of Bonneel et al. 2015 (Blind Video Temporal Consistency), blended by as much as a person sets
(Shekhar et al. 2019). Blending incoherent strokes takes contrast, which they are given back.

Where a picture stands still is told by differences in units of the camera's own noise, which is measured along the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Pixels, Plane
from realtime.media.colour.small_copy import small_copy
from realtime.painting.motion import Field, Luma, grid, sampled
from realtime.painting.steady.held import Box, Buffers, Floats, Held

Planes = Sequence[Plane]
REDUCTION = 4  # at which stillness and motion are measured: means of 16 pixels have a quarter of their noise
LEAST_SIDE, LEAST_FLOW_SIDE = 8, 16
# The new painting's share in a still and in a moving place at steadiness 1; at 0 both are 1.
STILL_SHARE, MOVING_SHARE = 0.009, 0.35
# Motion is doubted where the frame before, moved, misses this one by so many units of its noise; at twice that, the
# painting is new.
MOST_MISS_UNITS = 30.0
AS_GOOD_UNITS = 6.0  # so much nearer must motion bring the frame before than rest does
AT_REST, ALL_STILL = 0.05, 0.98  # motion that is none; and a picture's mean stillness from which on none is followed
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


class Steadier:
    """Steadies the paintings of frames that come in order and go on from one another.

    The first, and the first of another size, is shown as it is. It may be called from any thread, but by one at once.
    """

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._flow.setFinestScale(1)
        self._stillness = Stillness()
        self._before: Pixels | None = None
        self._held: tuple[Held, Held] | None = None

    def let_go(self) -> None:
        """The next painting is shown as it is, though its frame goes on."""
        self._held = None

    def __call__(self, guide: Plane, painted: Planes, amount: float, tiny: Pixels) -> tuple[Plane, Planes]:
        """What is to be joined in place of a frame's guide and of its painting, the luma of which comes first.

        All are uint8 [h, w], the painting's chroma of any size. `amount` is 0..1, and `tiny` the frame `reduced`.
        """
        if self._before is not None and self._before.shape != tiny.shape:
            self._stillness, self._before = Stillness(), None
        compared = self._stillness(tiny)
        before, self._before = self._before, tiny
        if before is None or self._held is None or not self._held[1].fits(painted):
            buffers = Buffers()  # new ones: those of another size would stay
            self._held = Held([guide], buffers), Held(painted, buffers)
            return guide, painted
        of_guide, of_painting = self._held
        moving = 1 - compared.still
        share = 1 - compared.still * (1 - STILL_SHARE**amount)
        of_guide.mix([guide], share)
        box = _box(moving)
        if box is None:
            of_painting.mix(painted, share)
            return of_guide.pixels()[0], of_painting.pixels()
        back, trusted = self._motion(before, tiny, compared.unit)
        of_painting.carry(back * moving[..., None], box)
        of_painting.mix(painted, share * (1 - moving * trusted * (1 - MOVING_SHARE**amount)))
        return of_guide.pixels()[0], of_painting.as_rich(painted, moving, box)

    def _motion(self, before: Pixels, now: Pixels, unit: float) -> tuple[Field, Floats]:
        """Where each place was, [h, w, 2], and how far that is to be trusted, [h, w] from 0 to 1.

        Where no motion explains the frame about as well, there is none: flow wanders over flat ground, whose strokes
        stay where they are on the screen. Whether motion is right is asked of the frame before, moved: flow the other
        way would cost as much again, and tell the same.
        """
        back = self._flow_back(before, now)
        resting = _unlike(now, before)
        moved = _unlike(now, sampled(before, grid(back.shape) + back, border=cv2.BORDER_CONSTANT))
        moves = resting > moved + AS_GOOD_UNITS * unit
        doubt = np.where(moves, moved, resting) / (MOST_MISS_UNITS * unit)
        return np.asarray(back * moves[..., None], np.float32), np.asarray((2 - doubt).clip(0, 1), np.float32)

    def _flow_back(self, before: Pixels, now: Pixels) -> Field:
        """No motion where the picture is too small for OpenCV to look for any: it crashes there."""
        if min(now.shape[:2]) < LEAST_FLOW_SIDE:
            return np.zeros((*now.shape[:2], 2), np.float32)
        flow = self._flow.calc(_luma(now), _luma(before), None)  # type: ignore[call-overload]
        return np.asarray(flow, np.float32)


def reduced(small: Pixels) -> Pixels:
    """A frame [H, W, 3] as it is compared with others."""
    height, width = small.shape[:2]
    size = (max(LEAST_SIDE, width // REDUCTION), max(LEAST_SIDE, height // REDUCTION))
    return small_copy(small, size)


def _box(moving: Floats) -> Box | None:
    """In which something moves; None where hardly anything does."""
    left, top, across, down = cv2.boundingRect((moving > AT_REST).astype(np.uint8))
    if not across or moving.mean() <= 1 - ALL_STILL:
        return None
    return Box(left, top, across, down, moving.shape)


def _luma(rgb: Pixels) -> Luma:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def _unlike(a: Pixels, b: Pixels) -> Floats:
    """In levels, of the channel that differs most, averaged over a few places."""
    red, green, blue = cv2.split(cv2.absdiff(a, b))
    return np.asarray(cv2.blur(cv2.max(cv2.max(red, green), blue).astype(np.float32), (3, 3)), np.float32)


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
