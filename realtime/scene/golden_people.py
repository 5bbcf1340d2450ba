"""The golden frames that look like what people film: faces, and a moment of the built-in scene.

Drawing them takes a second, so each is drawn once a process, at a size of its own, and brought to the engine's. What
that loses in a large picture, detail a pixel wide, the other golden frames have.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from realtime.scene import Scene
from realtime.scene.drawing.canvas import Canvas, Texture
from realtime.scene.drawing.noise import colour
from realtime.scene.people.face import Looks, paint_head

DRAWN_WIDTH, DRAWN_HEIGHT = 320, 180
SCENE_SIZE = (192, 108)
SCENE_SECONDS = 21.5  # a moment that no engine is calibrated on
SHOULDERS_M = [(-0.055, -0.10), (0.055, -0.10), (0.10, -0.16), (0.235, -0.21), (0.27, -0.90), (-0.27, -0.90),
               (-0.235, -0.21), (-0.10, -0.16)]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sitter:
    """A person in the picture: where the head's middle is (pixels), how large a metre is, the turn of the head."""

    x: int
    y: int
    pixels_per_metre: int
    turn: float
    looks: Looks
    coat: tuple[float, float, float]


# Those behind come first.
SITTERS = (
    Sitter(30, 66, 190, 0.5, Looks((0.95, 0.80, 0.72), (0.78, 0.60, 0.34), hair_length=0.10), (0.80, 0.74, 0.30)),
    Sitter(142, 50, 175, -0.15, Looks((0.55, 0.36, 0.25), (0.08, 0.06, 0.05), (0.50, 0.24, 0.22)), (0.55, 0.22, 0.45)),
    Sitter(259, 44, 165, 0.3, Looks((0.90, 0.72, 0.60), (0.75, 0.75, 0.76), beard=0.7), (0.25, 0.27, 0.30)),
    Sitter(298, 80, 230, -0.5, Looks((0.76, 0.55, 0.40), (0.12, 0.08, 0.07), hair_length=0.16), (0.85, 0.86, 0.88)),
    Sitter(82, 92, 420, 0.2, Looks((0.36, 0.23, 0.16), (0.05, 0.04, 0.04), (0.42, 0.18, 0.17)), (0.14, 0.32, 0.62)),
    Sitter(208, 112, 540, -0.3, Looks((0.93, 0.72, 0.60), (0.55, 0.22, 0.10), hair_length=0.12), (0.16, 0.42, 0.26)),
)


def faces_of(height: int, width: int) -> np.ndarray:
    """People of several complexions, near and far, before a window and a wall; uint8 [height, width, 3] RGB."""
    return _fitted(_draw_faces(), height, width)


def scene_of(height: int, width: int) -> np.ndarray:
    """A moment of the built-in scene; uint8 [height, width, 3] RGB."""
    return _fitted(_draw_scene(), height, width)


@cache
def _draw_scene() -> np.ndarray:
    return Scene(*SCENE_SIZE).at(SCENE_SECONDS)


@cache
def _draw_faces() -> np.ndarray:
    random = np.random.default_rng(20161)
    picture = _room()
    for sitter in SITTERS:
        _paste(picture, _portrait(sitter, random), sitter)
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)


def _room() -> np.ndarray:
    """A wall with light from a window on the left; float32 [H, W, 3]."""
    y, x = np.ogrid[0:DRAWN_HEIGHT, 0:DRAWN_WIDTH]
    light = 0.45 + 0.55 * np.exp(-(((x - 60) / 130.0) ** 2) - ((y - 40) / 120.0) ** 2)
    room = light[..., None] * np.array([205, 190, 160], np.float32)
    room[14:104, 104:168] = (222, 236, 250)
    room[14:104:30, 104:168] = room[14:104, 104:168:21] = (120, 96, 70)
    return room.astype(np.float32)


def _portrait(sitter: Sitter, random: np.random.Generator) -> Texture:
    canvas = Canvas((-0.30, 0.30), (-0.90, 0.18), sitter.pixels_per_metre, supersample=1)
    x, _ = canvas.grid()
    coat = colour(*sitter.coat) * (0.75 - 1.2 * x[..., None])
    canvas.over(coat, canvas.polygon(SHOULDERS_M, soft=0.004))
    paint_head(canvas, (0.0, 0.0), sitter.turn, sitter.looks, random)
    return canvas.finish()


def _paste(picture: np.ndarray, texture: Texture, sitter: Sitter) -> None:
    """Lays the premultiplied texture over the picture; what lies outside is cut off."""
    left = round(sitter.x + texture.to_sprite[0, 2] * sitter.pixels_per_metre)
    top = round(sitter.y - texture.to_sprite[1, 2] * sitter.pixels_per_metre)
    rows, columns = texture.pixels.shape[:2]
    part = picture[max(top, 0) : top + rows, max(left, 0) : left + columns]
    y, x = max(-top, 0), max(-left, 0)
    cut = texture.pixels[y : y + part.shape[0], x : x + part.shape[1]].astype(np.float32)
    part *= 1 - cut[..., 3:] / 255
    part += cut[..., :3]


def _fitted(drawn: np.ndarray, height: int, width: int) -> np.ndarray:
    smaller = height * width < drawn.shape[0] * drawn.shape[1]
    way = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(drawn, (width, height), interpolation=way), np.uint8)
