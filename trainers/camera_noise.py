"""What a camera adds to a scene, anew in every frame: a net that has met it in training paints it no more.

Photons come by chance, so the variance of a pixel grows with its light, and reading it adds a constant (Foi et al.
2008, Practical Poissonian-Gaussian noise modeling, equation 1). Denoising and compression leave blotches of some pixels
of that, and whole rows may be read a little too bright.
"""

import torch
from torch import Tensor
from torch.nn import functional

BLOTCH_PX = (2, 4)
MOST_BLOTCHES = 0.8  # share of the noise that came through a codec
MOST_BANDING = 0.25  # deviation of a row, relative to that of a pixel
MEAN_LIGHT = 0.45  # of photos: at this light the deviation is the one that was drawn
LEAST_LIGHT = 0.02


def sensor_noise(pictures: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Noise for pictures [B, 3, H, W], RGB 0..1, of deviation 0 to `most` from sample to sample; of their shape.

    How much of it is photons, blotches and banding differs from sample to sample too.
    """
    strength, photons, blotches, banding = torch.rand(4, len(pictures), 1, 1, 1, generator=generator)
    light = pictures.detach().mean(1, keepdim=True).clamp(LEAST_LIGHT, 1) / MEAN_LIGHT
    strength, photons = strength.to(pictures), photons.to(pictures)
    deviation = most * strength * ((1 - photons) + photons * light).sqrt()
    coarse = MOST_BLOTCHES * blotches
    noise = (1 - coarse.square()).sqrt() * torch.randn(pictures.shape, generator=generator)
    noise = noise + coarse * _blotches(pictures.shape, generator)
    rows = torch.randn(*pictures.shape[:1], 1, pictures.shape[2], 1, generator=generator)
    noisy: Tensor = deviation * (noise + MOST_BANDING * banding * rows).to(pictures)
    return noisy


def _blotches(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Normal numbers on a coarse lattice, interpolated; of deviation 1."""
    height, width = shape[-2:]
    cell = BLOTCH_PX[int(torch.randint(len(BLOTCH_PX), (), generator=generator))]
    lattice = torch.randn(*shape[:2], height // cell + 2, width // cell + 2, generator=generator)
    whole = functional.interpolate(lattice, scale_factor=cell, mode="bilinear")[..., :height, :width]
    return whole / whole.std().clamp_min(1e-6)
