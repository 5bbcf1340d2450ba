"""What a single picture is judged by while it is optimised: as trainers.losses.objective has it, large ones in tiles.

Each tile tells its content loss and what its features say of the styles; its activations are thrown away and computed
again when the gradient comes back to it (gradient checkpointing, arXiv 1604.06174). So memory is that of one tile,
while distributions and Gram matrices are those of the whole picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from engines.errors import BadValue
from trainers.losses.objective import Region, StyleTargets, halved, octave_layers, octaves_of
from trainers.losses.perceptual import PerceptualNet
from trainers.losses.terms import TINY, detail_map
from trainers.optimisation.tiles import Tile, receptive_fields, tiles
from trainers.settings.gatys_options import GatysOptions

# Pictures of up to so many pixels are computed at once.
WHOLE_PX = 1 << 20
# Detail is looked for at this size at most, and its map enlarged: it is smooth.
DETAIL_LONG_PX = 512
Parts = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class _Kept:
    """One content layer of one tile: the photo's features, their weight, and what makes the distance a loss."""

    features: Tensor
    weight: Tensor | None
    scale: float

    def distance(self, features: Tensor) -> Tensor:
        difference = (features - self.features.to(features)).square()
        return self.scale * (difference if self.weight is None else self.weight * difference).sum()


@dataclass(frozen=True, slots=True)
class _Judged:
    """A tile of an octave: what it keeps of the photo, and where each style is looked for in it."""

    tile: Tile
    contents: dict[str, _Kept]
    regions: tuple[Region, ...]


class PictureLoss:
    """The loss of one picture at one scale.

    photo [1, 3, H, W]; `places` holds for each style where it is to be, [1, 1, H, W] from 0 to 1, or None for
    everywhere; `weights` are the styles' own, of sum 1 where all of them are everywhere.
    """

    def __init__(
        self,
        photo: Tensor,
        perceptual: PerceptualNet,
        targets: StyleTargets,
        places: Sequence[Tensor | None],
        weights: Sequence[float],
        options: GatysOptions,
    ) -> None:
        self._perceptual = perceptual
        self._targets = targets
        self._options = options
        self._fields = receptive_fields(perceptual, {*options.content_layers, *options.style_layers})
        self._weights = [
            weight * (1.0 if place is None else float(place.mean()))
            for weight, place in zip(weights, places, strict=True)
        ]
        if not any(self._weights):
            raise BadValue("all masks are black, so that nothing would be painted; a style is where its mask is white")
        self._in_tiles = photo.shape[-2] * photo.shape[-1] > WHOLE_PX
        self._octaves = [
            self._judged(octave, smaller, at)
            for octave, (smaller, at) in enumerate(_octaves(photo, places, options.octaves))
        ]

    def __call__(self, painted: Tensor, chance: tuple[int, ...]) -> Parts:
        """painted [1, 3, H, W] → content, style, tv and range, scalars summed over the octaves.

        Equal numbers in `chance` mean equal choices of places and directions.
        """
        totals: dict[str, list[Tensor]] = {"content": [], "style": [], "tv": [], "range": []}
        for octave, judged in enumerate(self._octaves):
            painted = halved(painted) if octave else painted
            told: list[list[dict[str, Tensor]]] = []
            for number, place in enumerate(judged):
                parts, of_styles = self._tile(octave, place, painted, (*chance, octave, number))
                told.append(of_styles)
                for name, value in parts.items():
                    totals[name].append(value)
            totals["style"] += self._styles(octave, told, (*chance, octave))
        return {name: torch.stack(values).sum() for name, values in totals.items()}

    def _styles(self, octave: int, told: list[list[dict[str, Tensor]]], chance: tuple[int, ...]) -> list[Tensor]:
        """The loss of every style that is anywhere in the picture, weighed."""
        return [
            weight * self._targets.distance(octave, [tile[style] for tile in told], style, generator_of(*chance, style))
            for style, weight in enumerate(self._weights)
            if weight > 0
        ]

    def _tile(
        self, octave: int, judged: _Judged, painted: Tensor, chance: tuple[int, ...]
    ) -> tuple[Parts, list[dict[str, Tensor]]]:
        pixels, computed = painted.shape[-2] * painted.shape[-1], judged.tile.of(painted)

        def told(picture: Tensor) -> tuple[Parts, list[dict[str, Tensor]]]:
            return self._told(octave, judged, picture, pixels, generator_of(*chance))

        if not self._in_tiles or not torch.is_grad_enabled():
            return told(computed)
        answer: tuple[Parts, list[dict[str, Tensor]]] = checkpoint(
            told, computed, use_reentrant=False, preserve_rng_state=False
        )
        return answer

    def _told(
        self, octave: int, judged: _Judged, picture: Tensor, pixels: int, generator: torch.Generator
    ) -> tuple[Parts, list[dict[str, Tensor]]]:
        layers = octave_layers(self._options.style_layers, octave)
        features = self._own_features(judged.tile, picture, {*layers, *judged.contents})
        content = torch.stack([kept.distance(features[layer]) for layer, kept in judged.contents.items()])
        parts = {
            "content": content.sum(),
            "tv": _variation(judged.tile, picture) / (3 * pixels),
            "range": _outside(judged.tile.own(picture)) / (3 * pixels),
        }
        styles = [self._targets.told(octave, features, region, generator) for region in judged.regions]
        return parts, styles

    def _own_features(self, tile: Tile, picture: Tensor, wanted: set[str]) -> dict[str, Tensor]:
        found = self._perceptual.features(picture, wanted)
        return {layer: tile.own(features, self._fields[layer].stride) for layer, features in found.items()}

    @torch.no_grad()
    def _judged(self, octave: int, photo: Tensor, places: Sequence[Tensor | None]) -> list[_Judged]:
        """The tiles of one octave, with what stays the same in every step."""
        side = self._options.tile if self._in_tiles else max(photo.shape[-2:])
        cut = tiles(photo.shape[-2], photo.shape[-1], side, self._fields)
        weight = _detail(photo, self._options)
        contents = self._contents(cut, photo, weight)
        totals = [None if place is None else float(place.sum()) for place in places]
        return [
            _Judged(tile, kept, tuple(map(lambda place, total: _region(tile, photo, place, total), places, totals)))
            for tile, kept in zip(cut, contents, strict=True)
        ]

    def _contents(self, cut: Sequence[Tile], photo: Tensor, weight: Tensor | None) -> list[dict[str, _Kept]]:
        """For each tile the photo's features; in half precision where there are many."""
        wanted = set(self._options.content_layers)
        dtype = torch.float16 if self._in_tiles else photo.dtype
        found = [self._own_features(tile, tile.of(photo), wanted) for tile in cut]
        scales = {layer: self._content_scale([features[layer] for features in found]) for layer in wanted}
        return [
            {
                layer: _Kept(features[layer].to(dtype), _at(weight, tile, features[layer]), scales[layer])
                for layer in self._options.content_layers
            }
            for tile, features in zip(cut, found, strict=True)
        ]

    def _content_scale(self, features: Sequence[Tensor]) -> float:
        """½ (Gatys 2016, equation 1), or 1 over the photo's own square; a mean over the layers."""
        square = sum(float(part.square().sum()) for part in features)
        factor = 0.5 if self._options.paper_factors else 1 / max(square, TINY)
        return factor / len(self._options.content_layers)


