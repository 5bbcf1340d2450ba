"""Where what is seen in one frame was in another: dense optical flow with a check, and pictures carried along it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Pixels, scaled_size

# Long side at which motion is measured; what is carried is as sharp as it was, for only the motion is enlarged.
MOTION_PX = 512
# |f + b|² ≤ 0.01 (|f|² + |b|²) + 0.5 (Sundaram, Brox, Keutzer 2010, equation 5).
RELATIVE, ABSOLUTE = 0.01, 0.5
# Where the camera's motion explains a frame within so many levels of what the flow does, it is the camera's: flow
# wanders over flat ground, and a picture that is carried would swim there.
AS_GOOD_LEVELS, EXPLAINED_LEVELS = 1.0, 6.0
# A camera that moves no corner of the picture by so much stands still.
STILL_PX = 0.2
POINTS_APART_PX, OUTLIER_PX, LEAST_POINTS = 12, 0.7, 8

Luma = NDArray[np.uint8]
Plane = NDArray[np.float32]
Field = NDArray[np.float32]
Affine = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """From a frame back to the one before: what is at p was at p + back(p), [H, W, 2] in pixels.

    `seen` is [H, W]: 1 where both directions agree, 0 where the ground was hidden before or lay outside.
    """

    back: Field
    seen: Plane

    @property
    def seen_share(self) -> float:
        return float(self.seen.mean())


class MotionMeter:
    """DIS flow (Kroeger 2016, arXiv 1603.03590) in both directions."""

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._dis.setFinestScale(1)

    def flow(self, here: Luma, there: Luma, start: Field | None = None) -> Field:
        """[H, W, 2]: what is at p here is at p + flow(p) there; `start` is a guess to begin with."""
        guess = None if start is None else start.copy()
        found = self._dis.calc(here, there, guess)  # type: ignore[arg-type]
        return np.asarray(found, np.float32)

    def between(self, before: Luma, now: Luma) -> Motion:
        back, forth = self.flow(now, before), self.flow(before, now)
        returned = sampled(forth, grid(now.shape) + back)
        error = _squared(returned + back)
        agrees = error <= RELATIVE * (_squared(returned) + _squared(back)) + ABSOLUTE
        camera = camera_motion(back, agrees)
        unexplained = _difference(now, before, camera)
        of_camera = unexplained <= _difference(now, before, back) + AS_GOOD_LEVELS
        back = np.where(of_camera[..., None], camera, back)
        seen = (agrees | (of_camera & (unexplained <= EXPLAINED_LEVELS))) & inside(back)
        return Motion(back, seen.astype(np.float32))


def camera_motion(back: Field, trusted: NDArray[np.bool_]) -> Field:
    """[H, W, 2]: the affine motion that most of the trusted field follows; exactly 0 where that is as good as none."""
    matrix = camera_matrix(back, trusted, apart=POINTS_APART_PX, outlier=OUTLIER_PX)
    motion = np.zeros_like(back) if matrix is None else field_of(matrix, back.shape)
    return motion if np.abs(motion).max() > STILL_PX else np.zeros_like(motion)


def camera_matrix(back: Field, trusted: NDArray[np.bool_], *, apart: int, outlier: float) -> Affine | None:
    """[2, 3]: from places to where they were, as most of the trusted field has it; None where it is too little for one.

    It is fitted to points so many pixels `apart`; `outlier`s are farther than that away from it.
    """
    half = apart // 2
    at, moved = (field[half::apart, half::apart] for field in (grid(back.shape), back))
    kept = trusted[half::apart, half::apart]
    if kept.sum() < LEAST_POINTS:
        return None
    matrix, _ = cv2.estimateAffine2D(at[kept], (at + moved)[kept], ransacReprojThreshold=outlier)
    return None if matrix is None else np.asarray(matrix, np.float64)


def field_of(matrix: Affine, shape: tuple[int, ...]) -> Field:
    """[H, W, 2]: the motion of every place by an affine matrix."""
    (xx, xy, x), (yx, yy, y) = matrix.astype(np.float32)
    columns, rows = np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32)[:, None]
    return np.stack([(xx - 1) * columns + xy * rows + x, yx * columns + (yy - 1) * rows + y], axis=2)


def shift_like(matrix: Affine, shape: tuple[int, ...]) -> Affine:
    """The shift that leads the middle of a picture to the same place."""
    middle = np.array([shape[1], shape[0]]) / 2
    return np.column_stack([np.eye(2), matrix @ np.append(middle, 1) - middle])


@dataclass(frozen=True, slots=True, eq=False)
class Small:
    """A frame at the size at which motion is measured: uint8 [h, w, 3], and its luma."""

    rgb: Pixels
    luma: Luma


def measured(rgb: Pixels) -> Small:
    """A frame [H, W, 3] made small."""
    height, width = rgb.shape[:2]
    scale = min(1.0, MOTION_PX / max(height, width))
    small = cv2.resize(rgb, scaled_size((width, height), scale), interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    return Small(np.asarray(small, np.uint8), np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8))


def sampled(
    values: NDArray[Any], places: Field, *, border: int = cv2.BORDER_REPLICATE, cubic: bool = False
) -> NDArray[Any]:
    """What lies at these places (x, y), in the type of `values`; beyond its borders as OpenCV's `border` says."""
    how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    found: NDArray[Any] = cv2.remap(values, places, None, how, borderMode=border)  # type: ignore[call-overload]
    return found


