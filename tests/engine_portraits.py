"""People for the pictures of make_engine_pictures.py: of several complexions, near and far, in a room with a window."""

from dataclasses import dataclass

import numpy as np

from realtime.scene.drawing.canvas import Canvas, Texture
from realtime.scene.drawing.noise import colour
from realtime.scene.people.face import Looks, paint_head

HEIGHT, WIDTH = 180, 320
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
OTHER_SITTERS = (
    Sitter(48, 58, 210, 0.2, Looks((0.62, 0.42, 0.30), (0.10, 0.07, 0.05), hair_length=0.14), (0.20, 0.45, 0.50)),
    Sitter(188, 64, 240, 0.45, Looks((0.90, 0.70, 0.58), (0.40, 0.26, 0.14), beard=0.4), (0.62, 0.30, 0.18)),
    Sitter(120, 104, 470, -0.2, Looks((0.97, 0.80, 0.70), (0.86, 0.70, 0.42), hair_length=0.18), (0.70, 0.62, 0.70)),
    Sitter(262, 100, 450, -0.4, Looks((0.30, 0.19, 0.13), (0.04, 0.04, 0.04), (0.38, 0.16, 0.15)), (0.82, 0.78, 0.66)),
)
BACKLIT = (Sitter(134, 98, 430, 0.35, Looks((0.70, 0.50, 0.38), (0.20, 0.12, 0.08)), (0.30, 0.20, 0.34)),)


def people_in(picture: np.ndarray, sitters: tuple[Sitter, ...], random: np.random.Generator) -> np.ndarray:
    """The picture, float32 [HEIGHT, WIDTH, 3] of 0..255, with people before it."""
    picture = np.array(picture, np.float32)
    for sitter in sitters:
        _paste(picture, _portrait(sitter, random), sitter)
    return picture


def room() -> np.ndarray:
    """A wall with light from a window on the left; float32 [HEIGHT, WIDTH, 3]."""
    y, x = np.ogrid[0:HEIGHT, 0:WIDTH]
    light = 0.45 + 0.55 * np.exp(-(((x - 60) / 130.0) ** 2) - ((y - 40) / 120.0) ** 2)
    room = light[..., None] * np.array([205, 190, 160], np.float32)
    room[14:104, 104:168] = (222, 236, 250)
    room[14:104:30, 104:168] = room[14:104, 104:168:21] = (120, 96, 70)
    return np.asarray(room, np.float32)


def stage() -> np.ndarray:
    """A curtain in folds, lit from above; float32 [HEIGHT, WIDTH, 3]."""
    y, x = np.ogrid[0:HEIGHT, 0:WIDTH]
    folds = 0.7 + 0.3 * np.sin(x / 7.0 + 1.5 * np.sin(x / 23.0)) * (0.4 + y / HEIGHT)
    light = 1.1 - 0.6 * y / HEIGHT
    return np.asarray((folds * light)[..., None] * np.array([96, 128, 142], np.float32), np.float32)


def behind(sitters: tuple[Sitter, ...], seed: int) -> np.ndarray:
    """The share of what is behind the sitters that is seen at each pixel; float32 [HEIGHT, WIDTH, 3] of 0..1."""
    black, white = (
        people_in(np.full((HEIGHT, WIDTH, 3), value, np.float32), sitters, np.random.default_rng(seed))
        for value in (0, 255)
    )
    return np.asarray((white - black) / 255, np.float32)


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
