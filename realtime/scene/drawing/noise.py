"""Seeded noise fields: the raw material of every surface in the scene."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float32 fields unless said otherwise
Shape = tuple[int, ...]  # rows, columns


def value_noise(shape: Shape, cell: tuple[float, float], rng: np.random.Generator) -> Array:
    """Smooth noise [rows, columns] in -1..1 whose features are `cell` = (rows, columns) pixels large."""
    height, width = shape
    rows = max(2, int(np.ceil(height / cell[0])) + 3)
    columns = max(2, int(np.ceil(width / cell[1])) + 3)
    grid = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    offset = rng.uniform(0.5, 1.5, 2)
    place = np.array([[cell[1], 0, -offset[1] * cell[1]], [0, cell[0], -offset[0] * cell[0]]], np.float32)
    flags = cv2.INTER_CUBIC
    return cv2.warpAffine(grid, place, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)


def fractal_noise(
    shape: Shape,
    cell: float,
    rng: np.random.Generator,
    *,
    octaves: int = 5,
    gain: float = 0.5,
    stretch: float = 1.0,
) -> Array:
    """Sum of octaves [rows, columns], about -1..1; `stretch` > 1 makes the features wider than high."""
    total = np.zeros(shape, np.float32)
    weight, sum_of_squares = 1.0, 0.0
    for octave in range(octaves):
        size = cell / 2**octave
        if size < 1.5:
            break
        total += weight * value_noise(shape, (size, size * stretch), rng)
        sum_of_squares += weight**2
        weight *= gain
    return total / np.float32(max(sum_of_squares, 1e-6) ** 0.5)


def tile(size: int, cells: int, rng: np.random.Generator, *, octaves: int = 5, gain: float = 0.5) -> Array:
    """Fractal noise [size, size] about -1..1 that repeats without a seam, to be sampled with `sample_tile`."""
    total = np.zeros((size, size), np.float32)
    weight, sum_of_squares = 1.0, 0.0
    for octave in range(octaves):
        count = min(cells * 2**octave, size)
        grid = rng.uniform(-1, 1, (count, count)).astype(np.float32)
        step = (np.arange(size, dtype=np.float32) + 0.5) * count / size
        total += weight * sample_tile(grid, step[None], step[:, None], interpolation=cv2.INTER_CUBIC)
        sum_of_squares += weight**2
        weight *= gain
    return total / np.float32(sum_of_squares**0.5)


def sample_tile(grid: Array, x: Array, y: Array, *, interpolation: int = cv2.INTER_LINEAR) -> Array:
    """Look a repeating grid up at any place; x and y are in cells of the grid, and may be a row and a column."""
    height, width = grid.shape
    column, row = np.asarray(x, np.float32), np.asarray(y, np.float32)
    column = column - np.floor(column / width) * width + 4
    row = row - np.floor(row / height) * height + 4
    column, row = (np.ascontiguousarray(each) for each in np.broadcast_arrays(column, row))
    return cv2.remap(np.pad(grid, 4, mode="wrap"), column, row, interpolation)


def smoothstep(low: float | Array, high: float | Array, value: Array) -> Array:
    """Hermite ramp from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def mix(first: Array, second: Array, share: Array) -> Array:
    """Blend two colours (…, 3) by a share (…) of the second."""
    return np.asarray(first + (second - first) * np.asarray(share)[..., None])


def colour(red: float, green: float, blue: float) -> Array:
    """A display-referred colour, 0..1."""
    return np.array([red, green, blue], np.float32)
