"""One sun for the whole scene: its place, its colour, the air between things and the camera, and what it makes round.

Flat outlines are blown up like cushions, and lit.
"""

import cv2
import numpy as np

from realtime.scene.drawing.canvas import Canvas, Points, extent
from realtime.scene.drawing.noise import Array, Shape, colour, fractal_noise, mix, smoothstep

SUN_X, SUN_Y = 0.47, 0.33  # image coordinates, y upwards from the horizon
TO_SUN = np.array([0.66, 0.62, 0.42], np.float32)  # right, up, towards the camera; a softened direction, length about 1
SUNLIGHT = colour(1.0, 0.93, 0.78)
SKYLIGHT = colour(0.62, 0.72, 0.90)
AIR = colour(0.69, 0.78, 0.89)
WARM_AIR = colour(0.99, 0.90, 0.74)
PARTS = 8  # of a curve between two of its points


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


def spline(points: Points) -> Array:
    """A closed Catmull-Rom curve through points [n, 2]."""
    at = np.asarray(points, np.float64)
    t = (np.arange(PARTS) / PARTS)[None, :, None]
    p0, p1, p2, p3 = (np.roll(at, by, axis=0)[:, None, :] for by in (1, 0, -1, -2))
    curve = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    return np.asarray(curve.reshape(-1, 2))


def inflate(mask: Array, radius_px: float) -> Array:
    """A height field in pixels: 0 at the mask's edge, rising as a quarter circle to `radius_px` inside."""
    padded = cv2.copyMakeBorder((mask > 0.5).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    share = 1 - np.clip(distance / max(radius_px, 1), 0, 1)
    height = np.sqrt(np.maximum(1 - share**2, 0)) * radius_px
    return np.asarray(cv2.GaussianBlur(height, (0, 0), max(radius_px * 0.16, 0.6)))


def round_shape(
    canvas: Canvas,
    points: Points,
    albedo: Array,
    radius: float,
    rng: np.random.Generator,
    *,
    folds: float = 0.0,
    fold_cell: tuple[float, float] = (0.30, 0.10),
    weave: float = 0.05,
    smooth: bool = True,
) -> Array:
    """Paint an outline as a round, cloth-like body and return its mask.

    `radius` is how far in from the edge the rounding goes, `folds` the height of drapery, `fold_cell` its size down and
    across, all in the canvas's units; `weave` is the contrast of the surface.
    """
    mask = canvas.polygon(spline(points) if smooth else points)
    part = extent(mask)
    cut = mask[part]
    if not cut.size:
        return mask
    height = inflate(cut, radius * canvas.per_unit)
    if folds:
        height = height + folds * canvas.per_unit * _drapery(cut.shape, canvas.per_unit, fold_cell, rng)
    light = slope_light(height, 0.85)
    fine = fractal_noise(cut.shape, 0.03 * canvas.per_unit, rng, octaves=3, gain=0.8)
    surface = np.asarray(albedo, np.float32) * (1 + weave * fine)[..., None]
    whole = np.zeros((*mask.shape, 3), np.float32)
    whole[part] = lit(surface, light, 0.55 + 0.45 * light)
    canvas.over(whole, mask)
    return mask


def _drapery(shape: Shape, per_unit: float, cell: tuple[float, float], rng: np.random.Generator) -> Array:
    """Folds that hang: ridges `cell` = (down, across) units large."""
    noise = fractal_noise(shape[::-1], cell[1] * per_unit, rng, octaves=3, stretch=cell[0] / cell[1]).T
    return np.asarray(1 - np.abs(noise) * 1.4, np.float32)


def limb(length: float, top: float, bottom: float, *, bulge: float = 0.0) -> Array:
    """Outline of a limb that hangs from its pivot at the origin: half widths at its top and bottom."""
    middle = (top + bottom) / 2 + bulge
    return np.array(
        [
            (-top, 0.0),
            (-0.7 * top, 0.7 * top),
            (0.7 * top, 0.7 * top),
            (top, 0.0),
            (middle, -0.45 * length),
            (bottom, -length),
            (0.6 * bottom, -length - 0.7 * bottom),
            (-0.6 * bottom, -length - 0.7 * bottom),
            (-bottom, -length),
            (-middle * 0.95, -0.45 * length),
        ]
    )
