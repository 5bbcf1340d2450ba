"""What a painted picture is judged by, for nets and for single pictures: content and style over several octaves."""

from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.losses import content_loss, detail_map
from trainers.perceptual import PerceptualNet
from trainers.style_targets import StyleTargets, octave_layers, octaves_of


@dataclass(frozen=True, slots=True)
class Objective:
    """The content and style losses of painted pictures, summed over the octaves.

    Content counts where the photo has detail, and at least `detail_floor` of that elsewhere; a floor of 1 counts every
    place alike, as the papers do.
    """

    perceptual: PerceptualNet
    targets: StyleTargets
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    octaves: int
    detail_floor: float

    def losses(
        self, painted: Tensor, content: Tensor, style_ids: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """painted and content [B, 3, H, W], style_ids [B] → (content [B], style [B])."""
        contents, styles = [], []
        pictures, photos = octaves_of(painted, self.octaves), octaves_of(content, self.octaves)
        for octave, (picture, photo) in enumerate(zip(pictures, photos, strict=True)):
            layers = octave_layers(self.style_layers, octave)
            features = self.perceptual.features(picture, {*layers, *self.content_layers})
            contents.append(self._content(features, photo))
            styles.append(self.targets.loss(octave, features, style_ids, generator))
        return torch.stack(contents).sum(0), torch.stack(styles).sum(0)

    def _content(self, features: dict[str, Tensor], photo: Tensor) -> Tensor:
        """[B]: the mean over the content layers."""
        with torch.no_grad():
            kept = self.perceptual.features(photo, self.content_layers)
            weight = detail_map(photo, self.detail_floor) if self.detail_floor < 1 else None
        return torch.stack([content_loss(features[layer], kept[layer], weight) for layer in kept]).mean(0)
