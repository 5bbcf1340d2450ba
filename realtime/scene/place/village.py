"""The village on the far shore: a church and a few houses, stamped into the hills."""

import cv2
import numpy as np

from realtime.scene.drawing.noise import Array
from realtime.scene.place.house import House, paint_house

RED, BROWN, ROSE = (0.60, 0.24, 0.15), (0.42, 0.28, 0.20), (0.66, 0.36, 0.26)
CREAM, WHITE, OCHRE = (0.92, 0.86, 0.72), (0.94, 0.93, 0.90), (0.86, 0.70, 0.44)
# x across the view (image units), metres beyond the shore, and the house
HOUSES: tuple[tuple[float, float, House], ...] = (
    (0.060, 26.0, House(6, 5, 3.4, 6.4, CREAM, BROWN)),
    (0.300, 22.0, House(6, 6, 3.2, 6.0, WHITE, ROSE)),
    (0.195, 17.0, House(7, 8, 5.0, 9.0, WHITE, RED, tower=15.5)),
    (0.110, 10.0, House(6, 6, 3.4, 6.2, OCHRE, RED)),
    (0.260, 8.0, House(5, 6, 3.0, 5.6, CREAM, RED)),
    (0.165, 5.0, House(5, 5, 3.0, 5.4, WHITE, BROWN)),
    (0.335, 6.0, House(6, 5, 3.2, 5.8, OCHRE, ROSE)),
    (-0.760, 9.0, House(6, 6, 3.3, 6.0, WHITE, RED)),
)


def near_village(image_x: Array, inland_m: Array) -> Array:
    """Where no wood may grow."""
    return ((image_x > 0.03) & (image_x < 0.39) | (np.abs(image_x + 0.745) < 0.05)) & (inland_m < 34)


def paint_village_house(house: House, pixels_per_m: float, rng: np.random.Generator) -> tuple[Array, float]:
    """Premultiplied float RGBA of a house, and the column (pixels) of its middle."""
    texture = paint_house(house, pixels_per_m * 4, 1, rng)
    size = (max(2, texture.pixels.shape[1] // 4), max(2, texture.pixels.shape[0] // 4))
    small = cv2.resize(texture.pixels.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA)
    return small, -float(texture.to_sprite[0, 2]) * pixels_per_m
