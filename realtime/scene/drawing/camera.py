"""The camera: a pinhole with a shift lens, so that every plane of the world moves by an exact 3x3 matrix; its stage.

Image coordinates are in units of the frame's height, x to the right from the centre, y downwards from the horizon of
the camera at rest. World coordinates are metres: x to the right, y up from the ground, z away from the camera at rest.
The stage is what every painter needs to know: the frame's size, how finely to paint, and a seed of its own.
"""

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from realtime.scene.drawing.noise import Array

Matrix = NDArray[np.float64]  # 3x3

FOCAL = 1.2  # focal length in frame heights: a vertical field of view of 45 degrees
EYE_HEIGHT_M = 1.75
HORIZON = 0.47  # of the frame's height, from the top
MAX_ZOOM = 1.1  # in `pose_at`


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the camera is (metres from rest) and where it looks (frame heights, radians, magnification)."""

    right: float = 0.0
    up: float = 0.0
    forward: float = 0.0
    pan: float = 0.0
    tilt: float = 0.0
    roll: float = 0.0
    zoom: float = 1.0


def pose_at(seconds: float) -> Pose:
    """The path of the camera: a slow pan and dolly with the sway of somebody who carries it."""

    def wave(period_seconds: float, phase: float = 0.0) -> float:
        return sin(2 * pi * (seconds / period_seconds + phase))

    return Pose(
        right=0.42 * wave(13.0) + 0.012 * wave(1.3),
        up=0.05 * wave(9.0) + 0.008 * wave(0.65),
        forward=0.12 - 0.30 * cos(2 * pi * seconds / 17.0),
        pan=0.16 * wave(19.0, 0.02) + 0.004 * wave(2.9),
        tilt=0.012 * wave(7.0) + 0.003 * wave(1.7),
        roll=0.008 * wave(5.3) + 0.003 * wave(2.1),
        zoom=1.05 + 0.05 * wave(11.0, 0.6),
    )


def scaling(factor: float) -> Matrix:
    return np.diag(np.array([factor, factor, 1.0]))


def translation(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])


def rotation(radians: float) -> Matrix:
    c, s = cos(radians), sin(radians)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def screen(pose: Pose, width: int, height: int) -> Matrix:
    """Image coordinates to pixel indices (0 is the centre of the first pixel)."""
    look = rotation(pose.roll) @ scaling(pose.zoom) @ translation(-pose.pan, -pose.tilt)
    return translation(width / 2 - 0.5, height * HORIZON - 0.5) @ scaling(height) @ look


def upright_plane(pose: Pose, x: float, z: float) -> Matrix:
    """Metres on an upright plane facing the camera at (x, ground, z), y up, to image coordinates."""
    scale = FOCAL / (z - pose.forward)
    rise = EYE_HEIGHT_M + pose.up
    return np.array([[scale, 0, scale * (x - pose.right)], [0, -scale, scale * rise], [0, 0, 1.0]])


def ground_plane(pose: Pose) -> Matrix:
    """Image coordinates of the ground seen by the camera at rest to those seen from `pose`: a homography."""
    at_rest = FOCAL * EYE_HEIGHT_M
    return np.array(
        [
            [at_rest, -FOCAL * pose.right, 0.0],
            [0.0, FOCAL * (EYE_HEIGHT_M + pose.up), 0.0],
            [0.0, -pose.forward, at_rest],
        ]
    )


def ground_depth(y: Array) -> Array:
    """Depth in metres of the ground at image height y > 0 (below the horizon), from the camera at rest."""
    return np.asarray(FOCAL * EYE_HEIGHT_M / y)


@dataclass(frozen=True, slots=True)
class Stage:
    """The frame's size in pixels and the seed of the whole scene."""

    width: int
    height: int
    seed: int

    @property
    def pixels_per_unit(self) -> float:
        """Density of textures in pixels a frame height."""
        return self.height * MAX_ZOOM

    @property
    def supersample(self) -> int:
        return 2 if self.height <= 720 else 1

    @property
    def spread(self) -> float:
        """What to multiply places across the picture by, so that narrow frames still hold the cast."""
        return min(1.15, max(0.45, self.width / self.height * 9 / 16))

    def rng(self, name: str) -> np.random.Generator:
        """A stream of chance of its own for each thing, so that a change to one leaves the others as they are."""
        return np.random.default_rng([self.seed, *name.encode()])
