"""Where a film stands still, and the same film before a background that is frozen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Pixels

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
LUMA_BLUR_PX = 3.0  # the deviation of a Gaussian: what a camera's grain does is no motion
# In parts of the picture's shorter side: 12 and 24 pixels of 360. Strokes are as large as the latter.
SMOOTHING, SOFTNESS, AROUND = 1 / 30, 1 / 30, 1 / 15
MOSTLY = 0.75  # of the stillest column
MOVES = 2.0  # what changes by so many times the median moves: half of a quiet room would be cut out of its grain


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
