"""The world: every layer from the sky to the flowers at the camera's feet, back to front."""

from functools import lru_cache

import numpy as np

from realtime.scene.drawing.camera import EYE_HEIGHT_M, FOCAL, Stage
from realtime.scene.drawing.layer import Layer, at_infinity, backdrop_at, on_ground, reach
from realtime.scene.drawing.noise import Array, mix, smoothstep
from realtime.scene.people.cast import cast_layers, shadows
from realtime.scene.place.backdrop import (
    HILLS_M,
    MOUNTAINS_M,
    SHORE_M,
    Frustum,
    Strip,
    paint_heaven,
    paint_hills,
    paint_mountains,
)
from realtime.scene.place.ground import Ground, Shadow, paint_lake, paint_land, plant_flowers, plant_grass


@lru_cache(maxsize=2)  # seconds of work and some megabytes; a bench opens the same scene for row after row
def build_world(stage: Stage) -> tuple[Layer, ...]:
    """All layers, which nobody writes into: the same stage always gives the same, painted once."""
    left, right, _, top = reach(at_infinity, stage.width, stage.height)
    heaven = paint_heaven(_frustum(stage, left, right, top), stage.rng("sky"))
    left, right, _, _ = reach(backdrop_at(HILLS_M), stage.width, stage.height)
    mountains = paint_mountains(_frustum(stage, left, right, 0.30), stage.rng("mountains"))
    hills = paint_hills(_frustum(stage, left, right, 0.19), stage.rng("hills"))
    ground = paint_ground(stage, (heaven, mountains, hills), shadows(stage.spread))
    return (
        Layer("sky", heaven.texture(), at_infinity),
        Layer("mountains", mountains.texture(), backdrop_at(MOUNTAINS_M)),
        Layer("hills", hills.texture(), backdrop_at(HILLS_M)),
        Layer("ground", ground.texture(), on_ground),
        *cast_layers(stage),
    )


def _frustum(stage: Stage, left: float, right: float, top: float) -> Frustum:
    return Frustum(left, right, top, stage.pixels_per_unit, stage.supersample)


def paint_ground(stage: Stage, behind: tuple[Strip, ...], shadows: tuple[Shadow, ...]) -> Strip:
    """Lake and land in one piece, from the far shore to the lowest row that the camera ever sees."""
    left, right, bottom, _ = reach(on_ground, stage.width, stage.height)
    first = FOCAL * EYE_HEIGHT_M / (SHORE_M * 1.06)
    density = stage.pixels_per_unit
    columns, rows = round((right - left) * density), round((-bottom - first) * density)
    a = left + (np.arange(columns, dtype=np.float32) + 0.5) / density
    b = first + (np.arange(rows, dtype=np.float32) + 0.5) / density
    grid = np.meshgrid(a.astype(np.float32), b.astype(np.float32))
    ground = Ground(*grid, stage.rng("ground"))
    backdrop = _flatten(behind)
    corner = (behind[0].left + 0.5 / density, behind[0].top - 0.5 / density)
    water = paint_lake(ground, backdrop, corner, stage.rng("lake"))
    painted = np.clip(mix(paint_land(ground, shadows), water, ground.water), 0, 1)
    opaque = np.dstack([np.round(painted * 255), np.full(painted.shape[:2], 255)]).astype(np.uint8)
    plant_grass(opaque, ground, stage.rng("grass"))
    plant_flowers(opaque, ground, stage.rng("flowers"))
    far_edge = smoothstep(0, 2.5, np.arange(rows, dtype=np.float32))[:, None, None]
    return Strip(opaque.astype(np.float32) / 255 * far_edge, left, -first, density)


def _flatten(strips: tuple[Strip, ...]) -> Array:
    """The backdrop's strips over one another, in the first one's place."""
    flat = strips[0].rgba.copy()
    for strip in strips[1:]:
        x = round((strip.left - strips[0].left) * strip.pixels_per_unit)
        y = round((strips[0].top - strip.top) * strip.pixels_per_unit)
        rows = min(strip.rgba.shape[0], flat.shape[0] - y)
        columns = np.arange(max(x, 0), min(x + strip.rgba.shape[1], flat.shape[1]))
        part = strip.rgba[:rows, columns - x]
        flat[y : y + rows, columns] = part + flat[y : y + rows, columns] * (1 - part[..., 3:])
    return np.ascontiguousarray(flat[..., :3])