def generator_of(*chance: int) -> torch.Generator:
    """A generator that these numbers alone decide."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(chance).generate_state(1)[0]))


def _octaves(
    photo: Tensor, places: Sequence[Tensor | None], octaves: int
) -> list[tuple[Tensor, Sequence[Tensor | None]]]:
    found: list[tuple[Tensor, Sequence[Tensor | None]]] = []
    for octave, smaller in enumerate(octaves_of(photo, octaves)):
        if octave:
            places = [None if place is None else halved(place) for place in places]
        found.append((smaller, places))
    return found


def _detail(photo: Tensor, options: GatysOptions) -> Tensor | None:
    """[1, 1, H, W], None where content counts alike everywhere."""
    if options.detail_floor >= 1:
        return None
    smaller = photo
    while max(smaller.shape[-2:]) > DETAIL_LONG_PX:
        smaller = halved(smaller)
    detail = detail_map(smaller, options.detail_floor, options.detail_local)
    return functional.interpolate(detail, size=photo.shape[-2:], mode="bilinear", align_corners=False)


def _at(weight: Tensor | None, tile: Tile, features: Tensor) -> Tensor | None:
    """The weight of the tile's own features."""
    if weight is None:
        return None
    return functional.interpolate(tile.own(tile.of(weight)), size=features.shape[-2:], mode="area")


def _region(tile: Tile, photo: Tensor, place: Tensor | None, total: float | None) -> Region:
    """Where in the tile a style is looked for, and how much of all its places that is."""
    if place is None or total is None:
        own = tile.own(tile.of(photo))
        return Region(None, own.shape[-2] * own.shape[-1] / (photo.shape[-2] * photo.shape[-1]))
    own = tile.own(tile.of(place)).contiguous()
    return Region(own, float(own.sum()) / max(total, TINY))


def _variation(tile: Tile, picture: Tensor) -> Tensor:
    """The summed squares of the differences with the neighbours below and to the right of the tile's own pixels."""
    rows, columns = tile.rows.own(), tile.columns.own()
    own = picture[..., rows, columns]
    below = picture[..., 1:, :][..., rows, columns]
    right = picture[..., 1:][..., rows, columns]
    down, across = own[..., : below.shape[-2], :] - below, own[..., : right.shape[-1]] - right
    return down.square().sum() + across.square().sum()


def _outside(picture: Tensor) -> Tensor:
    return (picture - picture.clamp(0, 1)).square().sum()
