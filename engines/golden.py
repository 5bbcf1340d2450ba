"""Golden frames: the pictures on which an engine has to agree with the reference. Drawn and seeded, not stored."""

from collections.abc import Callable, Iterator

import numpy as np

SEED = 20161

Draw = Callable[[np.random.Generator, int, int], np.ndarray]


def golden_frames(height: int, width: int, count: int) -> Iterator[tuple[str, np.ndarray]]:
    """(name, frame uint8 [H, W, 3]) for the first `count` of the golden frames, those that find most first."""
    for name, draw in list(FRAMES.items())[:count]:
        frame = draw(np.random.default_rng(SEED), height, width)
        yield name, np.clip(np.rint(frame), 0, 255).astype(np.uint8)


def _picture(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A sky's gradient, a disc, a chequered ground and fine stripes, with a camera's noise: edges of every kind."""
    y, x = np.ogrid[0:height, 0:width]
    v, u = y / height, x / width
    frame = _noise_of(random, height, width, 3)
    frame += np.stack(np.broadcast_arrays(255 * u, 140 + 100 * v, 255 * (1 - v)), axis=-1)
    ground = np.broadcast_to(v > 0.55, (height, width))
    frame[ground & ((x // 12 + y // 8) % 2 == 0)] += (-180, -120, 60)
    frame[ground & (u > 0.8) & (x % 4 < 2)] += (-90, 110, 110)
    frame[(u - 0.7) ** 2 + (v - 0.3) ** 2 < 0.03] += (90, -120, -160)
    return frame


def _dark(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Night: the norms divide by a small deviation."""
    return _picture(random, height, width) * 0.05


def _bright(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Overexposed: the sums are largest and differ least, which costs the norms of a large picture their precision."""
    return 215 + _picture(random, height, width) * 0.25


def _flat(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """An empty wall.

    It keeps a camera's noise: in a frame of one single colour the norms have nothing to divide by but rounding errors,
    blow them up at every layer, and two right engines need not agree.
    """
    return 128 + _noise_of(random, height, width, 2)


def _noise(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Every value as likely as any other."""
    return random.random((height, width, 3), np.float32) * 255


def _noise_of(random: np.random.Generator, height: int, width: int, deviation: float) -> np.ndarray:
    """A camera's noise, float32 [H, W, 3]."""
    return random.standard_normal((height, width, 3), np.float32) * np.float32(deviation)


FRAMES: dict[str, Draw] = {"picture": _picture, "bright": _bright, "dark": _dark, "flat": _flat, "noise": _noise}
