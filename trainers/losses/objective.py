"""What a painted picture is judged by, for nets and for single pictures: content and style, in every octave.

What the paintings ask of its features are Gram matrices or whole distributions. An octave is the picture and the
painting halved once more. A net has no coarse to fine as an optimiser has; the same losses again on smaller pictures
make its strokes long and connected.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from engines.errors import BadValue
from trainers.losses.perceptual import PerceptualNet
from trainers.losses.terms import (
    content_loss,
    detail_map,
    gram_distance,
    gram_matrix,
    masked_gram,
    paper_gram_distance,
    style_loss,
)
from trainers.losses.wasserstein import SlicedTarget, random_places, sliced_target
from trainers.settings.options import LOSSES

# From the third octave on, the first stage's features are colours of areas, which the deeper layers tell too.
FINE_OCTAVES = 2
FINE_STAGE = "relu1_"
# An octave needs room for the deepest layer's neighbourhoods.
LEAST_OCTAVE_PX = 48
Features = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Region:
    """Where in a tile a style is looked for: `weight` [1, 1, h, w], None for everywhere alike; `part` of the whole."""

    weight: Tensor | None = None
    part: float = 1.0

    def at(self, features: Tensor) -> Tensor | None:
        """The weight at the features' places."""
        if self.weight is None:
            return None
        return functional.interpolate(self.weight, size=features.shape[-2:], mode="area")


class StyleLoss(Protocol):
    """The style loss of one octave, for N paintings."""

    def loss(self, octave: int, features: Features, style_ids: Tensor, generator: torch.Generator) -> Tensor:
        """The features of B pictures and the numbers of their styles [B] → [B], the mean over the layers."""
        ...


class StyleTargets(StyleLoss, Protocol):
    """The same for a picture in tiles too: what each of them has to tell, and the distance of all of that together."""

    def told(self, octave: int, features: Features, region: Region, generator: torch.Generator) -> dict[str, Tensor]:
        """What the features of a tile, which no other tile has, tell of the region."""
        ...

    def distance(self, octave: int, told: Sequence[Features], style: int, generator: torch.Generator) -> Tensor:
        """What all tiles told → the loss against one painting, a scalar."""
        ...


@dataclass(frozen=True, slots=True)
class GramTargets:
    """Gram matrices [N, C, C] by layer, for each octave (Gatys; Johnson, equation 4)."""

    octaves: Sequence[Features]
    # With the paper's own factors, not relative to the painting.
    paper: bool = False

    def loss(self, octave: int, features: Features, style_ids: Tensor, generator: torch.Generator) -> Tensor:
        """Without chance: the generator is not asked."""
        grams = self.octaves[octave]
        return torch.stack([style_loss(features[layer], gram[style_ids]) for layer, gram in grams.items()]).mean(0)

    def told(self, octave: int, features: Features, region: Region, generator: torch.Generator) -> dict[str, Tensor]:
        """The tile's share of the picture's Gram matrices, which are means over places."""
        return {
            layer: region.part * masked_gram(features[layer], region.at(features[layer]))
            for layer in self.octaves[octave]
        }

    def distance(self, octave: int, told: Sequence[Features], style: int, generator: torch.Generator) -> Tensor:
        """Without chance."""
        distance = paper_gram_distance if self.paper else gram_distance
        parts = [
            distance(torch.stack([tile[layer] for tile in told]).sum(0), gram[[style]])
            for layer, gram in self.octaves[octave].items()
        ]
        return torch.stack(parts).mean()


@dataclass(frozen=True, slots=True)
class WassersteinTargets:
    """Sliced distributions by layer, for each octave, compared at `samples` places along `slices` directions."""

    octaves: Sequence[Mapping[str, SlicedTarget]]
    samples: int
    slices: int

    def loss(self, octave: int, features: Features, style_ids: Tensor, generator: torch.Generator) -> Tensor:
        """Unbiased in the directions: other ones in every step."""
        parts = [
            target.loss(features[layer], style_ids, self.samples, self.slices, generator)
            for layer, target in self.octaves[octave].items()
        ]
        return torch.stack(parts).mean(0)

    def told(self, octave: int, features: Features, region: Region, generator: torch.Generator) -> dict[str, Tensor]:
        """Features at as many places as are the tile's share of the picture's."""
        count = max(1, round(self.samples * region.part))
        return {
            layer: random_places(features[layer], count, generator, region.at(features[layer]))
            for layer in self.octaves[octave]
        }

    def distance(self, octave: int, told: Sequence[Features], style: int, generator: torch.Generator) -> Tensor:
        """Along other directions in every step."""
        style_ids = torch.tensor([style])
        parts = [
            target.distance(torch.cat([tile[layer] for tile in told], dim=2), style_ids, self.slices, generator)
            for layer, target in self.octaves[octave].items()
        ]
        return torch.stack(parts).mean()


