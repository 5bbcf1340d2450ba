"""How near two pictures are: the peak signal-to-noise ratio."""

import math
from collections.abc import Iterator

import numpy as np

VALUES_AT_ONCE = 1 << 20  # of a comparison, so that a large picture is not held as floats too


def psnr(found: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal-to-noise ratio of uint8 pictures in dB; infinite where they are equal."""
    total = sum(float(np.square(part).sum(dtype=np.float64)) for part in differences(found, wanted))
    return math.inf if total == 0 else 10 * math.log10(255**2 * found.size / total)


def differences(found: np.ndarray, wanted: np.ndarray) -> Iterator[np.ndarray]:
    """Of all values, float32, a part at a time."""
    one, other = found.reshape(-1), wanted.reshape(-1)
    for start in range(0, one.size, VALUES_AT_ONCE):
        part = slice(start, start + VALUES_AT_ONCE)
        yield one[part].astype(np.float32) - other[part]
