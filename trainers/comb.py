"""A loss against combs: fine regular dots that a net lays over its strokes with the periods of its own upsampling.

`grid_loss` sees a pattern that is the same over a large area. A comb comes and goes and changes its sign with the
strokes; what tells it is power at exactly the periods of 2 and 4 pixels where there is little beside them.
"""

import torch
from torch import Tensor

WINDOW_PX = 32
# Frequencies of the net's periods, in steps of 1 / WINDOW_PX, and how far off a comb's own peak has ended.
PERIODS_AT = (0, 8, 16, 24)
BESIDE = (3, 4, -4, -3)
# Power that nobody sees: of a pattern of about 2.5 of 255.
UNSEEN = 1e-4


def comb_loss(picture: Tensor) -> Tensor:
    """[B, C, H, W] in 0..1, at least 32 pixels each way → [B]: how far combs stand out, squared, over their periods.

    The mean logarithm of the power at each period, less that beside it: of the two directions the one with more, so
    that the edges of houses and frames cost nothing. A photo has about 0.005, a visible comb 0.1 and more.
    """
    window = torch.hann_window(WINDOW_PX, periodic=False, device=picture.device, dtype=picture.dtype)
    weight = window[:, None] * window
    parts = picture.unfold(2, WINDOW_PX, WINDOW_PX // 2).unfold(3, WINDOW_PX, WINDOW_PX // 2)
    centred = (parts - parts.mean((-2, -1), keepdim=True)) * weight
    power = torch.fft.fft2(centred).abs().square() / weight.square().sum()
    level = (power + UNSEEN).log().mean((2, 3))
    beside = torch.maximum(_beside(level, -2), _beside(level, -1))
    places = torch.tensor(PERIODS_AT, device=picture.device)
    excess: Tensor = (level - beside)[..., places, :][..., places].flatten(-2)[..., 1:]
    return excess.relu().square().flatten(1).mean(1)


def _beside(level: Tensor, axis: int) -> Tensor:
    """The mean of what stands a little lower and higher in frequency."""
    return torch.stack([torch.roll(level, by, axis) for by in BESIDE]).mean(0)
