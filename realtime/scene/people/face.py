"""Heads with faces, modelled as lit ellipsoids with features placed on them and turned with them."""

from dataclasses import dataclass
from math import cos, sin, sqrt

import numpy as np

from realtime.scene.drawing.canvas import Canvas
from realtime.scene.drawing.light import TO_SUN, lit
from realtime.scene.drawing.noise import Array, colour, fractal_noise, mix, smoothstep

HALF_WIDTH_M, HALF_HEIGHT_M = 0.079, 0.116


@dataclass(frozen=True, slots=True)
class Looks:
    """Colours of a person's head, and how the hair is worn."""

    skin: tuple[float, float, float] = (0.86, 0.64, 0.50)
    hair: tuple[float, float, float] = (0.30, 0.17, 0.09)
    lips: tuple[float, float, float] = (0.72, 0.28, 0.26)
    iris: tuple[float, float, float] = (0.22, 0.34, 0.42)
    hair_length: float = 0.0  # metres below the chin; 0 is short hair
    beard: float = 0.0


@dataclass(frozen=True, slots=True)
class Turned:
    """The face's own coordinates at every pixel, u right and v up, 1 at the outline, and its turn in radians."""

    u: Array
    v: Array
    turn: float

    def blob(self, u0: float, v0: float, half_u: float, half_v: float, sharp: float = 2.0) -> Array:
        """A soft ellipse fixed to the face at (u0, v0); narrower where the face turns away, gone behind it."""
        depth = sqrt(max(0.02, 1 - u0 * u0 - v0 * v0))
        place = u0 * cos(self.turn) + depth * sin(self.turn)
        facing = depth * cos(self.turn) - u0 * sin(self.turn)
        if facing < 0.05:
            return np.zeros_like(self.u)
        narrow = half_u * min(1.0, 0.35 + 0.75 * facing / depth)
        square = ((self.u - place) / narrow) ** 2 + ((self.v - v0) / half_v) ** 2
        return np.asarray(np.exp(-(square**sharp)), np.float32)


def paint_head(
    canvas: Canvas, centre: tuple[float, float], turn: float, looks: Looks, rng: np.random.Generator
) -> None:
    """Hair behind, neck, face and hair in front; `turn` in radians to the viewer's right."""
    x, y = canvas.grid()
    face = Turned((x - centre[0]) / HALF_WIDTH_M, (y - centre[1]) / HALF_HEIGHT_M, turn)
    _hair_behind(canvas, face, looks, rng)
    _neck(canvas, face, looks)
    _skull(canvas, face, looks, rng)
    _features(canvas, face, looks)
    _hair_in_front(canvas, face, looks, rng)


def _neck(canvas: Canvas, face: Turned, looks: Looks) -> None:
    column = smoothstep(0.62, 0.54, np.abs(face.u + 0.05)) * smoothstep(-0.45, -0.55, face.v)
    column = column * smoothstep(0, 0.08, face.v + 2.35 - 1.3 * np.abs(face.u + 0.05))
    light = np.clip(0.55 + 0.55 * face.u, 0.15, 1) * (1 - 0.65 * smoothstep(-1.75, -0.9, face.v))
    canvas.over(lit(colour(*looks.skin), light, 0.75), column)


def _skull(canvas: Canvas, face: Turned, looks: Looks, rng: np.random.Generator) -> None:
    jaw = 1 - 0.22 * smoothstep(-0.25, -1.0, face.v)
    across = (face.u - 0.16 * sin(face.turn) * smoothstep(0.1, -0.9, face.v)) / jaw
    radius = np.hypot(across, face.v)
    mask = smoothstep(1.04, 0.98, radius)
    depth = np.sqrt(np.clip(1 - radius**2, 0.0, 1))
    light = np.clip(0.22 + across * TO_SUN[0] * 0.75 + face.v * TO_SUN[1] * 0.55 + depth * 0.62, 0, 1.05)
    skin = colour(*looks.skin) * (1 + 0.035 * fractal_noise(light.shape, 9, rng, octaves=3))[..., None]
    blush = 0.30 * (face.blob(-0.52, -0.22, 0.34, 0.26, 1) + face.blob(0.52, -0.22, 0.34, 0.26, 1))
    skin = mix(skin, colour(0.86, 0.42, 0.36), np.clip(blush, 0, 1))
    for side in (-0.99, 0.99):
        if looks.hair_length <= 0 and side * sin(face.turn) < 0.3:
            ear = face.blob(side, -0.02, 0.16, 0.22, 3)
            canvas.over(lit(colour(*looks.skin) * 0.85, np.full_like(face.u, 0.5 + 0.2 * side), 0.8), ear)
    canvas.over(lit(skin, light, 0.72 + 0.28 * light), mask)


