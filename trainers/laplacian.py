"""A picture as a Laplacian pyramid (Burt and Adelson 1983), whose bands an optimiser moves in place of pixels.

A step on a coarse band moves the light of a whole area at once, which single pixels find slowly.
"""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

# A band that is smaller than this has nothing coarser beneath.
LEAST_BAND_PX = 16


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
