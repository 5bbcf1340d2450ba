"""Mountains and hills: height fields, found by marching every column of pixels away from the pinhole camera."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from realtime.scene.drawing.camera import EYE_HEIGHT_M, FOCAL
from realtime.scene.drawing.light import TO_SUN, air_colour, haze_share, lit
from realtime.scene.drawing.noise import Array, colour, mix, sample_tile, smoothstep, tile

Field = Callable[[Array, Array], Array]


# x, z, height and width in metres of the summits
PEAKS = (
    (-1500, 2300, 500, 680),
    (-1000, 2100, 330, 480),
    (-560, 2500, 610, 700),
    (-150, 2300, 300, 520),
    (260, 2700, 450, 640),
    (700, 2200, 265, 500),
    (1150, 2500, 460, 680),
    (1800, 2200, 400, 600),
)


@dataclass(frozen=True, slots=True)
class View:
    """What a column-march found: depth [rows, columns] of every pixel (inf where sky), and skylines by depth."""

    depth: Array
    steps: Array  # [steps] depths in metres
    skyline: Array  # [steps, columns] highest elevation (image units, y up) of the ground up to that depth


def march(height: Field, columns: Array, rows: Array, near_m: float, far_m: float, steps: int = 320) -> View:
    """Look at a height field along every column; `columns` are image x, `rows` image y upwards, descending."""
    depths = np.geomspace(near_m, far_m, steps).astype(np.float32)
    across = columns[None, :] * depths[:, None] / FOCAL
    ground = height(across, np.broadcast_to(depths[:, None], across.shape))
    elevation = (ground - EYE_HEIGHT_M) * FOCAL / depths[:, None]
    skyline = np.maximum.accumulate(elevation, axis=0)
    depth = np.stack([_depth_of_rows(skyline[:, k], rows, depths) for k in range(columns.size)], axis=1)
    return View(depth, depths, skyline)


def _depth_of_rows(skyline: Array, rows: Array, depths: Array) -> Array:
    """First depth at which the skyline of one column reaches each row; inf above the last."""
    first = np.searchsorted(skyline, rows)
    inside = np.minimum(first, depths.size - 1)
    before = np.maximum(inside - 1, 0)
    rise = np.maximum(skyline[inside] - skyline[before], 1e-9)
    share = np.clip((rows - skyline[before]) / rise, 0, 1)
    found = depths[before] + share * (depths[inside] - depths[before])
    return np.asarray(np.where(first < depths.size, found, np.inf), np.float32)


def sun_on(height: Field, x: Array, z: Array, step_m: float) -> tuple[Array, Array]:
    """Share of sunlight on a height field from its slope at (x, z), and its height there."""
    here = height(x, z)
    slope_x = (height(x + step_m, z) - here) / step_m
    slope_z = (height(x, z + step_m) - here) / step_m
    dot = -slope_x * TO_SUN[0] + TO_SUN[1] + slope_z * TO_SUN[2]
    return np.clip(dot / np.sqrt(slope_x**2 + slope_z**2 + 1), 0, 1), here


def mountain_heights(rng: np.random.Generator) -> Field:
    """Ridged noise under an outline of a few peaks, metres."""
    ridges, detail = tile(512, 5, rng, octaves=7, gain=0.5), tile(512, 24, rng, octaves=5, gain=0.6)
    peaks = np.array(PEAKS, np.float32)

    def height(x: Array, z: Array) -> Array:
        warp = 90 * sample_tile(detail, x * 0.10, z * 0.10)
        sharp = 1 - np.abs(sample_tile(ridges, (x + warp) * 0.16, (z + warp) * 0.16)) * 1.5
        outline = 80 * smoothstep(900, 2000, z)
        for centre, depth, tall, wide in peaks:
            distance = np.hypot(x - centre, 1.2 * (z - depth)) / wide
            outline = np.maximum(outline, tall * np.exp(-np.sqrt(distance**2 + 0.03)) * 1.12)
        fine = sample_tile(detail, x * 0.35, z * 0.35)
        return np.asarray(outline * (0.80 + 0.34 * sharp) + 18 * sharp + 6 * fine, np.float32)

    return height


def mountain_colours(height: Field, x: Array, z: Array, grain: Array) -> Array:
    """Rock, scree and snow by height and steepness, in sun and air."""
    sun, tall = sun_on(height, x, z, 12.0)
    rough = sample_tile(grain, x * 0.9, tall * 2.2)
    steep = 1 - sun
    rock = mix(colour(0.34, 0.32, 0.33), colour(0.52, 0.47, 0.42), smoothstep(-1, 1, rough))
    wood = mix(colour(0.13, 0.22, 0.15), colour(0.25, 0.33, 0.18), smoothstep(-0.8, 0.9, rough))
    ground = mix(wood, rock, smoothstep(130, 235, tall + 30 * rough + 30 * steep))
    snow = smoothstep(255, 330, tall + 34 * rough - 40 * steep)
    ground = mix(ground, colour(0.93, 0.95, 0.98), snow)
    return lit(ground, smoothstep(0.22, 0.92, sun) * 1.05, 0.75 + 0.25 * sun)


def hill_heights(rng: np.random.Generator, shore_m: float) -> Field:
    """Rounded hills that rise from the far shore, metres."""
    swell, detail = tile(256, 4, rng, octaves=3, gain=0.45), tile(256, 16, rng, octaves=4)

    def height(x: Array, z: Array) -> Array:
        inland = np.maximum(z - shore_m, 0)
        rise = smoothstep(0, 260, inland)
        valley = 1 - 0.75 * np.exp(-(((x - 0.20 * z) / (0.30 * z)) ** 2))
        broad = 0.55 + 0.75 * sample_tile(swell, x * 0.26, z * 0.26)
        small = sample_tile(detail, x * 0.8, z * 0.8)
        return np.asarray(rise * valley * (27 * broad + 2.0 * small) + 0.004 * inland, np.float32)

    return height


def field_colours(height: Field, x: Array, z: Array, grain: Array) -> Array:
    """Meadows and ploughed fields on the hills, in sun."""
    patch = sample_tile(grain, x * 0.55 + z * 0.12, z * 0.40)
    fine = sample_tile(grain, x * 5.0, z * 5.0)
    green, gold = colour(0.34, 0.47, 0.16), colour(0.72, 0.62, 0.30)
    albedo = mix(green, gold, smoothstep(0.35, 0.75, patch))
    albedo = mix(albedo, colour(0.22, 0.36, 0.14), smoothstep(-0.2, -0.8, patch))
    sun, _ = sun_on(height, x, z, 6.0)
    return lit(albedo * (1 + 0.16 * fine[..., None]), smoothstep(0.15, 0.9, sun), 0.9)


def in_air(painted: Array, x: Array, y: Array, z: Array, half_m: float) -> Array:
    """Distant colours seen through the air."""
    low = 1 + 0.5 * np.exp(-np.maximum(y, 0) / 0.04)  # the air is thicker near the ground
    return mix(painted, air_colour(x, y), np.clip(haze_share(z * low, half_m=half_m), 0, 0.94))
