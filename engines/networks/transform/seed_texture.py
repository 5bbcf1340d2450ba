"""The seed texture: faint grey noise that is added to a picture, for a net to grow strokes from on flat ground.

A feed-forward net paints equal places equally, so a plain wall gives it nowhere to begin a stroke. Noise breaks the
tie; strokes then lie where the texture has them, and a still scene stays still because the texture does. What the noise
looks like is what the strokes look like: numbers on a square lattice, however smoothly they are joined, come out
knitted. So it is drawn as a hand would draw, and there are several (`TEXTURES`), of which a style takes its share of
each: a painter of dots has no curls. `dabs` are patches without direction. `curls`, `ripples` and `hatching` are
streaks along a flow (line integral convolution, Cabral and Leedom 1993) over such patches, from one to the next of
which the colour of strokes may change: they bend and close to spirals, go along the rows, and rise to the right.
`facets` are a Cubist's planes, each brushed its own way and shaded across it, and `panes` a glazier's, in their lead:
the cells of cells.py.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from math import cos, pi, sin, sqrt
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.networks.transform.cells import Cells, Floats
from engines.networks.transform.config import TEXTURES

# Bristles, and strokes of two sizes: how wide, and the deviation of the weights along the flow, half of their length.
# Without bristles a net makes up what is as fine, in a lattice across the strokes, and makes more of a camera's noise.
STREAKS_PX = ((2, 6.0), (4, 6.0), (8, 12.0))
# What has no direction: how large.
PATCHES_PX = (16, 32)
DABS_PX = (8, 16, 32)
# Planes: how large the large and the small ones are, and panes; half of the lead's width, and what bristles weigh.
FACETS_PX = (64, 24)
PANES_PX = 36
LEAD_PX = 4.0
BRISTLES = 0.15
# How wide they are, and the deviation of the weights along them.
BRISTLE_PX = (4, 8.0)
# How long the flow is along which they are drawn: as the mean of the streaks' is.
FLOW = 0.85
# Deviation of what softens edges.
EDGE_PX = 0.8
# The flow: how large its turns are.
TURNS_PX = 128
# By this angle its rings are opened into spirals.
SPIRAL = 0.35
# With this share of its mean strength, as beside the eye of a spiral, it draws streaks half as long.
CALM = 0.2
PASSES = 3  # along the flow
# Deviation of the Gaussian that blurs noise, as a part of the size of its patches.
SOFTNESS = 0.45
# So large that nobody sees it repeat, and a multiple of every net's blocks.
PERIOD_PX = 512
# The texture in a style file is bytes: so many steps for a deviation. At the usual amplitude of 0.05 a step is a 255th,
# so that a frame's bytes with the texture are whole numbers, which bf16 holds.
STEPS = 12.75


def periodic_noise(texture: str, period: int, rng: np.random.Generator) -> Floats:
    """float32 [period, period] of mean 0 and deviation 1 that fits on to itself; `period` is 16 pixels or more."""
    return _DRAWN[texture](period, rng)


@cache
def seed_tile(texture: str) -> NDArray[np.int8]:
    """int8 [512, 512]: the texture that every net paints with, in steps of 1/12.75 of its deviation."""
    noise = periodic_noise(texture, PERIOD_PX, np.random.default_rng(TEXTURES.index(texture)))
    tile = np.clip(np.round(noise * STEPS), -127, 127).astype(np.int8)
    tile.flags.writeable = False
    return tile


def seed_texture(texture: str, height: int, width: int) -> Floats:
    """float32 [height, width]: the tile from its corner, repeated, deviation 1."""
    rows, columns = np.arange(height) % PERIOD_PX, np.arange(width) % PERIOD_PX
    return seed_tile(texture)[np.ix_(rows, columns)].astype(np.float32) / np.float32(STEPS)


def _streaks(period: int, rng: np.random.Generator, *, wind: float, angle: float = 0.0) -> Floats:
    """Soft noise of 2, 4, 8, 16 and 32 pixels, the finer three drawn out along a flow, all of one strength."""
    flow = _flow(period, rng, wind, angle)
    streaks = (_even(_along(flow, _soft_noise(period, width, rng), deviation)) for width, deviation in STREAKS_PX)
    patches = (_soft_noise(period, size, rng) for size in PATCHES_PX)
    return _sum((*streaks, *patches))


def _dabs(period: int, rng: np.random.Generator) -> Floats:
    """Soft noise of 8, 16 and 32 pixels, all of one strength."""
    return _sum(_soft_noise(period, size, rng) for size in DABS_PX)


def _facets(period: int, rng: np.random.Generator) -> Floats:
    """Large planes over small ones, and bristles along the large."""
    large, small = (Cells.drawn(period, size, rng) for size in FACETS_PX)
    planes = _even(_planes(large, shade=1.0) + _planes(small, shade=1.0))
    return _softened(planes + BRISTLES * _bristles(large, rng))


def _panes(period: int, rng: np.random.Generator) -> Floats:
    """Planes in dark lead, and bristles in them."""
    cells = Cells.drawn(period, PANES_PX, rng)
    lead = _even(-np.exp(-np.square(cells.to_edge / LEAD_PX)))
    return _softened(_even(lead + _planes(cells, shade=0.5)) + BRISTLES * _bristles(cells, rng))


def _planes(cells: Cells, shade: float) -> Floats:
    """Each as light as it is, and shaded across."""
    return _even(np.asarray(cells.light + shade * np.tanh(cells.along), np.float32))


def _bristles(cells: Cells, rng: np.random.Generator) -> Floats:
    """Across the direction in which each is shaded."""
    x, y = cells.direction
    width, deviation = BRISTLE_PX
    flow = np.asarray(FLOW * np.stack([-y, x]), np.float32)
    return _even(_along(flow, _soft_noise(len(cells.light), width, rng), deviation))


def _softened(noise: Floats) -> Floats:
    """With edges that are as soft as a brush's, round those of the picture."""
    rim = 4
    soft = cv2.GaussianBlur(np.pad(noise, rim, mode="wrap"), (0, 0), EDGE_PX)
    return _even(np.asarray(soft[rim:-rim, rim:-rim], np.float32))