@torch.no_grad()
def style_targets(
    loss: str,
    paintings: Sequence[Tensor],
    perceptual: PerceptualNet,
    layers: Sequence[str],
    octaves: int,
    *,
    samples: int,
    slices: int,
    seed: int = 0,
    paper: bool = False,
) -> StyleTargets:
    """The targets of paintings [1, 3, H, W], RGB 0..1. `loss` is one of LOSSES; its chance comes from `seed`.

    With `paper`, Gram matrices are compared by the paper's own formula.
    """
    if loss not in LOSSES:
        raise BadValue(f"loss is {loss!r}; choose one of {', '.join(LOSSES)}")
    generator = torch.Generator().manual_seed(seed)
    grams, sliced = [], []
    for octave, smaller in enumerate(_octaves_of_all(paintings, octaves)):
        found = [_features_of(painting, perceptual, layers, octave) for painting in smaller]
        by_layer = {layer: [features[layer] for features in found] for layer in octave_layers(layers, octave)}
        if loss == "gram":
            grams.append({layer: torch.cat([gram_matrix(f) for f in values]) for layer, values in by_layer.items()})
        else:
            sliced.append({layer: sliced_target(values, generator) for layer, values in by_layer.items()})
    return GramTargets(grams, paper) if loss == "gram" else WassersteinTargets(sliced, samples, slices)


def _features_of(painting: Tensor, perceptual: PerceptualNet, layers: Sequence[str], octave: int) -> Features:
    """BadValue where it was halved so often that a layer has fewer pixels than it looks at."""
    try:
        return perceptual.features(painting, octave_layers(layers, octave))
    except RuntimeError as error:
        height, width = painting.shape[-2:]
        if not octave or min(height, width) >= LEAST_OCTAVE_PX:
            raise
        raise BadValue(
            f"octave {octave + 1} compares paintings at {width}x{height} pixels, too few for the loss network; give "
            f"--octaves {octave} at most, or a larger --size"
        ) from error


def _octaves_of_all(paintings: Sequence[Tensor], octaves: int) -> Iterator[list[Tensor]]:
    current = list(paintings)
    for octave in range(octaves):
        yield current
        if octave + 1 < octaves:
            current = [halved(painting) for painting in current]


def octave_layers(layers: Sequence[str], octave: int) -> tuple[str, ...]:
    """The layers that are compared in an octave; all of them where nothing else would be left."""
    if octave < FINE_OCTAVES:
        return tuple(layers)
    return tuple(layer for layer in layers if not layer.startswith(FINE_STAGE)) or tuple(layers)


def octaves_of(picture: Tensor, most: int) -> Iterator[Tensor]:
    """The picture [B, C, H, W] and its halves: at least itself, at most so many, as long as an octave has room."""
    for octave in range(most):
        if octave:
            picture = halved(picture)
            if min(picture.shape[-2:]) < LEAST_OCTAVE_PX:
                return
        yield picture


def halved(picture: Tensor) -> Tensor:
    """[B, C, H, W] → [B, C, H // 2, W // 2], means of areas."""
    return functional.interpolate(picture, scale_factor=0.5, mode="area")


@dataclass(frozen=True, slots=True)
class Judged:
    """The content and style losses [B] of painted pictures, and the deepest content features that both were told by.

    Those are of the first octave, of the painted pictures and of their photos, [B, C, h, w].
    """

    content: Tensor
    style: Tensor
    painted_features: Tensor
    photo_features: Tensor


@dataclass(frozen=True, slots=True)
class Objective:
    """The content and style losses of painted pictures, summed over the octaves.

    Content counts where the photo has detail, and at least `detail_floor` of that elsewhere; a floor of 1 counts every
    place alike, as the papers do.
    """

    perceptual: PerceptualNet
    targets: StyleLoss
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    octaves: int
    detail_floor: float

    def judge(self, painted: Tensor, content: Tensor, style_ids: Tensor, generator: torch.Generator) -> Judged:
        """painted and content [B, 3, H, W], style_ids [B]."""
        contents, styles, deepest = list[Tensor](), list[Tensor](), list[tuple[Tensor, Tensor]]()
        pictures, photos = octaves_of(painted, self.octaves), octaves_of(content, self.octaves)
        for octave, (picture, photo) in enumerate(zip(pictures, photos, strict=True)):
            layers = octave_layers(self.style_layers, octave)
            features = self.perceptual.features(picture, {*layers, *self.content_layers})
            with torch.no_grad():
                kept = self.perceptual.features(photo, self.content_layers)
            contents.append(self._content(features, kept, photo))
            styles.append(self.targets.loss(octave, features, style_ids, generator))
            deepest.append((features[self.deepest_layer], kept[self.deepest_layer]))
        return Judged(torch.stack(contents).sum(0), torch.stack(styles).sum(0), *deepest[0])

    @property
    def deepest_layer(self) -> str:
        """The last of those that content is told by, which are named from the shallow to the deep."""
        return self.content_layers[-1]

    def _content(self, features: Features, kept: Features, photo: Tensor) -> Tensor:
        """[B]: the mean over the content layers."""
        with torch.no_grad():
            weight = detail_map(photo, self.detail_floor) if self.detail_floor < 1 else None
        return torch.stack([content_loss(features[layer], kept[layer], weight) for layer in kept]).mean(0)
