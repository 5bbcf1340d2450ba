"""How small patches of pixels are distributed in a painting: what keeps strokes crisp, and free of fringes.

Features of a loss network hardly tell colours that lie beside each other within two or three pixels, and nets that were
judged by them alone gave their strokes rims of pink and green that no painting has. Here whole patches are compared, by
the sliced Wasserstein distance (Elnekave and Weiss 2022, Generating Natural Images with Direct Patch Distributions
Matching, arXiv 2203.11862), of which a random direction is a filter. Patches are whitened by the painting's own
covariance: what hardly varies in it, as colour from pixel to pixel, counts as much as light and dark, which vary most.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from trainers.losses.objective import octaves_of
from trainers.losses.wasserstein import (
    PLACES_OF_A_PAINTING,
    quantiles_of,
    random_directions,
    random_places,
    sliced_wasserstein,
)

SIDE_PX = 5
# What varies less than this in a painting, in 0..1, is the rounding and compression of its picture.
LEAST_DEVIATION = 2 / 255
# A tint of whole patches so faint is not seen; in a painting without colours it would outweigh all else by far.
LEAST_TINT = 4 / 255


@dataclass(frozen=True, slots=True)
class PatchOctave:
    """Of N paintings, along P directions: filters [N, P, 3, S, S], their means [N, P] and quantiles [N, P, Q]."""

    filters: Tensor
    means: Tensor
    quantiles: Tensor

    def loss(self, picture: Tensor, style_ids: Tensor, samples: int, slices: int, generator: torch.Generator) -> Tensor:
        """picture [B, 3, H, W], style_ids [B] → [B]: the distance at random places along random directions."""
        chosen = torch.randperm(self.filters.shape[1], generator=generator)[:slices].to(picture.device)
        told = self.filters, self.means, self.quantiles
        filters, means, wanted = (each[style_ids[:, None], chosen] for each in told)
        # One group a picture, for each has the filters of its own style.
        found = functional.conv2d(picture.flatten(0, 1)[None], filters.flatten(0, 1), groups=len(picture))
        found = found.view(*means.shape, *found.shape[2:]) - means[..., None, None]
        return sliced_wasserstein(random_places(found, samples, generator), wanted)


@dataclass(frozen=True, slots=True)
class PatchTargets:
    """What paintings ask of patches in every octave, compared at `samples` places along `slices` directions."""

    octaves: Sequence[PatchOctave]
    samples: int
    slices: int

    def loss(self, picture: Tensor, style_ids: Tensor, generator: torch.Generator) -> Tensor:
        """picture [B, 3, H, W], RGB 0..1, style_ids [B] → [B], the mean over the octaves; 0 is a painting itself."""
        pairs = zip(self.octaves, octaves_of(picture, len(self.octaves)), strict=False)
        parts = [octave.loss(smaller, style_ids, self.samples, self.slices, generator) for octave, smaller in pairs]
        return torch.stack(parts).mean(0)


@torch.no_grad()
def patch_targets(
    paintings: Sequence[Tensor],
    octaves: int,
    *,
    samples: int,
    slices: int,
    generator: torch.Generator,
    directions: int,
) -> PatchTargets:
    """The targets of paintings [1, 3, H, W], RGB 0..1, which may differ in size, along so many random directions."""
    by_octave = zip(*(octaves_of(painting, octaves) for painting in paintings), strict=False)
    return PatchTargets([_octave(smaller, directions, generator) for smaller in by_octave], samples, slices)


def _octave(paintings: Sequence[Tensor], directions: int, generator: torch.Generator) -> PatchOctave:
    drawn = random_directions(directions, 3 * SIDE_PX**2, generator).to(paintings[0])
    filters, means, quantiles = [], [], []
    for painting in paintings:
        patches = _random_patches(painting, PLACES_OF_A_PAINTING, generator)
        mean = patches.mean(1, keepdim=True)
        along = drawn @ _whitening(patches - mean)
        filters.append(along.view(-1, 3, SIDE_PX, SIDE_PX))
        means.append((along @ mean)[:, 0])
        quantiles.append(quantiles_of(along @ (patches - mean)))
    return PatchOctave(torch.stack(filters), torch.stack(means), torch.stack(quantiles))


def _random_patches(painting: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """painting [1, 3, H, W] → [3·S·S, n], in the order of filters; all patches together would be 25 times as large."""
    windows = painting[0].unfold(1, SIDE_PX, 1).unfold(2, SIDE_PX, 1)
    rows, columns = windows.shape[1:3]
    numbers = torch.arange(rows * columns, device=painting.device).view(1, 1, rows, columns)
    places = random_places(numbers, most, generator)[0, 0]
    return windows[:, places // columns, places % columns].permute(0, 2, 3, 1).flatten(0, 2)


def _whitening(patches: Tensor) -> Tensor:
    """patches [D, n] of mean 0 → [D, D], which brings them to deviation 1 along all axes that vary enough."""
    tints = torch.kron(torch.eye(3), torch.ones(SIDE_PX**2, SIDE_PX**2)).to(patches)
    variances, axes = torch.linalg.eigh(patches @ patches.T / patches.shape[1] + LEAST_TINT**2 * tints)
    whitening: Tensor = (axes / (variances.clamp_min(0) + LEAST_DEVIATION**2).sqrt()).T
    return whitening
