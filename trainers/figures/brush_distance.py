"""Brush distance: how far a picture's strokes and colours are from a painting's.

The sliced Wasserstein distance (Heitz et al. 2021, arXiv 2006.07229) between the features of both,

    SW_l(F, S) = mean over directions d, mean over places i of (a_i − q_i)² / mean(S²),

where a are the sorted projections d·F at 4096 random places and q those of the painting S, stretched to as many. Its
mean is taken over the layers and over three octaves, the picture and the painting halved each time.

This is a yardstick, apart from the loss that nets are trained on: every direction of a fixed pool counts, and chance is
NumPy's, so that the same picture has the same figure on every machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.losses.objective import octave_layers, octaves_of
from trainers.losses.perceptual import PerceptualNet

OCTAVES = 3
# Measured: one picture's figure differs by 2 % (σ) between draws, by the places; 128 directions bring no less.
DIRECTIONS = 64
PLACES = 4096
QUANTILES = 4096
PLACES_OF_A_PAINTING = 60_000

Values = NDArray[np.float32]
Features = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class SortedLayer:
    """A painting's features in one layer: directions [K, C], its sorted projections [K, QUANTILES], its mean square."""

    directions: Values
    quantiles: Values
    mean_square: float

    def distance(self, features: Values, rng: np.random.Generator) -> float:
        """features [C, n] of a picture → SW_l; the places that are compared come from `rng`."""
        ordered = sorted_projections(self.directions, at_random_places(features, PLACES, rng))
        wanted = stretched(self.quantiles, ordered.shape[1])
        return float(np.mean(np.square(ordered - wanted), dtype=np.float64)) / self.mean_square


SortedOctave = Mapping[str, SortedLayer]


def sort_painting(octaves: Sequence[Features]) -> list[SortedOctave]:
    """The features of a painting by octave and layer, sorted once for all pictures."""
    return [
        {
            name: _sorted_layer(_flat(found), _chance(octave, layer))
            for layer, (name, found) in enumerate(layers.items())
        }
        for octave, layers in enumerate(octaves)
    ]


def brush_distance(octaves: Sequence[Features], painting: Sequence[SortedOctave]) -> float:
    """The mean of SW over the layers and over the octaves that both the picture and the painting have."""
    means = []
    for octave, (features, layers) in enumerate(zip(octaves, painting, strict=False)):
        chances = {name: _chance(octave, layer, 1) for layer, name in enumerate(layers)}
        found = [sorted_.distance(_flat(features[name]), chances[name]) for name, sorted_ in layers.items()]
        means.append(float(np.mean(found)))
    return float(np.mean(means))


@torch.no_grad()
def octave_features(
    perceptual: PerceptualNet, picture: Tensor, layers: Sequence[str], *, beside: Sequence[str] = ()
) -> list[dict[str, Tensor]]:
    """picture [1, 3, H, W], RGB 0..1 → the layers of each octave; of the first one also those in `beside`."""
    return [
        perceptual.features(smaller, {*octave_layers(layers, octave), *(() if octave else beside)})
        for octave, smaller in enumerate(octaves_of(picture, OCTAVES))
    ]


def sorted_projections(directions: Values, features: Values) -> Values:
    """directions [K, C], features [C, n] → [K, n], each row ascending."""
    return np.sort(directions @ features, axis=1)


def at_random_places(features: Values, most: int, rng: np.random.Generator) -> Values:
    """features [C, n] → [C, min(n, most)]."""
    if features.shape[1] <= most:
        return features
    return np.ascontiguousarray(features[:, rng.permutation(features.shape[1])[:most]])


def stretched(ordered: Values, length: int) -> Values:
    """[K, m], ascending → [K, length], linear between neighbours, first and last kept."""
    count = ordered.shape[1]
    if count == length:
        return ordered
    places = np.linspace(0, count - 1, length)
    left = np.minimum(places.astype(np.int64), max(count - 2, 0))
    right = np.minimum(left + 1, count - 1)
    share = (places - left).astype(np.float32)
    between: Values = ordered[:, left] + share * (ordered[:, right] - ordered[:, left])
    return between


def random_directions(count: int, channels: int, rng: np.random.Generator) -> Values:
    """[count, channels], each of length 1, evenly spread over the sphere."""
    directions = rng.standard_normal((count, channels))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions.astype(np.float32)


def _sorted_layer(features: Values, rng: np.random.Generator) -> SortedLayer:
    directions = random_directions(DIRECTIONS, features.shape[0], rng)
    ordered = sorted_projections(directions, at_random_places(features, PLACES_OF_A_PAINTING, rng))
    return SortedLayer(directions, stretched(ordered, QUANTILES), float(np.mean(np.square(features, dtype=np.float64))))


def _flat(features: Tensor) -> Values:
    """[1, C, h, w] → [C, h·w]."""
    flat: Values = features[0].flatten(1).float().cpu().numpy()
    return flat


def _chance(*place: int) -> np.random.Generator:
    """Its own draw for each octave and layer, and always the same."""
    return np.random.default_rng(place)
