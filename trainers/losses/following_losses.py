"""What a net is judged by that is shown what to paint of a picture: another net's work, or a painter's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engines.networks.transform.net import TransformNet
from trainers.losses.perceptual import PerceptualNet
from trainers.losses.step import Step, StepLosses
from trainers.losses.terms import content_loss, grid_loss
from trainers.run.loop import Losses
from trainers.settings.distil_options import FEATURE_LAYERS, FEATURE_WEIGHT, PIXEL_WEIGHT


class FollowingWeights(Protocol):
    """What is asked of a recipe's settings; see `DistilOptions`."""

    @property
    def sensor_noise(self) -> float: ...
    @property
    def pixel_weight(self) -> float: ...
    @property
    def feature_weight(self) -> float: ...
    @property
    def feature_layers(self) -> tuple[str, ...]: ...
    @property
    def range_weight(self) -> float: ...
    @property
    def grid_weight(self) -> float: ...
    @property
    def stability_weight(self) -> float: ...


def following_losses(
    step: Step, wanted: Tensor, *, options: FollowingWeights, perceptual: PerceptualNet
) -> tuple[Losses, Tensor]:
    """What is wanted of the pictures [B, 3, H, W] → the losses as `StepLosses` has them, and what was painted.

    Distances in pixels (L1) and in features (Johnson 2016, equation 2, relative). The net sees a sensor's noise, and is
    to paint what is wanted without.
    """
    seen = step.painted(options.sensor_noise)
    first = seen.first
    pixels = (first - wanted).abs().flatten(1).mean(1)
    losses = {
        "pixels": pixels.mean(),
        "features": _features(first, wanted, options.feature_layers, perceptual),
        "range": (first - first.clamp(0, 1)).square().mean(),
        "grid": grid_loss(first).mean(),
    }
    total = options.pixel_weight * losses["pixels"] + options.feature_weight * losses["features"]
    total = total + options.range_weight * losses["range"] + options.grid_weight * losses["grid"]
    if seen.second is not None:
        losses["stability"] = seen.second.instability(first, seen.painted[seen.samples :]).mean()
        total = total + options.stability_weight * losses["stability"]
    return {**losses, "styles": pixels.detach(), "total": total}, first


@dataclass(frozen=True, slots=True)
class BeginnersWeights:
    """Those of the recipe that follows to the end, for a net that only begins so; the others are the run's own."""

    sensor_noise: float
    range_weight: float
    grid_weight: float
    stability_weight: float
    pixel_weight: float = PIXEL_WEIGHT
    feature_weight: float = FEATURE_WEIGHT
    feature_layers: tuple[str, ...] = FEATURE_LAYERS


@dataclass(frozen=True, slots=True)
class FollowedFirst:
    """The losses of a net that first paints as another of the same styles does, and then is judged by `judged`.

    Both grow their strokes from the same seed texture, so what the teacher paints can be learnt to the pixel, in a
    fraction of the steps in which a net finds strokes by itself.
    """

    teacher: TransformNet
    perceptual: PerceptualNet
    weights: BeginnersWeights
    until: float
    judged: StepLosses

    def __call__(self, step: Step) -> Losses:
        """As `StepLosses` has it."""
        if step.done >= self.until:
            return self.judged(step)
        with torch.no_grad():
            wanted = self.teacher(step.pictures, self.teacher.styles[step.style_ids], step.texture).clamp(0, 1)
        losses, _ = following_losses(step, wanted, options=self.weights, perceptual=self.perceptual)
        return losses


def _features(painted: Tensor, wanted: Tensor, layers: Sequence[str], perceptual: PerceptualNet) -> Tensor:
    ours = perceptual.features(painted, layers)
    with torch.no_grad():
        theirs = perceptual.features(wanted, layers)
    return torch.stack([content_loss(ours[layer], theirs[layer]).mean() for layer in layers]).mean()
