"""Judges of painted pictures: what they took from the painting, and what they kept of the photo.

Brush distance is explained in trainers.figures.brush_distance, and patch distance, which sees what that hardly does,
blur and fringes of colour, in trainers.losses.patches. Kept content is the content loss in one deep layer of
the whole picture, weighed by the detail of the photo (`detail_map`): flat ground is free to become paint, while
faces, edges and letters cost their full price. All are better the smaller they are. Plain content and Gram are the
figures of the papers (Johnson et al. 2016, equations 2 and 4, relative to the target); they count every change of flat
ground as content lost. Weave tells on flat ground what the distances of distributions do not: whether strokes run on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.errors import BadValue
from trainers.figures.brush_distance import (
    DIRECTIONS,
    OCTAVES,
    PLACES,
    SortedOctave,
    brush_distance,
    octave_features,
    sort_painting,
)
from trainers.losses.patches import PatchTargets, patch_targets
from trainers.losses.perceptual import BUNDLED, PerceptualNet, load_perceptual, torch_device
from trainers.losses.terms import content_loss, detail_map, gram_matrix, style_loss, weave_loss
from trainers.settings.options import ALL_STYLE_LAYERS

DETAIL_FLOOR = 0.1
GRAM_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class BrushFigures:
    """The figures of one painted picture by one loss network."""

    brush_distance: float
    kept_content: float
    plain_content: float
    gram: float


@dataclass(frozen=True, slots=True)
class PixelFigures:
    """Those that ask no loss network, and so are the same whoever judges."""

    patch_distance: float
    weave: float


@dataclass(frozen=True, slots=True)
class JudgedPainting:
    """What the strokes are compared with: sorted features by octave, and Gram matrices [1, C, C]."""

    octaves: Sequence[SortedOctave]
    grams: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class JudgedPhoto:
    """What is to be kept: features [1, C, h, w] in the content layer, and where they count, [1, 1, H, W]."""

    features: Tensor
    detail: Tensor


class Judge:
    """Measures pictures by the features of one loss network, in those of the nine layers that it has."""

    def __init__(self, perceptual: PerceptualNet) -> None:
        self.perceptual = perceptual
        self.layers = tuple(layer for layer in ALL_STYLE_LAYERS if layer in perceptual.names)
        if not self.layers:
            raise BadValue(f"{perceptual.name} has none of the layers {', '.join(ALL_STYLE_LAYERS)}; judge by a VGG")
        self.content_layer = self.layers[-1]
        self.gram_layers = tuple(layer for layer in GRAM_LAYERS if layer in self.layers)

    @property
    def device(self) -> torch.device:
        return next(self.perceptual.parameters()).device

    def painting(self, picture: Pixels) -> JudgedPainting:
        """What a painting asks for, uint8 [H, W, 3] at its own size."""
        octaves = octave_features(self.perceptual, _tensor(picture, self.device), self.layers)
        grams = {layer: gram_matrix(octaves[0][layer]) for layer in self.gram_layers}
        return JudgedPainting(sort_painting(octaves), grams)

    @torch.no_grad()
    def photo(self, picture: Pixels) -> JudgedPhoto:
        """What a photo has to keep, uint8 [H, W, 3]."""
        photo = _tensor(picture, self.device)
        found = self.perceptual.features(photo, [self.content_layer])
        return JudgedPhoto(found[self.content_layer], detail_map(photo, DETAIL_FLOOR))

    @torch.no_grad()
    def figures(self, painted: Pixels, photo: JudgedPhoto, painting: JudgedPainting) -> BrushFigures:
        """The figures of a painted picture, uint8 [H, W, 3], as large as its photo."""
        picture = _tensor(painted, self.device)
        octaves = octave_features(self.perceptual, picture, self.layers, beside=[self.content_layer])
        features = octaves[0][self.content_layer]
        grams = [style_loss(octaves[0][layer], gram) for layer, gram in painting.grams.items()]
        return BrushFigures(
            brush_distance=brush_distance(octaves, painting.octaves),
            kept_content=float(content_loss(features, photo.features, photo.detail)),
            plain_content=float(content_loss(features, photo.features)),
            gram=float(torch.stack(grams).mean()),
        )


def patches_of(painting: Pixels) -> PatchTargets:
    """What a painting, uint8 [H, W, 3] at its own size, asks of patches; on the GPU where torch has one."""
    picture = _tensor(painting, torch_device())
    return patch_targets(
        [picture], OCTAVES, samples=PLACES, slices=DIRECTIONS, generator=torch.Generator(), directions=DIRECTIONS
    )


@torch.no_grad()
def pixel_figures(painted: Pixels, photo: JudgedPhoto, patches: PatchTargets) -> PixelFigures:
    """The figures of a painted picture, uint8 [H, W, 3], as large as its photo, which any judge has seen."""
    picture = _tensor(painted, photo.detail.device)
    only = torch.zeros(1, dtype=torch.long, device=picture.device)  # the number of the painting among one
    return PixelFigures(
        patch_distance=float(patches.loss(picture, only, torch.Generator())),
        weave=float(weave_loss(picture, photo.detail)),
    )


def load_judge(network: str = BUNDLED) -> Judge:
    """The judge by a loss network or by the file of one; on the GPU where torch has one."""
    return Judge(load_perceptual(network).to(torch_device()))


def _tensor(picture: Pixels, device: torch.device) -> Tensor:
    """[1, 3, H, W], 0..1."""
    tensor = torch.from_numpy(np.array(picture)).to(device)  # a copy: a picture may be read-only
    return tensor.permute(2, 0, 1)[None].float() / 255
