"""A canvas in metres (or frame heights) to paint one sprite on, the finished texture, and marks straight on its bytes.

The marks come in thousands, on premultiplied RGBA: leaves, blades of grass, flowers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from realtime.scene.drawing.camera import Matrix
from realtime.scene.drawing.noise import Array

Points = Sequence[tuple[float, float]] | Array
BITS = 4  # fractional bits of the coordinates given to OpenCV


def extent(mask: Array) -> tuple[slice, slice]:
    """The rows and columns that a mask touches."""
    x, y, width, height = cv2.boundingRect((mask > 0.002).astype(np.uint8))
    return slice(y, y + height), slice(x, x + width)


@dataclass(frozen=True, slots=True)
class Texture:
    """Premultiplied RGBA uint8 pixels and the 3x3 matrix from their indices to the sprite's own coordinates."""

    pixels: Array
    to_sprite: Matrix


class Canvas:
    """Float RGBA, painted back to front. The sprite's coordinates are x to the right and y up.

    Painted `supersample` times finer than it is kept, so that edges are smooth without any help from the drawing calls.
    """

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], pixels_per_unit: float, supersample: int = 2
    ) -> None:
        self.supersample = supersample
        self.columns = max(2, round((x[1] - x[0]) * pixels_per_unit))
        self.rows = max(2, round((y[1] - y[0]) * pixels_per_unit))
        self.left, self.top = x[0], y[1]
        self.per_unit = pixels_per_unit * supersample
        self.colour = np.zeros((self.rows * supersample, self.columns * supersample, 3), np.float32)
        self.alpha = np.zeros(self.colour.shape[:2], np.float32)

    def grid(self) -> tuple[Array, Array]:
        """The coordinates x, y of every pixel's centre."""
        rows, columns = self.alpha.shape
        x = self.left + (np.arange(columns, dtype=np.float32) + 0.5) / np.float32(self.per_unit)
        y = self.top - (np.arange(rows, dtype=np.float32) + 0.5) / np.float32(self.per_unit)
        columns_x, rows_y = np.meshgrid(x, y)
        return columns_x, rows_y

    def to_pixels(self, points: Points, bits: int = 4) -> Array:
        """Points as OpenCV's fixed-point pixel coordinates with `bits` fractional bits."""
        at = np.asarray(points, np.float64).reshape(-1, 2)
        pixels = np.stack([at[:, 0] - self.left, self.top - at[:, 1]], axis=1) * self.per_unit - 0.5
        return np.round(pixels * (1 << bits)).astype(np.int32)

    def polygon(self, points: Points, *, soft: float = 0.0) -> Array:
        """Mask of a filled polygon, its edge softened over `soft` units."""
        mask = np.zeros(self.alpha.shape, np.uint8)
        cv2.fillPoly(mask, [self.to_pixels(points)], 255, cv2.LINE_AA, 4)
        return self.soften(mask.astype(np.float32) / 255, soft)

    def stroke(self, points: Points, thickness: float, *, closed: bool = False) -> Array:
        """Mask of a line through points, `thickness` units wide."""
        mask = np.zeros(self.alpha.shape, np.uint8)
        width = max(1, round(thickness * self.per_unit))
        cv2.polylines(mask, [self.to_pixels(points)], closed, 255, width, cv2.LINE_AA, 4)
        return mask.astype(np.float32) / 255

    def soften(self, mask: Array, radius: float) -> Array:
        sigma = radius * self.per_unit
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma)) if sigma > 0.3 else mask

    def over(self, colour: Array, mask: Array) -> None:
        """Lay a colour (3,) or a field of colours (rows, columns, 3) over what is there, where the mask says."""
        part = extent(mask)
        cover = mask[part]
        self.colour[part] *= (1 - cover)[..., None]
        self.colour[part] += np.clip(self._cut(colour, part), 0, 1) * cover[..., None]
        self.alpha[part] = self.alpha[part] * (1 - cover) + cover

    def tint(self, colour: Array, mask: Array) -> None:
        """Recolour what is already painted without widening it: shadows, blush, light."""
        part = extent(mask)
        cover = mask[part]
        self.colour[part] *= (1 - cover)[..., None]
        self.colour[part] += self._cut(colour, part) * (cover * self.alpha[part])[..., None]

    def _cut(self, colour: Array, part: tuple[slice, slice]) -> Array:
        """A field of colours cut to a part of the canvas; one colour, or a field already cut, is left alone."""
        return colour[part] if colour.ndim == 3 and colour.shape[:2] == self.alpha.shape else colour

    def finish(self) -> Texture:
        """Reduce to the final density."""
        fine = np.dstack([self.colour, self.alpha])
        small = cv2.resize(fine, (self.columns, self.rows), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), 0.45)
        return texture_from(small, self.left, self.top, self.per_unit / self.supersample)


def texture_from(premultiplied: Array, left: float, top: float, pixels_per_unit: float) -> Texture:
    """Float RGBA 0..1 with its top left corner at (left, top), y up, as a texture cut to what is visible."""
    pixels = np.round(np.clip(premultiplied, 0, 1) * 255).astype(np.uint8)
    pixels[..., :3] = np.minimum(pixels[..., :3], pixels[..., 3:])
    x, y, width, height = cv2.boundingRect(pixels[..., 3])
    x, y = max(x - 1, 0), max(y - 1, 0)
    cut = np.ascontiguousarray(pixels[y : y + height + 2, x : x + width + 2])
    step = 1 / pixels_per_unit
    to_sprite = np.array([[step, 0, left + (x + 0.5) * step], [0, -step, top - (y + 0.5) * step], [0, 0, 1.0]])
    return Texture(cut, to_sprite)


def bytes_of(colours: Array) -> Array:
    """Colours 0..1 [n, 3] as opaque RGBA [n, 4], 0..255."""
    full = np.ones((colours.shape[0], 1), np.float32)
    return np.asarray(np.round(np.clip(np.concatenate([colours, full], axis=1), 0, 1) * 255))


def dabs(rgba: Array, centres: Array, axes: Array, angles: Array, colours: Array) -> None:
    """Filled ellipses: centres and half axes [n, 2] in pixels, angles [n] in degrees, colours [n, 3]."""
    at = np.round(centres * (1 << BITS)).astype(int).tolist()
    size = np.round(np.maximum(axes, 0.35) * (1 << BITS)).astype(int).tolist()
    for centre, half, angle, ink in zip(at, size, angles.tolist(), bytes_of(colours).tolist(), strict=True):
        cv2.ellipse(rgba, centre, half, angle, 0, 360, ink, -1, cv2.LINE_AA, BITS)


def strands(rgba: Array, paths: Array, thickness: Array, colours: Array) -> None:
    """Open curves: paths [n, points, 2] in pixels, thickness [n] in whole pixels, colours [n, 3]."""
    at = np.round(paths * (1 << BITS)).astype(np.int32)
    for path, width, ink in zip(at, thickness.tolist(), bytes_of(colours).tolist(), strict=True):
        cv2.polylines(rgba, [path], False, ink, max(1, int(width)), cv2.LINE_AA, BITS)


def paste(target: Array, stamp: Array, left: float, top: float) -> None:
    """Lay premultiplied float RGBA over `target` (also float RGBA) with its corner at the nearest pixel."""
    x, y = round(left), round(top)
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + stamp.shape[1], target.shape[1]), min(y + stamp.shape[0], target.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    part = stamp[y0 - y : y1 - y, x0 - x : x1 - x]
    under = target[y0:y1, x0:x1]
    target[y0:y1, x0:x1] = part + under * (1 - part[..., 3:])
