"""The ground in perspective: meadow, gravel walk, shore and lake, painted as the camera at rest sees it.

The lake is a mirror of everything behind it, drawn out by waves, with the sun's glitter.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from realtime.scene.drawing.camera import EYE_HEIGHT_M, FOCAL, ground_depth
from realtime.scene.drawing.canvas import dabs, strands
from realtime.scene.drawing.light import SUN_X, lit
from realtime.scene.drawing.noise import Array, colour, mix, sample_tile, smoothstep, tile

WALK_Z_M = 6.7
WALK_HALF_WIDTH_M = 1.15


@dataclass(frozen=True, slots=True)
class Shadow:
    """A soft shadow on the ground, metres: its middle, half width, half depth and darkness 0..1."""

    x: float
    z: float
    half_width: float
    half_depth: float
    dark: float = 0.55


class Ground:
    """The ground's fields at every pixel: world places x, z in metres, and how far it is land, walk, shore."""

    def __init__(self, a: Array, b: Array, rng: np.random.Generator) -> None:
        self.image_x, self.image_y = a, b
        self.z = ground_depth(b)
        self.x = a * EYE_HEIGHT_M / b
        rows = b.shape[0]
        self.pixels_per_unit = (rows - 1) / float(b[-1, 0] - b[0, 0])
        self.pixel_m = self.z**2 / (FOCAL * EYE_HEIGHT_M * self.pixels_per_unit)
        self.grain = tile(512, 64, rng, octaves=4, gain=0.7)
        self.broad = tile(256, 12, rng, octaves=4)
        edge = sample_tile(self.broad, self.x * 3.1, self.z * 3.1)
        to_water = self.z - shore_z(self.x) - 1.1 * edge
        self.water = smoothstep(-0.15, 0.25, to_water)
        self.wet = smoothstep(-2.4, 0.0, to_water)
        across = np.abs(self.z - walk_z(self.x)) + 0.24 * edge + 0.10 * self.detail(0.14)
        self.walk = smoothstep(WALK_HALF_WIDTH_M, WALK_HALF_WIDTH_M - 0.34, across)

    def detail(self, cell_m: float) -> Array:
        """Noise with grains of `cell_m` metres, faded out where a pixel is larger than the grain."""
        scale = 8 / cell_m  # the tile has 64 cells on 512 samples
        visible = smoothstep(0.5, 2.0, cell_m / self.pixel_m)
        return np.asarray(sample_tile(self.grain, self.x * scale, self.z * scale) * visible)


def shore_z(x: Array) -> Array:
    """Where the lake begins: a bay on the right, a spit of land on the left."""
    return np.asarray(14.5 + 21 * smoothstep(1.0, -4.5, x) + 0.9 * np.sin(0.5 * x), np.float32)


def walk_z(x: Array) -> Array:
    """The middle of the gravel walk."""
    return np.asarray(WALK_Z_M + 0.35 * np.sin(0.32 * x + 1.0), np.float32)


def paint_land(ground: Ground, shadows: tuple[Shadow, ...]) -> Array:
    """Colours of meadow, walk and shore, without plants."""
    sun = 1 - np.clip(np.sum([_cast(ground, s) for s in shadows], axis=0), 0, 0.85)
    meadow = _meadow(ground)
    land = mix(meadow, _gravel(ground), ground.walk)
    sand = colour(0.56, 0.48, 0.36) * (1 + 0.14 * ground.detail(0.2)[..., None])
    land = mix(land, sand, smoothstep(0.45, 0.8, ground.wet))
    land = mix(land, land * 0.55, smoothstep(0.86, 1.0, ground.wet))
    return lit(land, sun, 0.75 + 0.25 * sun)


def _meadow(ground: Ground) -> Array:
    patches = sample_tile(ground.broad, ground.x * 2.3, ground.z * 2.3)
    lush, dry = colour(0.24, 0.34, 0.12), colour(0.54, 0.50, 0.22)
    albedo = mix(lush, dry, smoothstep(-0.9, 1.1, patches + 0.35 * ground.detail(0.9)))
    coarse = 0.22 * ground.detail(1.6) + 0.20 * ground.detail(0.5) + 0.20 * ground.detail(0.15)
    return np.asarray(albedo * (1 + coarse[..., None]), np.float32)


def _gravel(ground: Ground) -> Array:
    tracks = 0.10 * np.cos((ground.z - walk_z(ground.x)) * 5.2)
    speckle = 0.16 * ground.detail(0.07) + 0.11 * ground.detail(0.24) + 0.09 * ground.detail(1.0)
    return np.asarray(colour(0.76, 0.66, 0.50) * (0.94 + speckle + tracks)[..., None], np.float32)


def _cast(ground: Ground, shadow: Shadow) -> Array:
    across = (ground.x - shadow.x - 0.16 * ground.detail(0.4)) / shadow.half_width
    along = (ground.z - shadow.z - 0.16 * ground.detail(0.5)) / shadow.half_depth
    return np.asarray(shadow.dark * smoothstep(1.15, 0.35, np.hypot(across, along) + 0.10 * ground.detail(0.3)))


