"""The lake: a mirror of everything behind it, drawn out by waves, with the sun's glitter."""

import cv2
import numpy as np

from realtime.scene.drawing.light import SUN_X
from realtime.scene.drawing.noise import Array, colour, mix, sample_tile, smoothstep, tile
from realtime.scene.place.ground import Ground


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
