"""Makes the pictures that engines are calibrated on and checked with: python tests/make_engine_pictures.py

Two sets of eight, and nothing of one is in the other: another scene at other moments, other people, other drawings,
other noise. What each is there to find is told here; engines/pictures.py tells how they come to an engine's size. A
.png keeps every value; a .jpg is what a camera might have taken. Who changes one raises CACHE_FORMAT in
engines/cache/fields.py, for the engines that are kept were made and judged by the old one.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from engine_portraits import BACKLIT, OTHER_SITTERS, SITTERS, behind, people_in, room, stage

from engines.backends.calibration import CALIBRATION
from engines.gate.golden_cases import GOLDEN
from realtime.scene import Scene

DRAWN_SIZE = (90, 160)  # (height, width) of what is drawn together with its noise
WALL_SIZE = (72, 128)
STATIC_SIZE = (45, 80)
SCENE_SIZE = (256, 144)
GOLDEN_SCENE, OTHER_SCENE = 7, 52  # seeds
JPEG = (cv2.IMWRITE_JPEG_QUALITY, 93, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


def golden_pictures() -> Iterator[tuple[str, np.ndarray]]:
    """(name, values [H, W, 3]) of those that engines are checked with."""
    random = np.random.default_rng(20161)
    edges = _edges(random)
    yield "picture", edges
    # Overexposed: the sums are largest and differ least, which costs the norms of a large picture their precision.
    yield "bright", 0.25 * edges[:, ::-1] + 215
    # What cameras mostly see: soft shading, where steps of a low precision show first.
    yield "faces", people_in(room(), SITTERS, random)
    # Sky, water, leaves, lettering.
    yield "scene", _moment(GOLDEN_SCENE, 21.5)
    # Night: the norms divide by a small deviation.
    yield "dark", 0.05 * edges[::-1]
    # An empty wall. It keeps a camera's noise: in a frame of one single colour the norms have nothing to divide by but
    # rounding errors, blow them up at every layer, and two right engines need not agree.
    yield "flat", 128 + _noise(random, WALL_SIZE, 2)
    # Every value as likely as any other.
    yield "noise", 255 * random.random((*STATIC_SIZE, 3), np.float32)
    # Somebody before a window: the deviation is as large as it comes, and what is dark must not drown in it.
    yield "backlit", _backlit()


def calibration_pictures() -> Iterator[tuple[str, np.ndarray]]:
    """(name, values [H, W, 3]) of those that 8-bit engines are calibrated on; the scene is seen in a mirror."""
    random = np.random.default_rng(52)
    yield "shapes", _shapes(random)
    # Into the sun: the sky is burnt out.
    yield "glare", 40 + 1.7 * _moment(OTHER_SCENE, 40.0)[:, ::-1]
    yield "people", people_in(stage(), OTHER_SITTERS, random)
    # So dark that few values are left.
    dusk = _moment(OTHER_SCENE, 55.0)[:, ::-1]
    yield "dusk", 0.07 * cv2.resize(dusk, DRAWN_SIZE[::-1], interpolation=cv2.INTER_AREA)
    yield "wall", 90 + _noise(random, WALL_SIZE, 2)
    yield "static", _static(random)
    yield "lake", _moment(OTHER_SCENE, 0.0)[:, ::-1]
    yield "doorway", _doorway()


def pictures() -> Iterator[tuple[Path, np.ndarray]]:
    """Every file, and what is to be in it, uint8 [H, W, 3] RGB."""
    for made, drawn in ((GOLDEN, golden_pictures()), (CALIBRATION, calibration_pictures())):
        for name, values in drawn:
            yield made.path(name), np.clip(np.rint(values), 0, 255).astype(np.uint8)


def encoded(path: Path, picture: np.ndarray) -> bytes:
    """As the file of that name has it."""
    settings = JPEG if path.suffix == ".jpg" else (cv2.IMWRITE_PNG_COMPRESSION, 9)
    written, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)
    assert written, path
    return data.tobytes()


def _edges(random: np.random.Generator) -> np.ndarray:
    """A sky's gradient, a disc, a chequered ground and fine stripes, with a camera's noise: edges of every kind."""
    height, width = DRAWN_SIZE
    y, x = np.ogrid[0:height, 0:width]
    v, u = y / height, x / width
    frame = _noise(random, DRAWN_SIZE, 3)
    for channel, ramp in enumerate((255 * u, 140 + 100 * v, 255 * (1 - v))):
        frame[..., channel] += ramp
    ground = np.broadcast_to(v > 0.55, (height, width))
    frame[ground & ((x // 12 + y // 8) % 2 == 0)] += (-180, -120, 60)
    frame[ground & (u > 0.8) & (x % 4 < 2)] += (-90, 110, 110)
    frame[(u - 0.7) ** 2 + (v - 0.3) ** 2 < 0.03] += (90, -120, -160)
    return frame


def _backlit() -> np.ndarray:
    seed = 8
    height, width = room().shape[:2]
    y, x = np.ogrid[0:height, 0:width]
    pane = (y > 12) & (y < 150) & (x > 60) & (x < 290) & (x % 76 > 5)
    view = np.where(pane[..., None], (255, 253, 246), 0.15 * room())
    sitter = people_in(np.zeros(view.shape), BACKLIT, np.random.default_rng(seed))
    return np.asarray(0.2 * sitter + behind(BACKLIT, seed) * view)


def _doorway() -> np.ndarray:
    """From a dark room into the sun."""
    view = _moment(OTHER_SCENE, 12.0)[:, ::-1]
    height, width = view.shape[:2]
    y, x = np.ogrid[0:height, 0:width]
    door = (x > 0.28 * width) & (x < 0.5 * width + 0.12 * y) & (y > 0.1 * height)
    return np.where(door[..., None], 2.2 * view + 30, 0.1 * view[::-1])


def _shapes(random: np.random.Generator) -> np.ndarray:
    """Rings, slanted bars and blocks, with a camera's noise: edges in every direction."""
    height, width = DRAWN_SIZE
    y, x = np.mgrid[0:height, 0:width]
    rings = 60 * np.sign(np.sin(np.hypot(x - 48, y - 50) / 2.2))
    bars = 70 * np.sign(np.sin((x + 2 * y) / 4.0)) * (x > 96)
    blocks = random.integers(-60, 60, (height // 10, width // 20, 3)).repeat(10, 0).repeat(20, 1)
    inks = np.stack([rings + bars, 0.5 * rings - bars, bars - rings], axis=-1)
    return np.asarray(128 + blocks + inks + _noise(random, DRAWN_SIZE, 2.5))


def _static(random: np.random.Generator) -> np.ndarray:
    """A television without a programme: grey noise, and some of other colours."""
    grey = random.standard_normal((*STATIC_SIZE, 1), np.float32)
    return np.asarray(120 + 55 * grey + _noise(random, STATIC_SIZE, 30))


def _noise(random: np.random.Generator, size: tuple[int, int], deviation: float) -> np.ndarray:
    """A camera's noise, float32 [H, W, 3]."""
    return np.asarray(deviation * random.standard_normal((*size, 3), np.float32))


def _moment(seed: int, seconds: float) -> np.ndarray:
    return _scene(seed).at(seconds).astype(np.float32)


@cache
def _scene(seed: int) -> Scene:
    return Scene(*SCENE_SIZE, seed=seed)


if __name__ == "__main__":
    for path, picture in pictures():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(path, picture))
        print(f"{path.name}: {path.stat().st_size} bytes")
