"""The seed texture: faint grey noise that is added to a picture, for a net to grow strokes from on flat ground.

A feed-forward net paints equal places equally, so a plain wall gives it nowhere to begin a stroke. Noise of four sizes,
from that of a brush mark to that of a hand's sweep, breaks the tie; strokes then lie where the texture has them, and a
still scene stays still because the texture does.
"""

from functools import cache

import numpy as np

CELLS_PX = (4, 8, 16, 32)
# So large that nobody sees it repeat, and a multiple of every cell.
PERIOD_PX = 512
# The texture in a style file is bytes: so many steps for a deviation. At the usual amplitude of 0.05 a step is a 255th,
# so that a frame's bytes with the texture are whole numbers, which bf16 holds.
STEPS = 12.75
# Keys' cubic (1981) with the sharpness that has no third-order error.
SHARPNESS = -0.5


def periodic_noise(period: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [period, period] of mean 0 and deviation 1 that fits on to itself; `period` is a multiple of 32 pixels.

    Normal numbers on lattices of 4, 8, 16 and 32 pixels, interpolated by cubics and summed.
    """
    total = np.zeros((period, period))
    for cell in CELLS_PX:
        lattice = rng.standard_normal((period // cell, period // cell))
        rows = _cubic_rows(period, cell)
        total += rows @ lattice @ rows.T
    total -= total.mean()
    noise: np.ndarray = (total / total.std()).astype(np.float32)
    return noise


@cache
def seed_tile() -> np.ndarray:
    """int8 [512, 512]: the texture that every net paints with, in steps of 1/12.75 of its deviation."""
    noise = periodic_noise(PERIOD_PX, np.random.default_rng(0))
    tile = np.clip(np.round(noise * STEPS), -127, 127).astype(np.int8)
    tile.flags.writeable = False
    return tile


def seed_texture(height: int, width: int) -> np.ndarray:
    """float32 [height, width]: the tile from its corner, repeated, deviation 1."""
    rows, columns = np.arange(height) % PERIOD_PX, np.arange(width) % PERIOD_PX
    return seed_tile()[np.ix_(rows, columns)].astype(np.float32) / STEPS


@cache
def _cubic_rows(period: int, cell: int) -> np.ndarray:
    """[period, period / cell]: each row the weights of the lattice points around a pixel, wrapped at the end."""
    count = period // cell
    place = (np.arange(period) + 0.5) / cell - 0.5
    weights = np.zeros((period, count))
    for offset in (-1, 0, 1, 2):
        point = np.floor(place).astype(int) + offset
        weights[np.arange(period), point % count] += _cubic(np.abs(place - point))
    return weights


def _cubic(distance: np.ndarray) -> np.ndarray:
    near = ((SHARPNESS + 2) * distance - (SHARPNESS + 3)) * distance**2 + 1
    far = SHARPNESS * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