def _features(canvas: Canvas, face: Turned, looks: Looks) -> None:
    dark = colour(0.13, 0.08, 0.06)
    skin, hair = colour(*looks.skin), colour(*looks.hair)
    for side in (-0.40, 0.40):
        canvas.tint(skin * colour(0.55, 0.42, 0.40), 0.50 * face.blob(side, 0.13, 0.27, 0.15, 1))
        canvas.tint(colour(0.84, 0.82, 0.80), face.blob(side, 0.065, 0.180, 0.072, 3))
        canvas.tint(colour(*looks.iris), face.blob(side + 0.02, 0.075, 0.088, 0.090, 4))
        canvas.tint(dark * 0.4, face.blob(side + 0.02, 0.075, 0.045, 0.045, 3))
        canvas.tint(colour(1, 1, 1), 0.9 * face.blob(side + 0.055, 0.105, 0.025, 0.020, 2))
        canvas.tint(skin * 0.72, 0.8 * face.blob(side, 0.165, 0.21, 0.050, 2))
        canvas.tint(dark, 0.80 * face.blob(side, 0.135, 0.205, 0.026, 3))
        canvas.tint(skin * 0.62, 0.5 * face.blob(side, -0.035, 0.17, 0.022, 2))
        canvas.tint(hair * 0.7, 0.80 * face.blob(side * 1.04, 0.315, 0.245, 0.042, 3))
    canvas.tint(skin * colour(0.58, 0.45, 0.42), 0.55 * face.blob(-0.13, -0.12, 0.09, 0.24, 1))
    canvas.tint(colour(1.0, 0.86, 0.74), 0.45 * face.blob(0.04, -0.10, 0.055, 0.22, 1))
    canvas.tint(skin * colour(0.50, 0.36, 0.33), 0.65 * face.blob(0.0, -0.315, 0.17, 0.045, 2))
    for side in (-0.085, 0.085):
        canvas.tint(dark, 0.65 * face.blob(side, -0.300, 0.045, 0.028, 2))
    _beard(canvas, face, looks)
    _mouth(canvas, face, looks)


def _mouth(canvas: Canvas, face: Turned, looks: Looks) -> None:
    lips = colour(*looks.lips)
    smile = Turned(face.u, face.v - 0.95 * np.minimum(np.abs(face.u - sin(face.turn) * 0.82), 0.4) ** 2, face.turn)
    canvas.tint(lips * 0.80, 0.85 * smile.blob(0, -0.525, 0.27, 0.050, 3))
    canvas.tint(lips * 1.06, 0.85 * smile.blob(0, -0.605, 0.22, 0.055, 3))
    canvas.tint(colour(0.25, 0.07, 0.06), 0.85 * smile.blob(0, -0.562, 0.28, 0.018, 3))
    canvas.tint(colour(*looks.skin) * 0.6, 0.40 * smile.blob(0, -0.720, 0.16, 0.040, 1))


def _beard(canvas: Canvas, face: Turned, looks: Looks) -> None:
    if looks.beard:
        chin = smoothstep(-0.28, -0.62, face.v - 0.35 * face.u**2) + 0.7 * face.blob(0, -0.42, 0.34, 0.07, 2)
        inside = smoothstep(1.06, 0.94, np.hypot(face.u, face.v))
        canvas.tint(colour(*looks.hair) * 0.8, looks.beard * np.clip(chin, 0, 1) * inside)


def _strands(face: Turned, looks: Looks, rng: np.random.Generator) -> Array:
    """Hair colours: fine strands falling from the crown, with a band of shine."""
    angle = np.arctan2(face.u, 1.5 - face.v)
    rows, columns = face.u.shape
    fine = fractal_noise((columns, rows), max(rows, columns) / 40, rng, octaves=4, gain=0.8, stretch=9).T
    wave = np.sin(46 * angle + 3.0 * fine)
    shine = np.exp(-(((np.hypot(face.u, face.v - 0.1) - 0.82 + 0.05 * fine) / 0.16) ** 2)) * smoothstep(
        -0.3, 0.5, face.v
    )
    light = np.clip(
        0.40 + 0.32 * face.u + 0.24 * face.v + 0.10 * wave + 0.16 * fine, 0.05, 1
    ) + 0.55 * shine * smoothstep(-0.9, 0.1, face.u)
    return lit(colour(*looks.hair) * 1.15, np.clip(light, 0, 1.5), 0.6)


def _hair_behind(canvas: Canvas, face: Turned, looks: Looks, rng: np.random.Generator) -> None:
    if looks.hair_length <= 0:
        return
    end = -1.0 - looks.hair_length / HALF_HEIGHT_M
    width = 1.26 + 0.10 * np.sin(3.1 * face.v) - 0.25 * smoothstep(end + 0.7, end, face.v)
    fall = smoothstep(width, width - 0.07, np.abs(face.u + 0.1 * sin(face.turn)))
    fall = fall * smoothstep(end - 0.05, end + 0.12, face.v + 0.08 * np.sin(9 * face.u))
    crown = smoothstep(1.02, 0.97, np.hypot(face.u / 1.26, (face.v - 0.02) / 1.08))
    fall = fall * np.where(face.v > 0, crown, 1)
    canvas.over(_strands(face, looks, rng) * 0.9, fall)


def _hair_in_front(canvas: Canvas, face: Turned, looks: Looks, rng: np.random.Generator) -> None:
    cap = smoothstep(1.02, 0.97, np.hypot((face.u + 0.10 * sin(face.turn)) / 1.14, (face.v - 0.06) / 1.10))
    parting = 0.22 + 0.25 * sin(face.turn)
    line = 0.66 - 0.42 * np.abs(face.u - parting) ** 1.7 - 0.16 * sin(face.turn) * face.u
    if looks.hair_length > 0:
        line = line - 0.75 * smoothstep(0.62, 0.98, np.abs(face.u - 0.25 * sin(face.turn)))
    else:
        line = line - 0.25 * smoothstep(0.72, 0.98, np.abs(face.u - 0.25 * sin(face.turn)))
    hair = cap * smoothstep(-0.05, 0.06, face.v - line)
    shadow = cap * smoothstep(-0.24, 0.0, face.v - line) * (1 - hair)
    canvas.tint(colour(*looks.skin) * 0.45, 0.45 * shadow)
    canvas.over(_strands(face, looks, rng), hair)
