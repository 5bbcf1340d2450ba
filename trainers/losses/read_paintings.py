"""Style losses against the very paintings of a step, of which each is a style of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.losses.objective import Features, octave_layers, octaves_of
from trainers.losses.perceptual import PerceptualNet
from trainers.losses.vae_losses import distribution_distance


@dataclass(frozen=True, slots=True)
class ReadPaintings:
    """The style loss against the paintings of one step [B, 3, H, W], of which each is one style: a `StyleLoss`."""

    octaves: Sequence[Features]
    samples: int
    slices: int

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        paintings: Tensor,
        perceptual: PerceptualNet,
        layers: Sequence[str],
        octaves: int,
        samples: int,
        slices: int,
    ) -> "ReadPaintings":
        found = [
            perceptual.features(smaller, octave_layers(layers, octave))
            for octave, smaller in enumerate(octaves_of(paintings, octaves))
        ]
        return cls(found, samples, slices)

    def loss(self, octave: int, features: Features, style_ids: Tensor, generator: torch.Generator) -> Tensor:
        """As `StyleLoss` has it."""
        parts = [
            distribution_distance(features[layer], aim[style_ids], self.samples, self.slices, generator)
            for layer, aim in self.octaves[octave].items()
        ]
        return torch.stack(parts).mean(0)
