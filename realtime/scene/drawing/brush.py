"""Thousands of small marks laid straight on premultiplied RGBA bytes: leaves, blades of grass, flowers."""

import cv2
import numpy as np

from realtime.scene.drawing.noise import Array

BITS = 4  # fractional bits of the coordinates given to OpenCV


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
