"""What stands behind the lake: sky, mountains, and hills with forests."""

from dataclasses import dataclass

import cv2
import numpy as np

from realtime.scene.drawing.camera import EYE_HEIGHT_M, FOCAL
from realtime.scene.drawing.canvas import Texture, paste, texture_from
from realtime.scene.drawing.light import air_colour, haze_share
from realtime.scene.drawing.noise import Array, mix, sample_tile, smoothstep, tile
from realtime.scene.place.buildings import HOUSES, House, near_village, paint_village_house
from realtime.scene.place.plants import BIRCH, CYPRESS, MAPLE, OAK, SPRUCE, paint_tree
from realtime.scene.place.sky import paint_sky
from realtime.scene.place.terrain import (
    Field,
    View,
    field_colours,
    hill_heights,
    in_air,
    march,
    mountain_colours,
    mountain_heights,
)

SHORE_M = 92.0
HILLS_M = 190.0  # where the hills' layer stands as a whole
MOUNTAINS_M = 1500.0
BELOW_HORIZON = 0.035  # image units: how far down the backdrop is painted
SPARE_ROWS = 5  # and below that, for the smallest frames


@dataclass(frozen=True, slots=True)
class Strip:
    """A part of the backdrop while it is painted: premultiplied float RGBA, and the place of its first corner."""

    rgba: Array
    left: float
    top: float
    pixels_per_unit: float

    def texture(self) -> Texture:
        return texture_from(self.rgba, self.left, self.top, self.pixels_per_unit)


