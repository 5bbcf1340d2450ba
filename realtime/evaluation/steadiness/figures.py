"""The figures of steadiness. All compare a painted film with the film that it was painted from.

- Flicker gain: how many times the painting of the still half changes from frame to frame as the film itself does there,
  by mean absolute changes. 1 is a painting as calm as the camera.
- Noise gain: the same of a still picture with independent draws of a sensor's noise (σ 2 of 255), all over it, after
  the first frames.
- Breathing: the mean absolute change from frame to frame, in levels of 255, of the painting of a ground that is frozen,
  while what moves in the film goes on before it. A net that looks at no more than the place it paints has none.
- E_warp (Lai et al. 2018, arXiv 1808.00449) by estimated flow (`MotionMeter`), where both frames show the same thing;
  and how many times it is the film's own, which is not 0 by reason of its grain, its light and the flow's errors.
- Contrast kept: the deviation of luma from its surroundings (a Gaussian of σ 4) in the moving half, held over plain.
  What is blended loses strokes; less than 1 says how many.

Where a film stands still, and the same film before a background that is frozen, are told first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import nan
from statistics import mean

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.bench.rows.stability import warping_error
from realtime.evaluation.steadiness.film import RUN_UP
from realtime.frames.frame import Pixels
from realtime.painting.motion import MotionMeter, enlarged, grid, measured
from realtime.scene import Motion

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
LUMA_BLUR_PX = 3.0  # the deviation of a Gaussian: what a camera's grain does is no motion
# In parts of the picture's shorter side: 12 and 24 pixels of 360. Strokes are as large as the latter.
SMOOTHING, SOFTNESS, AROUND = 1 / 30, 1 / 30, 1 / 15
MOSTLY = 0.75  # of the stillest column
MOVES = 2.0  # what changes by so many times the median moves: half of a quiet room would be cut out of its grain
NOISY_FRAMES, NOISY_JUDGED = 12, 6
PAIRS_APART = 3  # of the pairs whose warping error is told: neighbours, but not every two
SURROUNDINGS_PX = 4.0
NOWHERE = 0.01  # of a picture, below which a part of it says nothing
Pair = tuple[int, Motion]


@dataclass(frozen=True, slots=True, eq=False)
class FrozenFilm:
    """A film of which what lies `behind` [H, W] never changes, not by a bit; what moves goes on before it.

    `behind` keeps away from what moves by as much as a stroke is large.
    """

    background: Pixels
    moving: Floats
    behind: Mask

    def frames(self, frames: Sequence[Pixels]) -> Iterator[Pixels]:
        """The frames [H, W, 3] of the film before that background."""
        share = self.moving[..., None]
        still = self.background * (1 - share)
        for frame in frames:
            yield np.asarray(np.rint(frame * share + still), np.uint8)


def changes_of(frames: Sequence[Pixels]) -> Floats:
    """[H, W]: the mean absolute change of blurred luma from frame to frame, in levels."""
    lumas = [cv2.GaussianBlur(luma_of(frame), (0, 0), LUMA_BLUR_PX) for frame in frames]
    summed = sum(np.abs(now - before) for before, now in pairwise(lumas))
    return np.asarray(summed / (len(frames) - 1), np.float32)


def still_half(changes: Floats) -> Mask:
    """[H, W]: the half that changes least; more of it where more does not change at all."""
    return np.asarray(changes <= np.median(changes), np.bool_)


def still_column(still: Mask) -> int:
    """Of the columns that stand still for most of their height, the one next to the middle: a film may have bars."""
    heights = still.sum(0)
    columns = np.flatnonzero(heights >= MOSTLY * heights.max())
    return int(columns[np.argmin(np.abs(columns - still.shape[1] / 2))])


def freeze(frames: Sequence[Pixels], changes: Floats) -> FrozenFilm:
    """The film with all that does not clearly move replaced by its own median over time: half of it or more."""
    shorter = min(changes.shape)
    smooth = cv2.GaussianBlur(changes, (0, 0), SMOOTHING * shorter)
    still = smooth <= MOVES * np.median(smooth)
    soft = _window(SOFTNESS * shorter)
    moving = cv2.blur((~still).astype(np.float32), soft, borderType=cv2.BORDER_REPLICATE)
    behind = cv2.erode(still.astype(np.uint8), np.ones(_window(AROUND * shorter), np.uint8)) > 0
    moving = np.where(behind, np.float32(0), moving)  # the sums of a blur leave crumbs
    return FrozenFilm(_median(frames), np.asarray(moving, np.float32), np.asarray(behind, np.bool_))


def luma_of(rgb: Pixels) -> Floats:
    """[H, W] in levels."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32)