def grid(shape: tuple[int, ...]) -> Field:
    """[H, W, 2]: the place (x, y) of every pixel; not to be written to."""
    return _grid(*shape[:2])


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> Field:
    places = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    places.flags.writeable = False
    return places


def filled(field: Field, weight: Plane) -> Field:
    """A field [H, W, C], with what surrounds a hole in it where `weight` [H, W] is 0: push and pull over a pyramid."""
    summed = field * weight[..., None]
    if min(weight.shape) < 4 or weight.min() > 0.5:
        total = float(weight.sum())
        mean = summed.sum((0, 1)) / total if total > 0 else field.mean((0, 1))
        coarse = np.broadcast_to(mean, field.shape)
    else:
        below = cv2.pyrDown(weight)
        reduced = cv2.pyrDown(summed) / np.maximum(below, 1e-6)[..., None]
        solved = filled(np.asarray(reduced, np.float32), np.minimum(below * 4, 1.0).astype(np.float32))
        coarse = cv2.resize(solved, weight.shape[::-1], interpolation=cv2.INTER_LINEAR).reshape(field.shape)
    return np.asarray(summed + (1 - weight[..., None]) * coarse, np.float32)


def enlarged(places: Field, size: tuple[int, int]) -> Field:
    """Places [h, w, 2] at another size (width, height): more of them, and in its pixels; centres meet centres."""
    height, width = places.shape[:2]
    ratio = np.array([size[0] / width, size[1] / height], np.float32)
    shifts = cv2.resize(places - grid(places.shape), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(grid((size[1], size[0])) + shifts * ratio, np.float32)


def _difference(now: Luma, before: Luma, back: Field) -> Plane:
    """How far the frame is from the one before, moved; in levels, averaged over a few pixels."""
    moved = sampled(before.astype(np.float32), grid(now.shape) + back)
    return np.asarray(cv2.GaussianBlur(np.abs(now.astype(np.float32) - moved), (0, 0), 2.0), np.float32)


def inside(back: Field) -> NDArray[np.bool_]:
    """Whether what is at a place was within the frame before."""
    at = grid(back.shape) + back
    height, width = back.shape[:2]
    within = (at >= -0.5) & (at <= np.array([width, height]) - 0.5)
    return np.asarray(within.all(-1), np.bool_)


def _squared(field: Field) -> Plane:
    return np.asarray(np.einsum("hwc,hwc->hw", field, field), np.float32)
