"""Exact optical flow between two moments, from the matrices that moved the layers."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.scene.drawing.camera import Matrix
from realtime.scene.drawing.layer import Layer, box_on_screen, to_screen, warp

CLEAN = 0.94  # a pixel belongs to one layer alone where that layer gives this share of its light


class Motion(NamedTuple):
    """Where every pixel of one frame lies in another.

    `flow` [H, W, 2] float32 is (x, y) in pixels: what is seen at p in the first frame lies at p + flow in the second.
    `occluded` [H, W] is true where it lies outside of the second frame or behind something. `mixed` [H, W] is true
    where light of more than one layer meets in either frame (soft edges, shadows, mirror images): there no single
    vector is right.
    """

    flow: NDArray[np.float32]
    occluded: NDArray[np.bool_]
    mixed: NDArray[np.bool_]

    @property
    def certain(self) -> NDArray[np.bool_]:
        """Pixels that show one thing in both frames."""
        return ~(self.occluded | self.mixed)


class Cover(NamedTuple):
    """Which layer every pixel shows, and the share of its light that comes from there."""

    layer: NDArray[np.int32]
    share: NDArray[np.float32]


def cover(layers: Sequence[Layer], matrices: Sequence[Matrix], width: int, height: int) -> Cover:
    """Lay the layers' coverage over one another as the picture is composed."""
    index = np.full((height, width), -1, np.int32)
    share = np.zeros((height, width), np.float32)
    for number, (layer, matrix) in enumerate(zip(layers, matrices, strict=True)):
        box = box_on_screen(layer.texture.pixels, matrix, width, height)
        if box[0] >= box[2] or box[1] >= box[3]:
            continue
        part = slice(box[1], box[3]), slice(box[0], box[2])
        alpha = warp(layer.texture.pixels, matrix, box)[..., 3].astype(np.float32) / 255
        share[part] *= 1 - alpha
        wins = alpha > share[part]
        share[part][wins] = alpha[wins]
        index[part][wins] = number
    return Cover(index, share)


def motion(layers: Sequence[Layer], first_seconds: float, second_seconds: float, width: int, height: int) -> Motion:
    """The motion of every pixel from the first moment to the second."""
    before, after = (to_screen(layers, seconds, width, height) for seconds in (first_seconds, second_seconds))
    seen, found = cover(layers, before, width, height), cover(layers, after, width, height)
    x, y = _places(seen, before, after)
    inside = (np.abs(x - (width - 1) / 2) < width / 2 - 0.49) & (np.abs(y - (height - 1) / 2) < height / 2 - 0.49)
    there = cv2.remap(found.layer.astype(np.float32), x, y, cv2.INTER_NEAREST, borderValue=-1)
    share_there = cv2.remap(found.share, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    occluded = ~inside | (there != seen.layer)
    mixed = (seen.share < CLEAN) | (inside & (share_there < CLEAN))
    flow = np.stack([x, y], axis=-1) - _pixels(height, width)
    return Motion(flow.astype(np.float32), occluded, mixed)


def _pixels(height: int, width: int) -> NDArray[np.float32]:
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)


def _places(
    seen: Cover, before: Sequence[Matrix], after: Sequence[Matrix]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where what every pixel shows has gone, in pixels x, y."""
    place = _pixels(*seen.layer.shape)
    for number in np.unique(seen.layer):
        rows, columns = np.nonzero(seen.layer == number)
        matrix = after[number] @ np.linalg.inv(before[number])
        x, y, w = matrix @ np.stack([columns, rows, np.ones(rows.size)])
        place[rows, columns] = np.stack([x / w, y / w], axis=-1)
    return np.ascontiguousarray(place[..., 0]), np.ascontiguousarray(place[..., 1])
