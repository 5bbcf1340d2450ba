"""What a frame shows beside the one before: what stands still, and where the rest was.

Where the camera's motion explains a place as well as anything, it is the camera's, flat ground included: flow finds
nothing there.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Pixels
from realtime.media.colour.small_copy import small_copy
from realtime.painting.motion import Affine, Field, Luma, camera_matrix, field_of, grid, inside, sampled, shift_like
from realtime.painting.steady.held import Box, Floats
from realtime.painting.steady.stillness import Stillness

REDUCTION = 4  # at which stillness and motion are measured: means of 16 pixels have a quarter of their noise
LEAST_SIDE, LEAST_FLOW_SIDE = 8, 16
FLOW_STRIDE = 6  # of patches of 8 pixels: at its own 4, flow takes twice the time and is hardly nearer
# Motion is doubted where the frame before, moved, misses this one by so many units of its noise; at twice that, the
# painting is new.
MOST_MISS_UNITS = 32.0
AS_GOOD_UNITS = 6.0  # so much nearer must motion bring the frame before than rest does
AT_REST, ALL_STILL = 0.05, 0.98  # motion that is none; and a picture's mean stillness from which on none is followed
POINTS_APART, OUTLIER, STILL_CAMERA = 5, 0.25, 0.05  # of a camera's motion, in pixels of the small copy
# A camera is seen to move in three corners of a picture of four at least, in so much of each: who sways before a plain
# wall fills two. And as much as this share of it may speak for rest.
LEAST_CORNERS, LEAST_OF_CORNER, MOST_AGAINST = 3, 0.06, 0.25
MOST_TURN = 0.1  # between two frames, of the norm of the matrix
ECC_STEPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 6, 1e-4)
MOST_FINER = 1.0
SHIFT_AS_GOOD = 1.1  # times what the best affine motion misses


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Where each place was, `back` [h, w, 2] in pixels of the small copy, and how far that is `trusted`, 0 to 1.

    `camera` [2, 3] leads from places to where they were if it moved, and `box` is where anything moves.
    """

    back: Field
    trusted: Floats
    camera: Affine | None
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a frame shows on its small copy: how `still` each place is, [h, w] from 0 to 1, and how the rest moves.

    `motion` is None where hardly anything does. Where a frame does not go on from another, all of it moves.
    """

    still: Floats
    motion: Moves | None
    goes_on: bool


class Watch:
    """Asked for every frame in order, `reduced`; the first one, and the first of another size, goes on from none."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._flow.setFinestScale(0)  # a tenth of a pixel here is half of one of a stroke
        self._flow.setPatchStride(FLOW_STRIDE)
        self._stillness = Stillness()
        self._before: Pixels | None = None
        self._sees_camera = False

    def __call__(self, tiny: Pixels) -> Seen:
        """`tiny` is uint8 [h, w, 3] RGB."""
        if self._before is not None and self._before.shape != tiny.shape:
            self._stillness, self._before, self._sees_camera = Stillness(), None, False
        compared = self._stillness(tiny)
        before, self._before = self._before, tiny
        if before is None:
            return Seen(compared.still, None, goes_on=False)
        box = _box(1 - compared.still)
        motion = None if box is None else self._motion(before, tiny, compared.unit, box)
        if motion is not None and motion.camera is not None:
            # Flat ground looks still, but its strokes go with the camera.
            still = np.zeros_like(compared.still)
            return Seen(still, replace(motion, box=Box(0, 0, tiny.shape[1], tiny.shape[0], still.shape)), goes_on=True)
        return Seen(compared.still, motion, goes_on=True)

    def _motion(self, before: Pixels, now: Pixels, unit: float, box: Box) -> Moves:
        """Where no motion explains the frame about as well, there is none: flow wanders over flat ground.

        Whether motion is right is asked of the frame before, moved: flow the other way would cost as much again, and
        tell the same.
        """
        flow = self._flow_back(before, now)
        resting, moved = _unlike(now, before), _unlike(now, _moved(before, flow))
        margin = AS_GOOD_UNITS * unit
        moves = resting > moved + margin
        back, missed = flow * moves[..., None], np.where(moves, moved, resting)
        # Most films have a still camera, and looking for a motion of it costs as much as flow does.
        found = _camera(before, now, flow, moved < MOST_MISS_UNITS * unit) if _in_corners(moves) else None
        seen_before = self._sees_camera  # a single frame may deceive
        self._sees_camera = found is not None and _is_seen(found.missed, resting, margin)
        camera = None
        if found is not None and seen_before and self._sees_camera:
            camera, motion, follows = found.matrix, field_of(found.matrix, flow.shape), found.missed <= missed + margin
            known = inside(motion)  # what comes in goes with the camera, and has no painting before
            back = np.where((follows | ~known)[..., None], motion, back)
            missed = np.where(known, np.where(follows, found.missed, missed), np.inf)
        trusted = (2 - missed / (MOST_MISS_UNITS * unit)).clip(0, 1)
        return Moves(np.asarray(back, np.float32), np.asarray(trusted, np.float32), camera, box)

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


