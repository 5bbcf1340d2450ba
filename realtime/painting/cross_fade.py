"""Going over from one look to another without a jump: pure functions of time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Pixels

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Fade:
    """From 0 to 1 in `duration_seconds`, slow at both ends; a duration of 0 is a cut."""

    start_seconds: float
    duration_seconds: float

    def progress(self, now_seconds: float) -> float:
        """How much of the time is over, 0..1."""
        if self.duration_seconds <= 0:
            return 1.0
        return min(max((now_seconds - self.start_seconds) / self.duration_seconds, 0.0), 1.0)

    def at(self, now_seconds: float) -> float:
        """How far the fade is, 0..1."""
        return smoothstep(self.progress(now_seconds))

    def over(self, now_seconds: float) -> bool:
        return self.progress(now_seconds) >= 1

    def turned_back(self, now_seconds: float) -> "Fade":
        """The fade the other way, from where this one is: its `at` is one minus ours, now."""
        done = (1 - self.progress(now_seconds)) * self.duration_seconds
        return Fade(now_seconds - done, self.duration_seconds)


@dataclass(frozen=True, slots=True, eq=False)
class Glide:
    """A vector on its way from `start` to `target`, float32 of one shape; `speed` is the change in a whole fade.

    From rest it is a smoothstep. A new target in mid-way starts at the present value and at the present speed, so that
    a control that is turned steadily is followed steadily (cubic Hermite curves, joined with their slopes).
    """

    start: Vector
    target: Vector
    fade: Fade
    speed: Vector

    def at(self, now_seconds: float) -> Vector:
        t = self.fade.progress(now_seconds)
        if t >= 1:
            return self.target
        moved: Vector = (
            blend_vectors(self.start, self.target, smoothstep(t)) + np.float32(t * (1 - t) ** 2) * self.speed
        )
        return moved

    def towards(self, target: Vector, now_seconds: float) -> "Glide":
        """The way to another target from the present value."""
        fade = Fade(now_seconds, self.fade.duration_seconds)
        return Glide(self.at(now_seconds), target, fade, self._speed_at(now_seconds))

    def _speed_at(self, now_seconds: float) -> Vector:
        """The derivative of `at` by the progress."""
        t = self.fade.progress(now_seconds)
        slope: Vector = np.float32(6 * t * (1 - t)) * (self.target - self.start)
        slope += np.float32((1 - t) * (1 - 3 * t)) * self.speed
        return slope


def resting(value: Vector, duration_seconds: float) -> Glide:
    """A glide that has arrived; the next target is reached in `duration_seconds`."""
    return Glide(value, value, Fade(-np.inf, duration_seconds), np.zeros_like(value))


def smoothstep(t: float) -> float:
    """3t² − 2t³ for t in 0..1: the slope is 0 at both ends."""
    return t * t * (3 - 2 * t)


def blend_vectors(a: Vector, b: Vector, t: float) -> Vector:
    """a + t·(b − a), exactly a at 0 and exactly b at 1, and numbers that are equal stay as they are."""
    if t >= 1:
        return b
    blended: Vector = a + np.float32(t) * (b - a)
    return blended


def blend_pictures(a: Pixels, b: Pixels, t: float) -> Pixels:
    """(1 − t)·a + t·b, rounded; pictures of one size. At 0 it is a itself and at 1 b itself."""
    if t <= 0 or t >= 1:
        return b if t >= 1 else a
    import cv2

    blended: Pixels = cv2.addWeighted(a, 1 - t, b, t, 0)  # type: ignore[assignment]
    return blended
