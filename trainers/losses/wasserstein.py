"""Sliced Wasserstein distance between feature distributions (Heitz et al. 2021, arXiv 2006.07229).

Gram matrices compare second moments alone; here every projection of the features on to a line has to be distributed
as the painting's is, lights and rare colours included. The painting is sorted once: a pool of random directions with
the quantiles of its projections is kept, and each step takes some of them.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

DIRECTIONS = 128
QUANTILES = 2048
# More places of a painting than this tell its quantiles no better.
PLACES_OF_A_PAINTING = 24_576


@dataclass(frozen=True, slots=True)
class SlicedTarget:
    """One layer of N paintings: directions [P, C] of length 1, quantiles [N, P, Q], mean squares [N]."""

    directions: Tensor
    quantiles: Tensor
    mean_square: Tensor

    def loss(
        self, features: Tensor, style_ids: Tensor, samples: int, slices: int, generator: torch.Generator
    ) -> Tensor:
        """features [B, C, H, W], style_ids [B] → [B]: the distance at random places along random directions.

        At most `samples` places are compared along `slices` of the directions; the generator is one of the CPU's.
        """
        return self.distance(random_places(features, samples, generator), style_ids, slices, generator)

    def distance(self, places: Tensor, style_ids: Tensor, slices: int, generator: torch.Generator) -> Tensor:
        """places [B, C, n], style_ids [B] → [B]: the distance along random directions."""
        chosen = torch.randperm(len(self.directions), generator=generator)[:slices].to(places.device)
        wanted = self.quantiles[style_ids[:, None], chosen]
        return sliced_wasserstein(self.directions[chosen] @ places, wanted) / self.mean_square[style_ids]

    def to(self, device: torch.device) -> "SlicedTarget":
        return SlicedTarget(*(part.to(device) for part in (self.directions, self.quantiles, self.mean_square)))


def random_directions(count: int, channels: int, generator: torch.Generator) -> Tensor:
    """[count, channels], each of length 1, evenly spread over the sphere."""
    drawn = torch.randn(count, channels, generator=generator)
    directions: Tensor = drawn / drawn.norm(dim=1, keepdim=True)
    return directions


def random_places(features: Tensor, samples: int, generator: torch.Generator, weight: Tensor | None = None) -> Tensor:
    """features [B, C, H, W] → [B, C, n]: those at `samples` places, or at all where there are no more.

    `weight` [1, 1, H, W] says how likely each place is taken; where it is 0, none is.
    """
    flat = features.flatten(2)
    if weight is None:
        if flat.shape[2] <= samples:
            return flat
        places = torch.randperm(flat.shape[2], generator=generator)[:samples]
    else:
        likely = weight.flatten().cpu()
        count = min(samples, int((likely > 0).sum()))
        places = torch.multinomial(likely, count, generator=generator) if count else torch.empty(0, dtype=torch.long)
    return flat[:, :, places.to(flat.device)]


def sliced_wasserstein(projections: Tensor, quantiles: Tensor) -> Tensor:
    """projections [B, K, n], in any order, quantiles [B, K, Q] ascending → [B]: mean squared distance once sorted.

    Where there are fewer values than quantiles, each is compared with the mean of those that it stands for, which is
    what the sorted values of a sample expect.
    """
    ordered = _ascending(projections)
    if ordered.shape[-1] != quantiles.shape[-1]:
        quantiles = functional.adaptive_avg_pool1d(quantiles, ordered.shape[-1])
    return (ordered - quantiles).square().mean((1, 2))


def _ascending(values: Tensor) -> Tensor:
    """Sorted along the last axis. On a CPU numpy's vectorised sorts take a half to a tenth of the time of torch's."""
    if values.device.type != "cpu":
        return values.sort(dim=-1).values
    if not values.requires_grad:
        return torch.from_numpy(np.sort(values.numpy(), axis=-1))
    return values.gather(-1, torch.from_numpy(np.argsort(values.detach().numpy(), axis=-1)))


def sliced_target(paintings: list[Tensor], generator: torch.Generator) -> SlicedTarget:
    """The target of one layer from its features of each painting, [1, C, h, w], which may differ in size."""
    directions = random_directions(DIRECTIONS, paintings[0].shape[1], generator).to(paintings[0])
    quantiles = torch.stack([_quantiles(directions, features, generator) for features in paintings])
    mean_square = torch.stack([features.square().mean() for features in paintings])
    return SlicedTarget(directions, quantiles, mean_square)


def _quantiles(directions: Tensor, features: Tensor, generator: torch.Generator) -> Tensor:
    """Those of the painting's features along the directions, [P, Q]."""
    flat = features[0].flatten(1)
    places = torch.randperm(flat.shape[1], generator=generator)[:PLACES_OF_A_PAINTING].to(flat.device)
    return quantiles_of(directions @ flat[:, places])


def quantiles_of(projections: Tensor) -> Tensor:
    """projections [P, n], in any order → their quantiles [P, Q], ascending."""
    ordered = _ascending(projections)
    if ordered.shape[1] < QUANTILES:
        return functional.interpolate(ordered[None], size=QUANTILES, mode="linear", align_corners=True)[0]
    return functional.adaptive_avg_pool1d(ordered, QUANTILES)