def plant_grass(painted: Array, ground: Ground, rng: np.random.Generator, count: int = 17000) -> None:
    """Blades of grass over the meadow, far ones first; `painted` is RGBA bytes in the ground's place."""
    rows, columns = ground.z.shape
    row = np.sort(rows * (1 - rng.uniform(0, 0.985, count) ** 1.15)).astype(int).clip(0, rows - 1)
    column = rng.integers(0, columns, count)
    grows = (ground.walk[row, column] < 0.25) & (ground.wet[row, column] < 0.5)
    row, column = row[grows], column[grows]
    size = ground.image_y[row, column] / EYE_HEIGHT_M * ground.pixels_per_unit  # pixels per metre there
    tall = size * rng.uniform(0.05, 0.17, row.size)
    lean = tall * rng.normal(0.12, 0.38, row.size)
    foot = np.stack([column + rng.uniform(0, 1, row.size), row + 0.3 * tall], axis=1)
    bend = foot + np.stack([0.25 * lean, -0.6 * tall], axis=1)
    tip = foot + np.stack([lean, -tall], axis=1)
    under = painted[row, column, :3].astype(np.float32) / 255
    bright = rng.normal(1.04, 0.10 + 0.16 * np.clip(size[:, None] / 180, 0, 1)).astype(np.float32)
    sunlit = (rng.uniform(size=(row.size, 1)) > 0.62) * np.clip(size[:, None] / 150, 0.25, 1)
    ink = under * bright + colour(0.06, 0.06, 0.0) * sunlit
    strands(painted, np.stack([foot, bend, tip], axis=1), np.clip(size * 0.010, 1, 6), ink.astype(np.float32))


FLOWERS = ((0.94, 0.93, 0.88), (0.86, 0.16, 0.10), (0.96, 0.79, 0.16), (0.53, 0.36, 0.74), (0.93, 0.56, 0.62))


def plant_flowers(painted: Array, ground: Ground, rng: np.random.Generator, count: int = 2600) -> None:
    """Drifts of flowers, each drift mostly of one colour."""
    rows, columns = ground.z.shape
    row, column = np.sort(rng.integers(0, rows, count)), rng.integers(0, columns, count)
    drift = sample_tile(ground.broad, ground.x[row, column][None] * 4.0, ground.z[row, column][None] * 4.0)[0]
    kind = sample_tile(ground.broad, 70 + ground.x[row, column][None], 30 + ground.z[row, column][None])[0]
    grows = (ground.walk[row, column] < 0.1) & (ground.wet[row, column] < 0.3) & (drift > 0.10)
    row, column, kind = row[grows], column[grows], kind[grows]
    size = ground.image_y[row, column] / EYE_HEIGHT_M * ground.pixels_per_unit
    choice = np.floor((kind + 1) * 3.5 + rng.normal(0, 0.5, row.size)).astype(int) % len(FLOWERS)
    ink = np.array(FLOWERS, np.float32)[choice] * rng.uniform(0.78, 1.05, (row.size, 1)).astype(np.float32)
    centres = np.stack([column, row - 0.07 * size], axis=1).astype(float)
    axes = size[:, None] * rng.uniform(0.014, 0.030, (row.size, 1)) * np.array([[1.2, 0.85]])
    dabs(painted, centres, axes, rng.uniform(-30, 30, row.size), ink)


def paint_lake(ground: Ground, backdrop: Array, first: tuple[float, float], rng: np.random.Generator) -> Array:
    """Colours of the water at the ground's pixels.

    `backdrop` [rows, columns, 3] is what stands behind the lake, at the ground's density; `first` is the image place
    x, y (y upwards) of its first pixel. A flat mirror shows a thing as far below the horizon as it stands above it.
    """
    waves = _waves(ground, rng)
    per_unit = ground.pixels_per_unit
    x = ((ground.image_x + 0.010 * waves - first[0]) * per_unit).astype(np.float32)
    shift = (0.55 * waves + 0.25) * (0.012 + 0.16 * ground.image_y)
    y = ((first[1] - ground.image_y - shift) * per_unit).astype(np.float32)
    blurred = cv2.GaussianBlur(backdrop, (0, 0), 0.006 * per_unit, sigmaY=0.012 * per_unit)
    mirror = cv2.remap(blurred, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    deep = colour(0.10, 0.24, 0.30)
    facing = smoothstep(0.02, 0.20, ground.image_y) * 0.55 + 0.10 * np.clip(waves, 0, 1)
    water = mix(mirror * colour(0.93, 0.96, 0.97), deep, np.clip(facing, 0, 1))
    return np.asarray(water + _glitter(ground, waves)[..., None] * colour(1.0, 0.90, 0.68))


def _waves(ground: Ground, rng: np.random.Generator) -> Array:
    """Ripples, long across the view and short along it, -1..1."""
    ripple = tile(512, 48, rng, octaves=3, gain=0.6)
    fine = smoothstep(0.4, 2.0, 0.5 / ground.pixel_m)
    small = sample_tile(ripple, ground.x * 9, ground.z * 30) * fine
    middle = sample_tile(ripple, ground.x * 3.2, ground.z * 9)
    broad = sample_tile(ripple, 40 + ground.image_x * 120, 17 + 2600 * np.log(ground.image_y + 0.02) / 6)
    middle = middle * smoothstep(0.2, 1.5, 2.0 / ground.pixel_m)
    return np.asarray(0.40 * small + 0.35 * middle + 0.45 * broad, np.float32)


def _glitter(ground: Ground, waves: Array) -> Array:
    spread = 0.05 + 0.45 * ground.image_y
    column = np.exp(-(((ground.image_x - SUN_X) / spread) ** 2))
    return np.asarray(smoothstep(0.22, 0.75, waves + 0.25 * column) * column * 0.95 + 0.16 * column, np.float32)