@dataclass(frozen=True, slots=True, eq=False)
class _Camera:
    """An affine motion [2, 3], and how far it misses each place, [h, w] in levels."""

    matrix: Affine
    missed: Floats


def _camera(before: Pixels, now: Pixels, flow: Field, explains: NDArray[np.bool_]) -> _Camera | None:
    """The motion that most of the flow has which `explains` the frame; None where it is none.

    It is a shift where that is as good: scale and turn, found anew for every frame, would add up. What is added up has
    to be finer than flow, which in a slow pan is a tenth too long.
    """
    affine = camera_matrix(flow, explains, apart=POINTS_APART, outlier=OUTLIER)
    if affine is None or np.linalg.norm(affine[:, :2] - np.eye(2)) > MOST_TURN:
        return None
    finer = _finer(shift_like(affine, flow.shape), before, now, explains)
    shift, whole = (_Camera(matrix, _unlike(now, _moved_by(before, matrix))) for matrix in (finer, affine))
    camera = shift if shift.missed.mean() <= SHIFT_AS_GOOD * whole.missed.mean() else whole
    return camera if _moves_corners(camera.matrix, flow.shape) else None


def _moves_corners(camera: Affine, shape: tuple[int, ...]) -> bool:
    corners = np.array([[x, y, 1] for x in (0, shape[1]) for y in (0, shape[0])], np.float64)
    return bool(np.abs(corners @ camera.T - corners[:, :2]).max() > STILL_CAMERA)


def _finer(shift: Affine, before: Pixels, now: Pixels, where: NDArray[np.bool_]) -> Affine:
    """The shift that brings the frames nearest to each other there; the same one where none is found.

    By the enhanced correlation coefficient (Evangelidis and Psarakis 2008), which a change of light leaves alone.
    """
    found, mask = shift.astype(np.float32), where.astype(np.uint8)
    with suppress(cv2.error):  # it does not converge
        cv2.findTransformECC(_luma(now), _luma(before), found, cv2.MOTION_TRANSLATION, ECC_STEPS, mask, 1)
        return shift if np.abs(found - shift).max() > MOST_FINER else found.astype(np.float64)
    return shift


def _is_seen(by_camera: Floats, resting: Floats, margin: float) -> bool:
    """Whether a camera's motion explains the picture, and rest does not; from how far each misses it, [h, w]."""
    speaks_for = resting > by_camera + margin
    against = (resting < margin) & (by_camera > resting + margin)  # what moves by itself speaks for neither
    return _in_corners(speaks_for) and bool(against.mean() <= MOST_AGAINST * speaks_for.mean())


def _in_corners(places: NDArray[np.bool_]) -> bool:
    """Whether there are enough of them, [h, w], in enough corners."""
    height, width = (side // 4 for side in places.shape)
    corners = [places[rows, columns].mean() for rows in _ends(height) for columns in _ends(width)]
    return bool(sum(share >= LEAST_OF_CORNER for share in corners) >= LEAST_CORNERS)


def _ends(length: int) -> tuple[slice, slice]:
    return slice(None, length), slice(-length, None)


def _moved(before: Pixels, back: Field) -> Pixels:
    """Black where it came from outside."""
    return np.asarray(sampled(before, grid(back.shape) + back, border=cv2.BORDER_CONSTANT), np.uint8)


def _moved_by(before: Pixels, camera: Affine) -> Pixels:
    """The same by an affine motion."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(before, camera, before.shape[1::-1], flags=how), np.uint8)


def _unlike(a: Pixels, b: Pixels) -> Floats:
    """In levels, of the channel that differs most, averaged over a few places."""
    red, green, blue = cv2.split(cv2.absdiff(a, b))
    return np.asarray(cv2.blur(cv2.max(cv2.max(red, green), blue).astype(np.float32), (3, 3)), np.float32)
