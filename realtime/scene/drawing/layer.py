"""A layer: one flat texture, and where it stands at any time; and all of them, each laid over those behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor

import cv2
import numpy as np

from realtime.scene.drawing.camera import (
    EYE_HEIGHT_M,
    FOCAL,
    Matrix,
    Pose,
    ground_plane,
    pose_at,
    screen,
    translation,
    upright_plane,
)
from realtime.scene.drawing.canvas import Texture
from realtime.scene.drawing.noise import Array

Placement = Callable[[Pose, float], Matrix]  # the camera's pose and the time in seconds -> sprite to image coordinates
FLIP: Matrix = np.diag(np.array([1.0, -1.0, 1.0]))
LOOKS = 500  # by which it is found what the camera ever sees
Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels


@dataclass(frozen=True, slots=True)
class Layer:
    """Everything that moves as one."""

    name: str
    texture: Texture
    place: Placement


def to_screen(layers: Sequence[Layer], seconds: float, width: int, height: int) -> list[Matrix]:
    """For every layer the matrix from the indices of its texture's pixels to those of the screen."""
    pose = pose_at(seconds)
    look = screen(pose, width, height)
    return [look @ layer.place(pose, seconds) @ layer.texture.to_sprite for layer in layers]


def at_infinity(_: Pose, __: float) -> Matrix:
    """A backdrop that only turns with the camera; the sprite's units are image units, y up."""
    return FLIP


def backdrop_at(z: float) -> Placement:
    """A backdrop painted in image units, y up, as seen by the camera at rest, that stands z metres away."""
    metres = np.array([[z / FOCAL, 0, 0], [0, z / FOCAL, EYE_HEIGHT_M], [0, 0, 1.0]])
    return lambda pose, _: upright_plane(pose, 0.0, z) @ metres


def on_ground(pose: Pose, _: float) -> Matrix:
    """The ground, painted in image units, y up (so always negative)."""
    return ground_plane(pose) @ FLIP


def standing_at(x: float, z: float) -> Placement:
    """A sprite in metres, its origin on the ground at (x, z)."""
    return lambda pose, _: upright_plane(pose, x, z)


def reach(place: Placement, width: int, height: int) -> tuple[float, float, float, float]:
    """What the camera ever sees of a backdrop: left, right, bottom, top in the sprite's units, with a margin."""
    corners = np.array([[-1, width, -1, width], [-1, -1, height, height], [1, 1, 1, 1]], float)
    seen = np.stack([look @ place(pose, seconds) for seconds, pose, look in _looks(width, height)])
    back = np.linalg.solve(seen, corners)
    x, y = back[:, 0] / back[:, 2], back[:, 1] / back[:, 2]
    margin = 0.02 + 2 / height
    return float(x.min()) - margin, float(x.max()) + margin, float(y.min()) - margin, float(y.max()) + margin


@lru_cache(maxsize=1)  # a world asks for its three backdrops, one after the other
def _looks(width: int, height: int) -> list[tuple[float, Pose, Matrix]]:
    """Moments of an hour, the camera's pose at each, and what brings the image it sees to the screen."""
    moments = np.linspace(0, 3600, LOOKS).tolist()
    poses = [pose_at(seconds) for seconds in moments]
    return [(seconds, pose, screen(pose, width, height)) for seconds, pose in zip(moments, poses, strict=True)]


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
