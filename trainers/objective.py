"""What a painted picture is judged by, for nets and for single pictures: content and style over several octaves."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.losses import content_loss, detail_map
from trainers.perceptual import PerceptualNet
from trainers.style_targets import StyleTargets, halved, octave_layers

# An octave needs room for the deepest layer's neighbourhoods.
LEAST_OCTAVE_PX = 48


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
        for octave, (picture, photo) in enumerate(self._octaves(painted, content)):
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

    def _octaves(self, painted: Tensor, content: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Both pictures, each time halved; at least once, and as long as an octave has room."""
        for octave in range(self.octaves):
            if octave:
                painted, content = halved(painted), halved(content)
                if min(painted.shape[-2:]) < LEAST_OCTAVE_PX:
                    return
            yield painted, content