@dataclass(frozen=True, slots=True)
class Frustum:
    """The window of image coordinates that a strip covers, y up, and how finely."""

    left: float
    right: float
    top: float
    pixels_per_unit: float
    supersample: int

    def axes(self) -> tuple[Array, Array]:
        """Image x of the columns and y (descending) of the rows, supersampled."""
        step = 1 / (self.pixels_per_unit * self.supersample)
        columns = round((self.right - self.left) * self.pixels_per_unit) * self.supersample
        rows = (round((self.top + BELOW_HORIZON) * self.pixels_per_unit) + SPARE_ROWS) * self.supersample
        x = self.left + (np.arange(columns, dtype=np.float32) + 0.5) * step
        y = self.top - (np.arange(rows, dtype=np.float32) + 0.5) * step
        return x.astype(np.float32), y.astype(np.float32)

    def strip(self, rgba: Array) -> Strip:
        """Reduce supersampled RGBA to its final density."""
        size = (rgba.shape[1] // self.supersample, rgba.shape[0] // self.supersample)
        small = cv2.resize(rgba.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return Strip(cv2.GaussianBlur(small, (0, 0), 0.4), self.left, self.top, self.pixels_per_unit)


def paint_heaven(frustum: Frustum, rng: np.random.Generator) -> Strip:
    """The sky as a strip; it needs no supersampling."""
    single = Frustum(frustum.left, frustum.right, frustum.top, frustum.pixels_per_unit, 1)
    x, y = np.meshgrid(*single.axes())
    return single.strip(_opaque(paint_sky(x, y, rng)))


def paint_mountains(frustum: Frustum, rng: np.random.Generator) -> Strip:
    heights = mountain_heights(rng)
    grain = tile(512, 32, rng, octaves=4)
    columns, rows = frustum.axes()
    view = march(heights, columns, rows, 850.0, 3300.0)
    x, z, land = _seen(view, columns)
    painted = mountain_colours(heights, x, z, grain)
    painted = in_air(painted, columns[None, :], rows[:, None], z, 1600.0)
    return frustum.strip(_opaque(painted) * land[..., None])


def paint_hills(frustum: Frustum, rng: np.random.Generator) -> Strip:
    heights = hill_heights(rng, SHORE_M)
    grain = tile(512, 32, rng, octaves=4)
    columns, rows = frustum.axes()
    view = march(heights, columns, rows, SHORE_M, 900.0)
    x, z, land = _seen(view, columns)
    painted = in_air(field_colours(heights, x, z, grain), columns[None, :], rows[:, None], z, 1100.0)
    strip = frustum.strip(_opaque(painted) * land[..., None])
    _plant_forest(strip, heights, view, columns, rng)
    for image_x, inland, house in HOUSES:
        _build(strip, heights, image_x, SHORE_M + inland, house, rng)
    return strip


def _build(
    strip: Strip, heights: Field, image_x: float, depth_m: float, house: House, rng: np.random.Generator
) -> None:
    stamp, middle = paint_village_house(house, strip.pixels_per_unit * FOCAL / depth_m, rng)
    base = _elevation(heights, np.array([image_x * depth_m / FOCAL]), np.array([depth_m]))
    _stamp(strip, stamp, (image_x, float(base[0]), depth_m), middle)


def _elevation(heights: Field, x: Array, z: Array) -> Array:
    """Image y (upwards) of the ground at places x, z [n]."""
    return np.asarray((heights(x[None], z[None])[0] - EYE_HEIGHT_M) * FOCAL / z)


def _opaque(painted: Array) -> Array:
    return np.dstack([np.clip(painted, 0, 1), np.ones(painted.shape[:2], np.float32)])


def _seen(view: View, columns: Array) -> tuple[Array, Array, Array]:
    land = np.isfinite(view.depth)
    z = np.where(land, view.depth, view.steps[-1]).astype(np.float32)
    return columns[None, :] * z / FOCAL, z, land


def _plant_forest(strip: Strip, heights: Field, view: View, columns: Array, rng: np.random.Generator) -> None:
    """Trees where a noise says forest, far ones first, those behind a ridge left out."""
    stamps = _stamps(rng)
    woods = tile(128, 8, rng, octaves=3)
    count = 5200
    z = np.sort(SHORE_M * 1.015 + (620 - SHORE_M) * rng.uniform(0, 1, count) ** 1.5)[::-1]
    image_x = rng.uniform(columns[0], columns[-1], count)
    x = image_x * z / FOCAL
    dense = sample_tile(woods, x[None] * 0.11, z[None] * 0.11)[0]
    along_shore = 0.22 * smoothstep(30, 0, z - SHORE_M)
    grows = rng.uniform(size=count) < 0.04 + 0.96 * smoothstep(0.0, 0.35, dense + along_shore)
    base = _elevation(heights, x, z)
    step = np.clip(np.searchsorted(view.steps, z) - 1, 0, view.steps.size - 1)
    column = np.clip(np.searchsorted(columns, image_x), 0, columns.size - 1)
    grows &= ~near_village(image_x, z - SHORE_M)
    open_view = base + 3 * FOCAL / z >= view.skyline[step, column]
    for k in np.flatnonzero(grows & open_view):
        kind = min(len(stamps) - 1, int(abs(dense[k]) * 9 + rng.integers(0, 3)) % len(stamps))
        _stamp_tree(
            strip, stamps[kind], (float(image_x[k]), float(base[k]), float(z[k])), float(rng.uniform(5.0, 11.0))
        )


def _stamps(rng: np.random.Generator) -> list[Array]:
    kinds = (SPRUCE, SPRUCE, OAK, OAK, BIRCH, CYPRESS, OAK, MAPLE)
    return [paint_tree(96, kind, rng, fine=0.5).astype(np.float32) / 255 for kind in kinds]


def _stamp_tree(strip: Strip, stamp: Array, place: tuple[float, float, float], tall_m: float) -> None:
    _, _, z = place
    rows = max(3, round(tall_m * FOCAL / z * strip.pixels_per_unit))
    size = (max(2, round(stamp.shape[1] * rows / stamp.shape[0])), rows)
    small = cv2.resize(stamp, size, interpolation=cv2.INTER_AREA)
    _stamp(strip, small, place, size[0] / 2)


def _stamp(strip: Strip, stamp: Array, place: tuple[float, float, float], middle: float) -> None:
    """Lay a thing on the hills, its foot at `place` = image x, image y, depth; `middle` is its own middle column."""
    image_x, base, z = place
    air = air_colour(image_x, base)
    hazy = stamp.copy()
    hazy[..., :3] = mix(stamp[..., :3], air * stamp[..., 3:], haze_share(z * 1.3, half_m=1100.0))
    left = (image_x - strip.left) * strip.pixels_per_unit - middle
    paste(strip.rgba, hazy, left, (strip.top - base) * strip.pixels_per_unit - stamp.shape[0] + 1)
