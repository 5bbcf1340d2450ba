"""Pictures for tests of what is painted small and joined at full size: with edges, texture and plain ground."""

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Pixels


@cache
def landscape(size: tuple[int, int], seed: int = 0) -> Pixels:
    """The same view at any `size` (width, height): a sky, hills, a house with edges, and grass."""
    drawn = _drawn(seed)
    width, height = size
    shrinks = width <= drawn.shape[1] and height <= drawn.shape[0]
    view = np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC), np.uint8)
    view.setflags(write=False)
    return view


@cache
def _drawn(seed: int, width: int = 1280, height: int = 720) -> Pixels:
    random = np.random.default_rng(seed)
    down = np.linspace(0, 1, height)[:, None, None]
    sky = np.array([120, 170, 230]) * (1 - down) + np.array([240, 220, 190]) * down
    view = np.ascontiguousarray(np.broadcast_to(sky, (height, width, 3)), np.uint8)
    for level, colour in ((0.45, (70, 90, 120)), (0.6, (60, 110, 60)), (0.75, (110, 130, 50))):
        ridge = level * height + 40 * np.sin(np.arange(width) / random.uniform(60, 160) + random.uniform(0, 6))
        outline = np.stack([np.arange(width), ridge], -1).tolist()
        cv2.fillPoly(view, [np.array([*outline, (width, height), (0, height)], np.int32)], colour)
    cv2.rectangle(view, (300, 340), (560, 560), (200, 60, 40), -1)
    cv2.rectangle(view, (360, 400), (420, 470), (20, 20, 30), -1)
    cv2.circle(view, (1000, 130), 60, (255, 250, 200), -1)
    noise = random.normal(0, 12, (height // 2, width // 2, 1)).astype(np.float32)
    grass = cv2.resize(noise, (width, height))[..., None] * (down > 0.7)
    return np.asarray(np.clip(view + grass, 0, 255), np.uint8)


def in_oils(small: Pixels) -> Pixels:
    """What a net might make of it: fields of few colours, warmer and in more contrast, with strokes across them."""
    fields = np.asarray(cv2.bilateralFilter(small, 7, 60, 5), np.float32)
    down, across = np.mgrid[: small.shape[0], : small.shape[1]]
    strokes = 14 * np.sin(across / 3.1 + np.sin(down / 7)) * np.cos(down / 4.3)
    toned = (fields - 110) * (1.2, 1.0, 0.8) + (130, 115, 95) + strokes[..., None]
    return np.asarray(np.clip(toned, 0, 255), np.uint8)


def deviation(found: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.float64]:
    """How far off each value is, in levels."""
    return np.asarray(np.abs(found.astype(np.float64) - wanted))
