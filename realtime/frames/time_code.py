"""A time written into a picture as blocks, and read back after the picture was painted, scaled and coded.

The code lies along the bottom edge: two rows of 16 bits, 24 for the time and 8 to tell whether all were read rightly.
A bit is a pair of blocks, dark and bright for 1, bright and dark for 0 (Manchester code). So only the difference of
neighbours counts, which paint and compression leave, whatever they do to brightness and colour.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import RGB_TO_LUMA, Pixels

UNIT_SECONDS = 1e-4
TIME_BITS = 24
PERIOD_SECONDS = UNIT_SECONDS * (1 << TIME_BITS)  # the code begins again after 28 minutes
ROWS = 2
BLOCKS = 32  # in a row: two for each of its 16 bits
CHECK_POLYNOMIAL = 0x07  # CRC-8 of ITU-T I.432.1: x⁸ + x² + x + 1
CHECK_BITS = 8
CHECK_MASK = 0x55  # so that a code of all zeros is not its own check
DARK, BRIGHT = 24, 232
LEAST_CONTRAST = 4.0  # of the two blocks of a bit; chance seldom gives so much 32 times over


def stamp(pixels: Pixels, seconds: float) -> None:
    """Write a time into the bottom of a picture, (H, W, 3) uint8 RGB, in place.

    The code takes no more than a ninth of the height. ValueError where the picture is below 64 by 36 pixels.
    """
    rows, columns = _edges(pixels)
    ones = np.array([bit == "1" for bit in f"{_code(round(seconds / UNIT_SECONDS)):032b}"])
    bright = np.stack((~ones, ones), axis=1).reshape(ROWS, BLOCKS)
    blocks = np.repeat(np.where(bright, BRIGHT, DARK).astype(np.uint8), np.diff(columns), axis=1)
    for row, (top, bottom) in zip(blocks, pairwise(rows), strict=True):
        pixels[top:bottom] = row[:, None]


def read_code(pixels: Pixels) -> float | None:
    """The seconds in a picture's code, 0 to PERIOD_SECONDS; None where there is no code or it cannot be read."""
    try:
        rows, columns = _edges(pixels)
    except ValueError:
        return None
    levels = np.stack([_levels(pixels[_middle(top, bottom)], columns) for top, bottom in pairwise(rows)])
    pairs = levels.reshape(-1, 2)
    contrast = pairs[:, 1] - pairs[:, 0]
    if np.abs(contrast).min() < LEAST_CONTRAST:
        return None
    bits = int("".join("1" if bright else "0" for bright in contrast > 0), 2)
    units = bits >> CHECK_BITS
    return units * UNIT_SECONDS if _code(units) == bits else None


def elapsed(code_seconds: float, now: float) -> float:
    """Seconds from the time in a code until `now`; a code up to a second ahead of `now` gives less than 0."""
    return (now - code_seconds + 1) % PERIOD_SECONDS - 1


def _edges(pixels: Pixels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the rows and the columns of blocks begin and end: at the same places of the picture at every size."""
    height, width = pixels.shape[:2]
    side = min(width / BLOCKS, height / 18)
    if side < 2:
        raise ValueError(f"a picture of {width}x{height} is too small for a time code; it takes 64x36 pixels")
    rows = np.rint(height - side * np.arange(ROWS, -1, -1)).astype(np.int64)
    return rows, np.rint(np.arange(BLOCKS + 1) * (width / BLOCKS)).astype(np.int64)


def _levels(strip: Pixels, columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """The luma in the middle of each block of a row."""
    luma = strip.mean(axis=0, dtype=np.float32) @ RGB_TO_LUMA
    return np.array([luma[_middle(left, right)].mean() for left, right in pairwise(columns)], np.float32)


def _middle(start: int, end: int) -> slice:
    """The half of a block that paint from its neighbours reaches last."""
    margin = (end - start) // 4
    return slice(start + margin, end - margin)


def _code(units: int) -> int:
    """The bits of a time in units, with their check at the end."""
    units %= 2**TIME_BITS
    return units << CHECK_BITS | _check(units) ^ CHECK_MASK


def _check(value: int) -> int:
    """The CRC: what is left of the value's bits when they are divided by the polynomial."""
    rest = value << CHECK_BITS
    divisor = 1 << CHECK_BITS | CHECK_POLYNOMIAL
    for shift in reversed(range(TIME_BITS)):
        if rest >> (shift + CHECK_BITS) & 1:
            rest ^= divisor << shift
    return rest
