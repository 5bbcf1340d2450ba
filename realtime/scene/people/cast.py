"""Who and what stands in the landscape, and where."""

from math import pi, sin

import cv2
import numpy as np

from realtime.scene.drawing.camera import FOCAL, Matrix, Pose, Stage, translation, upright_plane
from realtime.scene.drawing.canvas import Texture, texture_from
from realtime.scene.drawing.layer import Layer, Placement, standing_at
from realtime.scene.drawing.noise import Array
from realtime.scene.people.craft import paint_balloon, paint_boat
from realtime.scene.people.face import Looks
from realtime.scene.people.figure import Walker, walker_layers
from realtime.scene.people.portrait import portrait_layers
from realtime.scene.place.buildings import House, paint_house, paint_sign
from realtime.scene.place.ground import Shadow
from realtime.scene.place.plants import BIRCH, CYPRESS, MAPLE, OAK, SPRUCE, Species, paint_sunflowers, paint_tree

# species, x, z, height in metres
TREES: tuple[tuple[Species, float, float, float], ...] = (
    (CYPRESS, -14.2, 29.0, 8.2),
    (CYPRESS, -12.9, 28.5, 7.0),
    (BIRCH, -1.9, 22.5, 4.7),
    (SPRUCE, -17.5, 27.0, 7.0),
    (MAPLE, 8.9, 12.4, 4.6),
    (BIRCH, 11.4, 13.2, 5.4),
    (OAK, -6.6, 9.2, 6.0),
)
COTTAGE = (-9.0, 26.0)
SIGN = (-1.05, 4.4)

WALKERS = (
    Walker(
        "rambler",
        7.15,
        -1.05,
        3.0,
        8.5,
        (0.24, 0.33, 0.50),
        (0.34, 0.27, 0.20),
        (0.20, 0.12, 0.08),
        hat=(0.42, 0.30, 0.18),
        looks=Looks(skin=(0.66, 0.45, 0.33), hair=(0.10, 0.07, 0.05), lips=(0.50, 0.25, 0.21), beard=0.55),
    ),
    Walker(
        "lady",
        6.2,
        1.15,
        -0.9,
        7.5,
        (0.86, 0.62, 0.18),
        (0.20, 0.42, 0.44),
        (0.35, 0.12, 0.10),
        skirt=True,
        looks=Looks(hair=(0.66, 0.42, 0.17), hair_length=0.08),
    ),
)


def shadows(spread: float) -> tuple[Shadow, ...]:
    """What the standing things darken on the ground, on the side away from the sun."""
    cottage = Shadow(COTTAGE[0] * spread - 1.2, COTTAGE[1] - 1.2, 5.4, 2.0, 0.6)
    sign = Shadow(SIGN[0] * spread - 0.22, SIGN[1] - 0.05, 0.75, 0.16, 0.6)
    return (*(_under_tree(kind, x * spread, z, tall) for kind, x, z, tall in TREES), cottage, sign)


def _under_tree(kind: Species, x: float, z: float, tall: float) -> Shadow:
    wide = tall * kind.crown_width
    return Shadow(x - 0.26 * wide, z - 0.10 * tall, 0.52 * wide, 0.17 * tall, 0.62)


def cast_layers(stage: Stage) -> list[Layer]:
    """Every layer in front of the ground, back to front."""
    near = [*_trees(stage), _cottage(stage), _boat(stage), *_people(stage), _sign(stage), _sunflowers(stage)]
    return [_balloon(stage), *near, *_portrait(stage)]


def _density(stage: Stage, z: float, slack: float = 1.06) -> float:
    """Pixels a metre for a sprite at depth z, so that one texel is about one pixel at its nearest."""
    return stage.pixels_per_unit * FOCAL / z * slack


def _trees(stage: Stage) -> list[Layer]:
    layers = []
    for index, (kind, x, z, tall) in enumerate(sorted(TREES, key=lambda tree: -tree[2])):
        rng = stage.rng(f"tree {index}")
        density = _density(stage, z)
        rows = max(8, round(tall * density))
        near = min(10.0, max(0.4, rows / 48))
        rgba = paint_tree(2 * rows, kind, rng, fine=near).astype(np.float32) / 255
        layers.append(Layer("tree", _halved(rgba, rows, tall), _swaying(x * stage.spread, z, 0.004, 3.1 + 0.4 * index)))
    return layers


def _halved(rgba: Array, rows: int, tall: float) -> Texture:
    columns = rgba.shape[1] // 2
    small = cv2.resize(rgba, (columns, rows), interpolation=cv2.INTER_AREA)
    return texture_from(small, -columns / rows * tall / 2, tall, rows / tall)


def _swaying(x: float, z: float, amount: float, period_seconds: float) -> Placement:
    """Standing at a place and leaning with the wind: a shear that leaves the foot where it is."""

    def place(pose: Pose, seconds: float) -> Matrix:
        gust = sin(2 * pi * seconds / period_seconds) + 0.5 * sin(2 * pi * seconds / (0.37 * period_seconds))
        return upright_plane(pose, x, z) @ _leaning(amount * gust)

    return place


def _leaning(shift: float) -> Matrix:
    """A shear: `shift` to the right for every metre up."""
    return np.array([[1.0, shift, 0], [0, 1, 0], [0, 0, 1]])


def _cottage(stage: Stage) -> Layer:
    x, z = COTTAGE
    texture = paint_house(House(), _density(stage, z), stage.supersample + 1, stage.rng("cottage"))
    return Layer("cottage", texture, standing_at(x * stage.spread, z))


def _boat(stage: Stage) -> Layer:
    z, speed, half_track = 44.0, 1.3, 52.0
    texture = paint_boat(_density(stage, z), stage.supersample + 1, stage.rng("boat"))

    def place(pose: Pose, seconds: float) -> Matrix:
        x = (5.0 * stage.spread + speed * seconds + half_track) % (2 * half_track) - half_track
        return upright_plane(pose, x, z) @ _leaning(0.02 * sin(2 * pi * seconds / 3.7))

    return Layer("boat", texture, place)


def _balloon(stage: Stage) -> Layer:
    z = 150.0
    texture = paint_balloon(_density(stage, z), stage.supersample + 1, stage.rng("balloon"))

    def place(pose: Pose, seconds: float) -> Matrix:
        x = (-28 + 9 * sin(2 * pi * seconds / 47)) * stage.spread
        return upright_plane(pose, x, z) @ translation(0, 25 + 2.5 * sin(2 * pi * seconds / 31))

    return Layer("balloon", texture, place)


def _people(stage: Stage) -> list[Layer]:
    layers: list[Layer] = []
    for walker in WALKERS:
        layers += walker_layers(walker, stage.pixels_per_unit * 1.06, stage.supersample + 1, stage.rng(walker.name))
    return layers


def _sign(stage: Stage) -> Layer:
    x, z = SIGN
    texture = paint_sign(_density(stage, z, 1.1), stage.supersample, stage.rng("sign"))
    return Layer("sign", texture, standing_at(x * stage.spread, z))


def _sunflowers(stage: Stage) -> Layer:
    z = 2.9
    texture = paint_sunflowers(_density(stage, z, 1.1), stage.rng("sunflowers"))
    return Layer("sunflowers", texture, _swaying(-1.72 * stage.spread, z, 0.012, 2.6))


def _portrait(stage: Stage) -> list[Layer]:
    return portrait_layers(0.98 * stage.spread, stage.pixels_per_unit * 1.1, stage.supersample, stage.rng("portrait"))
