"""The woman in the foreground, who faces the camera and waves."""

from math import pi, sin

import numpy as np

from realtime.scene.drawing.camera import FOCAL, Matrix, rotation, translation, upright_plane
from realtime.scene.drawing.canvas import Canvas, Texture
from realtime.scene.drawing.layer import Layer, Placement
from realtime.scene.drawing.light import limb, round_shape
from realtime.scene.drawing.noise import Array, colour, smoothstep
from realtime.scene.people.face import Looks, paint_head
from realtime.scene.people.figure import Joints

LOOKS = Looks(skin=(0.90, 0.68, 0.55), hair=(0.36, 0.17, 0.08), hair_length=0.13, iris=(0.24, 0.40, 0.36))
DRESS = (0.72, 0.16, 0.15)
ELBOW = (0.305, 1.205)
DEPTH_M = 2.15


def portrait_layers(x: float, pixels_per_unit: float, supersample: int, rng: np.random.Generator) -> list[Layer]:
    """Body, head and the waving forearm, each with its motion."""
    density = pixels_per_unit * 1.2 * FOCAL / DEPTH_M

    def leaning(seconds: float) -> Matrix:
        return rotation(0.012 * sin(2 * pi * seconds / 4.1))

    def nodding(seconds: float) -> Matrix:
        neck = translation(0, 1.46)
        return leaning(seconds) @ neck @ rotation(0.05 * sin(2 * pi * seconds / 3.3)) @ np.linalg.inv(neck)

    def waving(seconds: float) -> Matrix:
        return leaning(seconds) @ translation(*ELBOW) @ rotation(-0.10 + 0.30 * sin(2 * pi * seconds / 1.6))

    parts = (
        ("portrait body", _body(density, supersample, rng), leaning),
        ("portrait head", _head(density, supersample, rng), nodding),
        ("portrait arm", _forearm(density, supersample, rng), waving),
    )
    return [Layer(name, texture, _jointed(x, joint)) for name, texture, joint in parts]


def _jointed(x: float, joint: Joints) -> Placement:
    return lambda pose, seconds: upright_plane(pose, x, DEPTH_M) @ joint(seconds)


def _head(density: float, supersample: int, rng: np.random.Generator) -> Texture:
    canvas = Canvas((-0.22, 0.22), (1.28, 1.78), density, supersample)
    paint_head(canvas, (0.0, 1.60), -0.22, LOOKS, rng)
    return canvas.finish()


def _body(density: float, supersample: int, rng: np.random.Generator) -> Texture:
    canvas = Canvas((-0.40, 0.46), (0.35, 1.56), density, supersample)
    dress = colour(*DRESS)
    round_shape(canvas, _hanging_arm(), dress * 0.9, 0.06, rng, folds=0.008)
    hand = [(-0.300, 0.82), (-0.225, 0.82), (-0.225, 0.73), (-0.255, 0.67), (-0.305, 0.68), (-0.315, 0.75)]
    round_shape(canvas, hand, colour(*LOOKS.skin), 0.04, rng)
    chest = [(-0.09, 1.455), (0.09, 1.455), (0.155, 1.415), (0.195, 1.34), (0.17, 1.16), (0.135, 1.02), (0.20, 0.82),
             (0.31, 0.36), (-0.31, 0.36), (-0.20, 0.82), (-0.135, 1.02), (-0.17, 1.18), (-0.195, 1.34),
             (-0.155, 1.415)]  # fmt: skip
    mask = round_shape(canvas, chest, dress, 0.105, rng, folds=0.030, fold_cell=(0.7, 0.13), weave=0.06)
    _dots(canvas, mask)
    belt = [(-0.140, 1.045), (0.0, 1.030), (0.140, 1.045), (0.142, 1.005), (0.0, 0.990), (-0.142, 1.005)]
    round_shape(canvas, belt, colour(0.26, 0.15, 0.08), 0.02, rng)
    upper = [(0.120, 1.405), (0.165, 1.412), (0.215, 1.375), (0.335, 1.230), (0.335, 1.180), (0.285, 1.165),
             (0.150, 1.285)]  # fmt: skip
    round_shape(canvas, upper, dress * 1.05, 0.06, rng, folds=0.010)
    return canvas.finish()


def _hanging_arm() -> Array:
    turn = rotation(-0.20)[:2, :2]
    return np.asarray(limb(0.53, 0.072, 0.046) @ turn.T + np.array([-0.142, 1.338]))


def _dots(canvas: Canvas, mask: Array) -> None:
    """A pattern on the dress: cream dots in staggered rows."""
    x, y = canvas.grid()
    row = np.floor(y / 0.045)
    u = (x + 0.0225 * np.mod(row, 2)) / 0.052 % 1 - 0.5
    v = y / 0.045 % 1 - 0.5
    canvas.tint(colour(0.94, 0.88, 0.74), 0.75 * mask * smoothstep(0.30, 0.20, np.hypot(u, v)))


def _forearm(density: float, supersample: int, rng: np.random.Generator) -> Texture:
    """Upright from the elbow at the origin, the open hand above."""
    canvas = Canvas((-0.16, 0.16), (-0.10, 0.50), density, supersample)
    skin = colour(*LOOKS.skin)
    for angle, length in ((-0.34, 0.080), (-0.10, 0.096), (0.10, 0.092), (0.30, 0.074)):
        finger = limb(length, 0.0115, 0.009) @ rotation(pi - angle)[:2, :2].T + np.array([-0.11 * angle, 0.345])
        round_shape(canvas, finger, skin, 0.010, rng)
    thumb = limb(0.075, 0.014, 0.010) @ rotation(pi + 0.95)[:2, :2].T + np.array([-0.030, 0.29])
    round_shape(canvas, thumb, skin, 0.012, rng)
    palm = [(-0.030, 0.24), (0.030, 0.24), (0.045, 0.30), (0.040, 0.355), (0.0, 0.37), (-0.040, 0.355), (-0.043, 0.30)]
    round_shape(canvas, palm, skin, 0.030, rng)
    round_shape(canvas, -limb(0.235, 0.052, 0.038), colour(*DRESS), 0.045, rng, folds=0.008)
    return canvas.finish()
