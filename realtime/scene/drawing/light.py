"""One sun for the whole scene: its place, its colour, and the air between things and the camera."""

import numpy as np

from realtime.scene.drawing.noise import Array, colour, mix, smoothstep

SUN_X, SUN_Y = 0.47, 0.33  # image coordinates, y upwards from the horizon
TO_SUN = np.array([0.66, 0.62, 0.42], np.float32)  # right, up, towards the camera; a softened direction, length about 1
SUNLIGHT = colour(1.0, 0.93, 0.78)
SKYLIGHT = colour(0.62, 0.72, 0.90)
AIR = colour(0.69, 0.78, 0.89)
WARM_AIR = colour(0.99, 0.90, 0.74)


def air_colour(x: Array | float, y: Array | float) -> Array:
    """The colour of distant air in a direction: warmer towards the sun."""
    near_sun = np.exp(-(((np.asarray(x) - SUN_X) / 0.75) ** 2) - ((np.asarray(y) - 0.12) / 0.5) ** 2)
    return mix(AIR, WARM_AIR, near_sun.astype(np.float32))


def haze_share(z: Array | float, *, half_m: float = 900.0) -> Array:
    """How much of a thing's light is replaced by the air's at depth z metres."""
    return np.asarray(1 - 0.5 ** (np.asarray(z, np.float32) / half_m), np.float32)


def lit(albedo: Array, sun: Array, sky: Array | float = 1.0) -> Array:
    """A matt surface under sun (share 0..1 of full light) and sky."""
    direct = np.asarray(sun, np.float32)[..., None] * SUNLIGHT
    ambient = np.asarray(sky, np.float32)[..., None] * SKYLIGHT * 0.46
    return np.asarray(albedo * (direct * 0.86 + ambient), np.float32)


def slope_light(height_field: Array, steepness: float) -> Array:
    """Sun on a relief [rows, columns] whose heights are in pixels, facing the camera; 0..1, flat ground about 0.6."""
    dy, dx = np.gradient(height_field.astype(np.float32) * steepness)
    dot = (-dx * TO_SUN[0] + dy * TO_SUN[1] + TO_SUN[2]) / np.sqrt(dx * dx + dy * dy + 1)
    return np.asarray(np.clip(dot + 0.18, 0, 1))


def glow(x: Array, y: Array, radius: float) -> Array:
    """The sun's halo, 1 at its centre."""
    square = (x - SUN_X) ** 2 + (y - SUN_Y) ** 2
    return np.asarray(1 / (1 + square / radius**2), np.float32) * smoothstep(1.6, 0.2, np.sqrt(square))
