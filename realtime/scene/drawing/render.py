"""Compositing: every layer warped to its place and laid over those behind it."""

from collections.abc import Sequence
from math import ceil, floor

import cv2
import numpy as np

from realtime.scene.drawing.camera import Matrix, translation
from realtime.scene.drawing.layer import Layer, to_screen
from realtime.scene.drawing.noise import Array

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels


def box_on_screen(pixels: Array, matrix: Matrix, width: int, height: int) -> Box:
    """Where a texture falls on the screen, cut to it; x0 >= x1 or y0 >= y1 where it does not."""
    rows, columns = pixels.shape[:2]
    corners = matrix @ np.array([[-1, columns, -1, columns], [-1, -1, rows, rows], [1, 1, 1, 1]], float)
    across, down = (corners[:2] / corners[2]).tolist()
    return (
        max(0, floor(min(across))),
        max(0, floor(min(down))),
        min(width, ceil(max(across)) + 1),
        min(height, ceil(max(down)) + 1),
    )


def warp(pixels: Array, matrix: Matrix, box: Box) -> Array:
    """The part of a texture that falls into a box of the screen; transparent outside the texture."""
    x0, y0, x1, y1 = box
    matrix = translation(-x0, -y0) @ matrix
    size = (x1 - x0, y1 - y0)
    if np.abs(matrix[2, :2]).max() < 1e-12:
        return cv2.warpAffine(pixels, matrix[:2], size, flags=cv2.INTER_LINEAR)
    return cv2.warpPerspective(pixels, matrix, size, flags=cv2.INTER_LINEAR)


def over(canvas: Array, part: Array, box: Box) -> None:
    """Lay premultiplied RGBA over the canvas, blending only the rows that are not wholly opaque."""
    x0, y0, x1, y1 = box
    target = canvas[y0:y1, x0:x1]
    alpha = cv2.extractChannel(part, 3)
    if x1 - x0 < canvas.shape[1] // 2:
        _blend(target, part, alpha)
        return
    solid = alpha.min(axis=1) == 255
    edge = np.flatnonzero(solid[1:] != solid[:-1]) + 1
    for rows in map(slice, [0, *edge], [*edge, len(solid)]):
        if solid[rows.start]:
            target[rows] = part[rows]
        else:
            _blend(target[rows], part[rows], alpha[rows])


def _blend(target: Array, source: Array, alpha: Array) -> None:
    clear = cv2.merge([cv2.bitwise_not(alpha)] * 4)
    cv2.add(cv2.multiply(target, clear, scale=1 / 255), source, dst=target)


def composite(layers: Sequence[Layer], seconds: float, width: int, height: int) -> Array:
    """The picture at a time as (height, width, 4) uint8; the last channel is 255 wherever something stands."""
    canvas = np.zeros((height, width, 4), np.uint8)
    for layer, matrix in zip(layers, to_screen(layers, seconds, width, height), strict=True):
        box = box_on_screen(layer.texture.pixels, matrix, width, height)
        if box[0] < box[2] and box[1] < box[3]:
            over(canvas, warp(layer.texture.pixels, matrix, box), box)
    return canvas
