"""Whether a new shot begins, and whether a frame goes on from the one before, so that what was carried there fits.

A cut is where structure, colours and motion all say so. One detector for all that is carried from frame to frame, be it
by key frames or by a net.
"""

from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Frame, Pixels
from realtime.painting.motion import Motion, MotionMeter, measured

# Told apart on clips with 13 cuts in 1,730 frames: every cut had all three, no other frame had. A flash keeps the
# structure, motion keeps the colours, and where both change slowly the flow can still follow.
LEAST_STRUCTURE = 0.15
LEAST_COLOURS = 0.03
MOST_SEEN = 0.6
STRUCTURE_SIZE = (64, 48)
COLOURS_SIZE = (160, 120)
BINS = 8
SHORT_SIDE_PX = 360  # of the frame that is looked at, about
# Sensor noise on a black frame is no structure.
NOISE = 3.0
ALIKE = 2.0  # levels in the mean: neighbours within a shot are mostly that near, and nothing more is asked then


class Sight:
    """What is compared of a frame, uint8 [H, W, 3]; each is worked out when it is asked for first.

    The frame is kept for that, and must stay as it is.
    """

    def __init__(self, rgb: Pixels) -> None:
        self._rgb = rgb

    @cached_property
    def _small(self) -> Pixels:
        return _reduced(self._rgb)

    @cached_property
    def structure(self) -> NDArray[np.float32]:
        """Coarse luma with mean 0 and deviation 1."""
        return _structure(self._small)

    @cached_property
    def colours(self) -> NDArray[np.float32]:
        """The roots of a colour histogram."""
        return _colours(self._small)

    @property
    def blank(self) -> bool:
        """Whether nothing is seen: the luma deviates less than a sensor's noise."""
        return float((self.structure**2).mean()) < 0.5

    def unlike(self, other: "Sight") -> float:
        """How far the structures are apart: 0 where they are one, 1 where they have nothing in common."""
        return float(((self.structure - other.structure) ** 2).mean()) / 2


def is_cut(before: Sight, now: Sight, motion: Motion) -> bool:
    """Whether the frames belong to two shots; `motion` is the one between them."""
    return _look_apart(before, now) and motion.seen_share <= MOST_SEEN


class CutDetector:
    """Asked for every frame of a sequence, in order.

    Motion costs most, and is measured only where structure and colours speak for a cut. A frame that is smaller than
    COLOURS_SIZE is enlarged: in so few pixels the flow explains anything.
    """

    def __init__(self) -> None:
        self._meter = MotionMeter()
        self._before: tuple[Pixels, Sight] | None = None

    def __call__(self, pixels: Any) -> bool:
        """Whether a shot begins with this frame, uint8 [H, W, 3], be it a tensor of torch; False for the first one."""
        few = _few_of(pixels)
        before, self._before = self._before, (few, Sight(few))
        if before is None or before[0].shape != few.shape:
            return False
        (few_before, then), (_, now) = before, self._before
        if cv2.norm(few, few_before, cv2.NORM_L1) < ALIKE * few.size or not _look_apart(then, now):
            return False
        return is_cut(then, now, self._meter.between(measured(few_before).luma, measured(few).luma))


def _few_of(pixels: Any) -> Pixels:
    """Every so many-th pixel of a large frame, for more are not looked at; from a GPU's memory too."""
    step = max(1, min(pixels.shape[:2]) // SHORT_SIDE_PX)
    few = pixels[::step, ::step]
    copied = np.array(few) if isinstance(few, np.ndarray) else few.cpu().numpy()
    return _reduced(copied) if min(copied.shape[:2]) < COLOURS_SIZE[1] else np.ascontiguousarray(copied)


def _look_apart(before: Sight, now: Sight) -> bool:
    if 1 - float((before.structure * now.structure).mean()) < LEAST_STRUCTURE:  # as nearly always
        return False
    return 1 - float(before.colours @ now.colours) >= LEAST_COLOURS  # of Bhattacharyya


def _reduced(rgb: Pixels) -> Pixels:
    if rgb.shape[1::-1] == COLOURS_SIZE:
        return rgb
    return np.asarray(cv2.resize(rgb, COLOURS_SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def _structure(small: Pixels) -> NDArray[np.float32]:
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    coarse = cv2.resize(luma, STRUCTURE_SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    soft = cv2.GaussianBlur(coarse, (0, 0), 1.5)
    return np.asarray((soft - soft.mean()) / np.sqrt(soft.var() + NOISE**2), np.float32)


def _colours(small: Pixels) -> NDArray[np.float32]:
    counts = cv2.calcHist([small], [0, 1, 2], None, [BINS] * 3, [0, 256] * 3).ravel()
    return np.asarray(np.sqrt(counts / counts.sum()), np.float32)


class Continuity:
    """Asked for every frame that is painted, in order.

    A frame does not go on where a shot begins, where its source was wound (another `take`), and where time runs back.
    """

    def __init__(self) -> None:
        self._begins_shot = CutDetector()
        self._before: tuple[int, float] | None = None

    def broken_by(self, frame: Frame, small: Any) -> bool:
        """False for the first frame of all. `small` is a copy of it, uint8 [h, w, 3], be it a tensor of torch."""
        before, self._before = self._before, (frame.take, frame.pts_seconds)
        cut = self._begins_shot(small)
        return cut or (before is not None and (frame.take != before[0] or frame.pts_seconds < before[1]))
