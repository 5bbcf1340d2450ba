"""Strokes that go with the picture: the seed texture, from which a net grows them, moves along with the camera.

Fixed to the screen, as a style file has it, the texture holds strokes back while the picture moves beneath them. So a
matrix is kept from the places of the picture to those of the texture, and moved on with every motion of the camera.
What a turn or a zoom stretches is replaced: a fresh texture fades in, as advected textures do (Neyret 2003). What moves
before a still camera is left alone: flow is too rough there, and would draw the strokes of walls along.

No engine has to know. A net adds its own texture to the picture, so it is given a picture that already has what the
moved texture has more: at the usual amplitude these are whole levels (engines.networks.transform.seed_texture), and a
level off at most where a style takes a share of several.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

import cv2
import numpy as np

from engines.networks.family import config_of, family_of
from engines.networks.transform.config import TEXTURES
from engines.networks.transform.seed_texture import PERIOD_PX, seed_tile
from engines.style.styles import StyleFile
from realtime.frames.frame import Pixels, Plane
from realtime.painting.cross_fade import Vector
from realtime.painting.motion import Affine, field_of, shift_like
from realtime.painting.steady.watch import Seen

NO_GRAIN = 128
MOST_STRETCH = 0.3  # of the norm of the matrix, from that of a shift
FADE_FRAMES = 12
UNLIKE_PX = 8.0  # places of a texture that are as far apart have nothing in common
TO_ITSELF = np.eye(2, 3)
KEPT = 2  # two nets at most paint a frame; while a look glides, its levels are others in each


# How many levels of a picture a step of each seed texture is; () where a net has none that can be carried.
Levels = tuple[float, ...]


def carried_levels(style: StyleFile) -> Callable[[Vector], Levels]:
    """Those of the net's textures for a style vector; EngineRefused where the card tells of another net."""
    family = family_of(style)
    if family is None:
        return lambda vector: ()
    with config_of(style) as config:
        levels, known = family.seed_levels, dict(config)
        levels(known, style.card.styles[0].vector)  # what does not fit is refused here
        return lambda vector: levels(known, vector)


class TexturesAhead:
    """The seed textures of nets that paint, drawn one by one by who has time: six take a second.

    Drawn when the camera first moves, they would hold the picture up.
    """

    def __init__(self) -> None:
        self._undrawn: deque[str] = deque()

    def __bool__(self) -> bool:
        """Whether any are left to draw."""
        return bool(self._undrawn)

    def expect(self, style: StyleFile) -> None:
        """Those of this file's net, in place of others that were not drawn yet."""
        with suppress(Exception):  # whatever is wrong with the file, who paints with it is told
            levels = carried_levels(style)(style.vector(style.default))
            self._undrawn = deque(name for name, level in zip(TEXTURES, levels, strict=False) if level)

    def draw_one(self) -> None:
        """One that is left, if any; by one thread at once."""
        if self._undrawn:
            with suppress(MemoryError):  # it fails again where it is needed, and that is told
                seed_tile(self._undrawn.popleft())


