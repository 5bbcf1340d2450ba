"""The cells of points on a shaken lattice (Worley 1996): planes and panes for seed textures."""

from dataclasses import dataclass
from itertools import product
from math import pi, sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# So many points are missing, so that cells differ in size.
MISSING = 0.3
# So many points of the lattice away on each side may the nearest one and the second lie.
NEIGHBOURS = 2


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells that fit on to themselves.

    For each place [P, P]: how `light` its cell is, in which `direction` [2, P, P] (x, y) the cell is shaded, how far
    off the point lies that way in half cells, and how far the cell's edge in pixels.
    """

    light: Floats
    direction: Floats
    along: Floats
    to_edge: Floats

    @classmethod
    def drawn(cls, period: int, size: float, rng: np.random.Generator) -> Self:
        """Of about this size in pixels, by chance."""
        count = max(2, round(period / size))
        shaken = rng.random((2, count, count), np.float32)
        shaken[:, rng.random((count, count)) < MISSING] = np.inf
        shaken[:, 0, 0] = 0.5
        light, angle = 2 * sqrt(3) * rng.random(count**2, np.float32), rng.random(count**2, np.float32)
        places = (np.arange(period, dtype=np.float32) + 0.5) * (count / period)
        cell, nearest, second = _nearest(shaken, places)
        point = shaken.reshape(2, -1)[:, cell] + np.stack([cell // count, cell % count])
        down, right = places[:, None] - point[0], places - point[1]
        down, right = ((off + count / 2) % count - count / 2 for off in (down, right))
        direction = np.stack([np.cos(2 * pi * angle), np.sin(2 * pi * angle)])[:, cell]
        along = 2 * (right * direction[0] + down * direction[1])
        told = (light[cell], direction, along, (second - nearest) / 2 * (period / count))
        return cls(*(np.asarray(each, np.float32) for each in told))


def _nearest(shaken: Floats, places: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """For each place [P, P], the cell whose point is nearest, and how far off it and the next one are, in cells.

    `shaken` [2, N, N] says where in its cell each of N² points lies, row and column: infinitely far where it is
    missing. `places` [P] are those of rows and of columns, in cells.
    """
    count, own = shaken.shape[1], places.astype(int)
    nearest = second = np.full((len(places), len(places)), np.inf, np.float32)
    cell = np.zeros(nearest.shape, np.intp)
    around = range(-NEIGHBOURS, NEIGHBOURS + 1)
    for rows, columns in product((own + step for step in around), repeat=2):
        at = (rows % count)[:, None] * count + columns % count
        y = places[:, None] - rows[:, None] - shaken[0].ravel()[at]
        x = places - columns - shaken[1].ravel()[at]
        distance = np.asarray(y * y + x * x, np.float32)
        second = np.minimum(second, np.maximum(nearest, distance))
        cell = np.where(distance < nearest, at, cell)
        nearest = np.minimum(nearest, distance)
    return cell, np.sqrt(nearest), np.sqrt(second)
