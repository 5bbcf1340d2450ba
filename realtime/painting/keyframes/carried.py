"""One key painting carried through its shot: every frame samples it once, along the motion since the key frame."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Pixels
from realtime.painting.keyframes.palette import LocalPalette, Palette, strokes
from realtime.painting.motion import (
    Field,
    Luma,
    Motion,
    MotionMeter,
    Plane,
    Small,
    enlarged,
    filled,
    grid,
    measured,
    sampled,
)

# The painting follows the photo's light at this coarseness, in parts of the long side.
LIGHT_SHARE = 0.03
# Levels by which photo and carried photo may differ as flow and noise do; from the second on the photo has changed.
SAME_LEVELS, OTHER_LEVELS = 5.0, 16.0
# A carried place is drawn to the one found directly by so much a frame, where the two lie so near.
DRAWN, NEAR_PX = 0.3, 3.0
TEXTURED_LEVELS = 5.0
# Frames over which what a new painting changes fades in.
FADE_FRAMES = 10
# Where the painting has not been, its strokes are taken from beside: shifted alike over blocks of so many pixels.
BLOCK_PX = 16


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key frame: its painting, uint8 [H, W, 3], and what is needed to tell in its paint what it has not seen."""

    painting: Pixels
    small: Small
    palette: Palette
    local: LocalPalette
    strokes: NDArray[np.int16]

    @classmethod
    def of(cls, photo: Pixels, painting: Pixels) -> "Key":
        seen = measured(photo)
        size = (seen.luma.shape[1], seen.luma.shape[0])
        small = np.asarray(cv2.resize(painting, size, interpolation=cv2.INTER_AREA), np.uint8)
        palette = Palette(seen.rgb, small)
        local = LocalPalette(palette, seen.rgb, small, seen.luma)
        grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
        brush = strokes(painting, palette(photo), grey)
        return cls(painting, seen, palette, local, brush)


def with_colours_of(shown: Pixels, painting: Pixels) -> Pixels:
    """A painting with the broad colours of another: a field that was yellow does not turn blue within a shot."""
    away = shown.astype(np.float32) - painting
    broad = cv2.GaussianBlur(away, (0, 0), LIGHT_SHARE * max(shown.shape))
    return np.asarray(np.rint(painting + broad).clip(0, 255), np.uint8)