class CarriedTexture:
    """The texture of frames that come in order, as far as the camera has moved. By one thread at once."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = (1, 1)  # of the small copies that are watched; the matrices are in their pixels
        self._places: Affine = TO_ITSELF
        self._fresh: Affine | None = None
        self._fresh_share = 0.0
        self._kept: dict[tuple[int, int, Levels], tuple[Plane, Plane]] = {}

    @property
    def places(self) -> Affine:
        """[2, 3]: from the places of the small copy that is watched to those of the texture, in its pixels."""
        return self._places

    def carry(self, seen: Seen) -> None:
        """To the next frame; one that does not go on from another begins with the texture where the net has it."""
        if not seen.goes_on:
            self._shape, self._places, self._fresh = seen.still.shape, TO_ITSELF, None
        camera = None if seen.motion is None else seen.motion.camera
        if camera is None:
            return
        self._kept, self._places = {}, _after(camera, self._places)
        if self._fresh is not None:
            self._fresh, self._fresh_share = _after(camera, self._fresh), self._fresh_share + 1 / FADE_FRAMES
            if self._fresh_share >= 1:
                self._places, self._fresh = self._fresh, None
        elif np.linalg.norm(self._places[:, :2] - TO_ITSELF[:, :2]) > MOST_STRETCH:
            self._fresh, self._fresh_share = shift_like(self._places, self._shape), 1 / FADE_FRAMES

    def onto(self, small: Pixels, levels: Levels) -> Pixels:
        """What a net whose textures have so many `levels` a step is to be given for a copy uint8 [H, W, 3].

        A place that is nearly black or white, in any of its colours, has no room for more or for less. It gets as
        little of both, grey as ever, so that its mean stays; there the net's own texture stays on the screen.
        """
        if not any(levels) or np.array_equal(self._places, TO_ITSELF):
            return small
        key = small.shape[0], small.shape[1], levels
        if key not in self._kept:
            if len(self._kept) == KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = self._more_and_less(key[:2], levels)
        lighter, darker = self._kept[key]
        red, green, blue = cv2.split(cv2.min(small, cv2.bitwise_not(small)))
        room = cv2.min(cv2.min(red, green), blue)
        more, less = (cv2.merge([cv2.min(each, room)] * 3) for each in (lighter, darker))
        return np.asarray(cv2.subtract(cv2.add(small, more), less), np.uint8)

    def _more_and_less(self, size: tuple[int, int], levels: Levels) -> tuple[Plane, Plane]:
        """By how many levels the carried texture is lighter and darker than the fixed one, uint8 [H, W] each."""
        repeated = _repeated(*size, levels)
        grain, fixed = self._grain(repeated, size), repeated[: size[0], : size[1]]
        both = cv2.subtract(grain, fixed), cv2.subtract(fixed, grain)
        alpha = _strength(levels)
        lighter, darker = (np.asarray(cv2.convertScaleAbs(each, alpha=alpha), np.uint8) for each in both)
        return lighter, darker

    def _grain(self, repeated: Plane, size: tuple[int, int]) -> Plane:
        """The texture at the places of a picture of this size (height, width): uint8, 128 where it has no grain."""
        grain = _taken(repeated, self._places, self._shape, size)
        if self._fresh is None:
            return grain
        share = min(1.0, self._fresh_share)
        # Two textures that have nothing in common are weaker when mixed.
        apart = np.linalg.norm(field_of(self._fresh - self._places + TO_ITSELF, self._shape), axis=2)
        apart = np.clip(apart * (size[1] / self._shape[1] / UNLIKE_PX), 0, 1)
        stronger = 1 + apart * (1 / np.hypot(share, 1 - share) - 1)
        whole = cv2.resize(np.asarray(stronger, np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)
        fresh = _taken(repeated, self._fresh, self._shape, size)
        mixed = cv2.addWeighted(grain, 1 - share, fresh, share, -NO_GRAIN, dtype=cv2.CV_32F)
        return np.asarray(cv2.convertScaleAbs(cv2.multiply(mixed, whole) + NO_GRAIN), np.uint8)


def _after(camera: Affine, places: Affine) -> Affine:
    """Where the places lie after a motion that leads each to where it was."""
    return np.asarray(places @ np.vstack([camera, [0, 0, 1]]), np.float64)


def _taken(repeated: Plane, places: Affine, shape: tuple[int, ...], size: tuple[int, int]) -> Plane:
    """The texture at places of a copy of that `shape`, at another `size` (height, width); middles of pixels meet."""
    height, width = size
    scale = np.diag([width / shape[1], height / shape[0]])
    turn = scale @ places[:, :2] @ np.linalg.inv(scale)
    half = np.array([0.5, 0.5])
    shift = scale @ (places[:, :2] @ (np.linalg.inv(scale) @ half - half) + places[:, 2] + half) - half
    # Whole periods are left out, so that places lie in the texture, which is repeated for a period around the picture.
    middle = np.array([width, height]) / 2
    shift -= PERIOD_PX * np.floor((turn @ middle + shift - middle) / PERIOD_PX) - PERIOD_PX
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    taken = cv2.warpAffine(
        repeated, np.column_stack([turn, shift]), (width, height), flags=how, borderMode=cv2.BORDER_WRAP
    )
    return np.asarray(taken, np.uint8)


def _strength(levels: Levels) -> float:
    """Of all textures together, which have nothing in common: how many levels a step of one as strong would be."""
    return float(np.linalg.norm(levels))


@lru_cache(maxsize=2)
def _repeated(height: int, width: int, levels: Levels) -> Plane:
    """The tile from its corner on, in whole periods and three more than the picture, in steps around 128."""
    told, strength = zip(TEXTURES, levels, strict=True), _strength(levels)
    parts = [level / strength * seed_tile(name).astype(np.float32) for name, level in told if level]
    tile = np.clip(np.rint(sum(parts)) + NO_GRAIN, 0, 255).astype(np.uint8)
    return np.tile(tile, [-(-side // PERIOD_PX) + 3 for side in (height, width)])
