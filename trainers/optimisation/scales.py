"""From coarse to fine: the sizes at which a picture is optimised, how long and how fast at each, and what is moved.

That is a Laplacian pyramid (Burt and Adelson 1983) in place of pixels: a step on a coarse band moves the light of a
whole area at once, which single pixels find slowly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional

from trainers.settings.gatys_options import LARGEST_PX, LEAST_PICTURE_PX, GatysOptions

# The finest scale is begun with this part of the learning rate, and every scale ends with that part of its own.
FINEST_RATE = 0.4
LAST_RATE = 0.1
# The coarsest scale gets so many times the iterations of the finest, which cost the most.
COARSEST_SHARE = 2.0
# A net's strokes are there already: only the last scales are painted over.
SCALES_AFTER_A_NET = 2
# A band that is smaller than this has nothing coarser beneath.
LEAST_BAND_PX = 16


@dataclass(frozen=True, slots=True)
class Scale:
    """One step from coarse to fine: size in pixels, iterations, and the learning rate at its beginning."""

    height: int
    width: int
    iterations: int
    learning_rate: float

    @property
    def pixels(self) -> int:
        return self.height * self.width


def plan_scales(height: int, width: int, options: GatysOptions) -> list[Scale]:
    """From coarse to fine in even steps of about two; the iterations fall towards the fine scales, which cost most."""
    long = options.size or min(max(height, width), LARGEST_PX)
    count = 1 + max(0, round(math.log2(long / options.least_size)))
    count = min(count, options.iterations, SCALES_AFTER_A_NET if options.start == "net" else count)
    ratio = (long / options.least_size) ** (1 / (count - 1)) if count > 1 and options.start != "net" else 2.0
    shares = [COARSEST_SHARE + (1 - COARSEST_SHARE) * n / max(1, count - 1) for n in range(count)]
    return [
        Scale(*_sides(height, width, long / ratio ** (count - 1 - n)), iterations, options.learning_rate * rate)
        for n, (iterations, rate) in enumerate(
            zip(_divided(options.iterations, shares), np.geomspace(1, FINEST_RATE, count).tolist(), strict=True)
        )
    ]


def _sides(height: int, width: int, long: float) -> tuple[int, int]:
    scale = long / max(height, width)
    return max(LEAST_PICTURE_PX, round(height * scale)), max(LEAST_PICTURE_PX, round(width * scale))


def _divided(total: int, shares: Sequence[float]) -> list[int]:
    """The total in parts like the shares, each at least 1, where the total allows it."""
    ends = np.rint(np.cumsum(shares) / sum(shares) * total).astype(int)
    return [max(1, part) for part in np.diff(ends, prepend=0).tolist()]


def rate_at(step: int, scale: Scale) -> float:
    """Falls as a half cosine to a tenth."""
    return scale.learning_rate * (LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * step / scale.iterations)))


def to_pyramid(picture: Tensor, levels: int) -> list[Tensor]:
    """picture [B, C, H, W] → at most `levels` bands, the finest first: details, and last the coarse rest."""
    bands: list[Tensor] = []
    while len(bands) + 1 < levels and min(picture.shape[-2:]) >= LEAST_BAND_PX:
        coarse = functional.interpolate(picture, scale_factor=0.5, mode="area")
        bands.append(picture - _enlarged(coarse, picture))
        picture = coarse
    return [*bands, picture]


def from_pyramid(bands: Sequence[Tensor]) -> Tensor:
    """The picture of these bands; undoes `to_pyramid` but for rounding."""
    picture = bands[-1]
    for details in reversed(bands[:-1]):
        picture = details + _enlarged(picture, details)
    return picture


def _enlarged(coarse: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(coarse, size=like.shape[-2:], mode="bilinear", align_corners=False)