class Carried:
    """A key on its way through a shot. `follow` each frame in order, then `paint` it.

    `known_share` is the part of the newest frame that the painting has seen. `missing`, given at the birth of a key
    within a shot, is what its painting lacks of the picture shown before, and fades.
    """

    def __init__(self, key: Key, meter: MotionMeter, missing: NDArray[np.int16] | None = None) -> None:
        self.key = key
        self._meter = meter
        self._missing, self._age = missing, 0
        shape = key.small.luma.shape
        self._shifts: Field = np.zeros((*shape, 2), np.float32)
        self._known: Plane = np.ones(shape, np.float32)
        self._light: Plane = np.zeros(shape, np.float32)
        self._shown: Plane = np.ones(shape, np.float32)

    @property
    def known_share(self) -> float:
        return float(self._shown.mean())

    def follow(self, motion: Motion, frame: Small) -> None:
        """One frame on, by the motion between the two."""
        self._age += 1
        at = grid(motion.back.shape) + motion.back
        known = sampled(self._known, at, border=cv2.BORDER_CONSTANT)
        shifts = sampled(self._shifts, at) + motion.back
        self._known = np.asarray(known * motion.seen, np.float32)
        self._shifts = self._drawn(np.asarray(shifts, np.float32), frame.luma)
        self._compare(frame)

    def _drawn(self, shifts: Field, luma: Luma) -> Field:
        """Against drift: the flow straight to the key frame, where it agrees and has something to hold on to."""
        away = self._meter.flow(luma, self.key.small.luma, shifts) - shifts
        near = np.exp(-np.einsum("hwc,hwc->hw", away, away) / NEAR_PX**2) * self._known * _texture(luma)
        return np.asarray(shifts + DRAWN * near[..., None] * away, np.float32)

    def _compare(self, frame: Small) -> None:
        """The photo's change of light, and where the painting may be shown: not where the photo is another."""
        places = grid(frame.luma.shape) + self._shifts
        expected = sampled(self.key.small.rgb, places, border=cv2.BORDER_REFLECT_101)
        difference = frame.rgb.astype(np.float32) - expected
        sigma = LIGHT_SHARE * max(frame.luma.shape)
        known = self._known + 1e-3
        light = cv2.GaussianBlur(difference.mean(-1) * known, (0, 0), sigma) / cv2.GaussianBlur(known, (0, 0), sigma)
        # Of colours too: a red car is no brighter than the road.
        rest = cv2.GaussianBlur(np.abs(difference - light[..., None]).max(-1), (0, 0), 2.0)
        same = 1 - np.clip((rest - SAME_LEVELS) / (OTHER_LEVELS - SAME_LEVELS), 0, 1)
        self._light = np.asarray(light, np.float32)
        self._shown = np.asarray(cv2.GaussianBlur(self._known * same, (0, 0), 1.0), np.float32)

    def paint(self, photo: Pixels) -> Pixels:
        """The frame in the key's paint: carried where it is known, else its colours as the painting tells them."""
        size = (photo.shape[1], photo.shape[0])
        places = enlarged(grid(self._shifts.shape) + self._shifts, size)
        painted = _painted_at(self.key.painting, places).astype(np.float32)
        if np.abs(self._light).max() > 1:
            painted += _scaled(self._light, size)[..., None] * self.key.palette.answer
        shown = _scaled(self._shown, size)[..., None]
        if shown.min() < 0.99:
            painted = shown * painted + (1 - shown) * self._told(photo, size)
        if self._missing is not None and self._age < FADE_FRAMES:
            painted += _painted_at(self._missing, places) * (shown * (1 - self._age / FADE_FRAMES))
        return np.rint(painted).clip(0, 255).astype(np.uint8)

    def _told(self, photo: Pixels, size: tuple[int, int]) -> NDArray[np.float32]:
        """The photo in the painting's colours, under strokes from where the painting is known."""
        places = grid(self._shifts.shape) + self._beside()
        local = _scaled(self.key.local(places, measured(photo).luma), size)
        return np.asarray(
            self.key.palette(photo) + local + _painted_at(self.key.strokes, enlarged(places, size)), np.float32
        )

    def _beside(self) -> Field:
        """[h, w, 2]: the shifts of known ground, smooth, and reaching over all that is not known."""
        height, width = self._shown.shape
        blocks = (max(1, width // BLOCK_PX), max(1, height // BLOCK_PX))
        weight = cv2.resize(self._shown, blocks, interpolation=cv2.INTER_AREA).reshape(blocks[::-1])
        sums = cv2.resize(self._shifts * self._shown[..., None], blocks, interpolation=cv2.INTER_AREA)
        means = sums.reshape(*blocks[::-1], 2) / np.maximum(weight, 1e-3)[..., None]
        whole = filled(np.asarray(means, np.float32), np.asarray(weight, np.float32))
        return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _texture(luma: Luma) -> Plane:
    """[h, w]: near 1 where there is something for a flow to hold on to, near 0 on flat ground."""
    across, down = (cv2.Sobel(luma, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    energy = cv2.GaussianBlur(across * across + down * down, (0, 0), 3.0)
    return np.asarray(energy / (energy + TEXTURED_LEVELS**2), np.float32)


def _painted_at(picture: NDArray[Any], places: Field) -> NDArray[Any]:
    """As sharp as it was: paint is sampled once, and mirrored beyond its borders."""
    return sampled(picture, places, border=cv2.BORDER_REFLECT_101, cubic=True)


def _scaled(values: NDArray[np.float32] | NDArray[np.uint8], size: tuple[int, int]) -> Plane:
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)