def _window(reach: float) -> tuple[int, int]:
    """A square that reaches so far from its middle."""
    side = 2 * round(reach) + 1
    return side, side


def _median(frames: Sequence[Pixels]) -> Pixels:
    """Over time; of an even number the later one of the two in the middle."""
    middle = len(frames) // 2
    rows = [np.partition(np.stack(row), middle, axis=0)[middle] for row in zip(*frames, strict=True)]
    return np.stack(rows)


def change(frames: Sequence[Pixels], where: Mask | None = None) -> float:
    """Mean absolute difference of neighbours [H, W, 3], in levels, at the places `where` it is asked for."""
    differences = (cv2.absdiff(before, now) for before, now in pairwise(frames))
    return mean(float((each if where is None else each[where]).mean()) for each in differences)


def gain(painted: Sequence[Pixels], frames: Sequence[Pixels], where: Mask | None = None) -> float:
    """How many times the painting changes as the frames do; NaN where these do not change at all."""
    wanted = change(frames, where)
    return change(painted, where) / wanted if wanted else nan


def flicker_gain(painted: Sequence[Pixels], frames: Sequence[Pixels], still: Mask) -> float:
    return gain(painted[RUN_UP:], frames[RUN_UP:], still)


def noise_gain(painted: Sequence[Pixels], noisy: Sequence[Pixels]) -> float:
    """By the last changes, when it has settled."""
    return gain(painted[-NOISY_JUDGED - 1 :], noisy[-NOISY_JUDGED - 1 :])


def breathing(painted: Sequence[Pixels], behind: Mask) -> float:
    """In levels, of the paintings of a frozen film; NaN where hardly anything of it is frozen, or nothing moves."""
    return change(painted[RUN_UP:], behind) if NOWHERE <= behind.mean() < 1 else nan


def contrast(frames: Sequence[Pixels], where: Mask) -> float:
    """In levels of luma; NaN where there is no place to look at."""
    return mean(float(_detail(frame)[where].std()) for frame in frames[RUN_UP:]) if where.any() else nan


def warping_pairs(frames: Sequence[Pixels]) -> list[Pair]:
    """Numbers of frames, with where each of their pixels was in the frame before."""
    meter = MotionMeter()
    numbers = range(RUN_UP, len(frames), PAIRS_APART)
    return [(number, _motion(meter, frames[number - 1], frames[number])) for number in numbers]


def e_warp(frames: Sequence[Pixels], pairs: Sequence[Pair]) -> float:
    """The mean over the pairs, of squares of colours in 0..1; NaN where no pair shows anything twice."""
    seen = [(number, motion) for number, motion in pairs if motion.certain.mean() >= NOWHERE]
    return mean(warping_error(frames[at], frames[at - 1], motion) for at, motion in seen) if seen else nan


def _motion(meter: MotionMeter, before: Pixels, now: Pixels) -> Motion:
    """Measured on 512 pixels, at the film's size."""
    found, size = meter.between(measured(before).luma, measured(now).luma), now.shape[1::-1]
    flow = enlarged(grid(found.back.shape) + found.back, size) - grid(now.shape)
    seen = cv2.resize(found.seen, size, interpolation=cv2.INTER_LINEAR) == 1
    return Motion(np.asarray(flow, np.float32), np.asarray(~seen, np.bool_), np.zeros(now.shape[:2], np.bool_))


def _detail(frame: Pixels) -> Floats:
    luma = luma_of(frame)
    return np.asarray(luma - cv2.GaussianBlur(luma, (0, 0), SURROUNDINGS_PX), np.float32)
