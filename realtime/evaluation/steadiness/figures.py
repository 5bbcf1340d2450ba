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
"""

from collections.abc import Sequence
from itertools import pairwise
from math import nan
from statistics import mean

import cv2
import numpy as np

from realtime.bench.rows.stability import warping_error
from realtime.evaluation.steadiness.film import RUN_UP
from realtime.evaluation.steadiness.stillness import Floats, Mask, luma_of
from realtime.frames.frame import Pixels
from realtime.painting.motion import MotionMeter, enlarged, grid, measured
from realtime.scene import Motion

NOISY_FRAMES, NOISY_JUDGED = 12, 6
PAIRS_APART = 3  # of the pairs whose warping error is told: neighbours, but not every two
SURROUNDINGS_PX = 4.0
NOWHERE = 0.01  # of a picture, below which a part of it says nothing
Pair = tuple[int, Motion]


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