def _sum(parts: Iterable[Floats]) -> Floats:
    return _even(np.sum(list(parts), axis=0))


def _even(noise: Floats) -> Floats:
    """The noise with mean 0 and deviation 1."""
    centred = noise - noise.mean()
    even: Floats = centred / centred.std()
    return even


def _soft_noise(period: int, size: float, rng: np.random.Generator) -> Floats:
    """float32 [period, period]: normal numbers blurred, round the edges, to patches of a `size` in pixels."""
    rows, columns = np.fft.fftfreq(period)[:, None], np.fft.rfftfreq(period)[None]
    kept = np.exp(-2 * (np.pi * SOFTNESS * size) ** 2 * (rows**2 + columns**2))
    kept[0, 0] = 0  # a period smaller than the patches leaves little beside the mean
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((period, period))) * kept, (period, period))
    return np.asarray(noise / noise.std(), np.float32)


def _flow(period: int, rng: np.random.Generator, wind: float, angle: float) -> Floats:
    """float32 [2, period, period]: vectors (x, y) along which streaks lie, 0.85 long in the mean.

    Round the hills of soft noise, a little down them, so that rings open into spirals, and with a `wind`, which blows
    so many times as strongly, along the rows or rising by an `angle`.
    """
    hills = _soft_noise(period, TURNS_PX, rng)
    slope_x, slope_y = (np.roll(hills, -1, axis) - np.roll(hills, 1, axis) for axis in (1, 0))
    x = cos(SPIRAL) * slope_y + sin(SPIRAL) * slope_x
    y = sin(SPIRAL) * slope_y - cos(SPIRAL) * slope_x
    strength = np.hypot(x, y).mean()
    x += wind * cos(angle) * strength
    y -= wind * sin(angle) * strength
    calm = CALM * max(1.0, wind) * strength
    flow: Floats = np.stack([x, y]) / (np.hypot(x, y) + calm)
    return flow


def _along(flow: Floats, noise: Floats, deviation: float) -> Floats:
    """The noise [P, P] averaged along the flow, where that has length 1 by weights of this deviation in pixels.

    Each pass weighs a place twice and two beside it once, at twice the distance of the pass before, which makes a
    triangle of all weights. h² / 2 is a pass's variance, and (4ⁿ - 1) / 6 of the first distance's square that of n
    passes. The first distance has to be small beside the patches of the noise.
    """
    distance = deviation / sqrt((4**PASSES - 1) / 6)
    columns, rows = np.meshgrid(*[np.arange(noise.shape[0], dtype=np.float32)] * 2)
    for number in range(PASSES):
        x, y = distance * 2**number * flow
        before, after = (
            cv2.remap(noise, columns + sign * x, rows + sign * y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
            for sign in (-1, 1)
        )
        noise = np.asarray((before + 2 * noise + after) / 4, np.float32)
    return noise


# Each for a period, by chance.
_DRAWN: Mapping[str, Callable[[int, np.random.Generator], Floats]] = MappingProxyType(
    {
        "curls": partial(_streaks, wind=1.0),
        "dabs": _dabs,
        "ripples": partial(_streaks, wind=3.0),
        "hatching": partial(_streaks, wind=5.0, angle=pi / 4),
        "facets": _facets,
        "panes": _panes,
    }
)
