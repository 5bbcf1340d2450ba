"""Losses of style transfer: content, Gram style, total variation (Gatys 2016; Johnson 2016, arXiv 1603.08155)."""

from collections.abc import Mapping

import torch
from torch import Tensor

# Keeps a relative loss finite where the target is black.
TINY = 1e-12


def gram_matrix(features: Tensor) -> Tensor:
    """features [B, C, H, W] → [B, C, C]: the means of products of channels over all places (Johnson, equation 3).

    Johnson divides by C·H·W and we by H·W: the relative style loss below cancels the constant C.
    """
    batch, channels, height, width = features.shape
    flat = features.reshape(batch, channels, height * width)
    return flat @ flat.transpose(1, 2) / (height * width)


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """[B, C, H, W] twice → [B]: squared distance (Johnson, equation 2) relative to the target's own square.

    Being relative, one weight suits every loss network and layer.
    """
    return _relative_square(features, target)


def style_loss(features: Tensor, target_gram: Tensor) -> Tensor:
    """features [B, C, H, W], target_gram [B, C, C] → [B]: squared distance of Gram matrices, relative to the target.

    Johnson, equation 4, divided by the target's square, so that layers and styles weigh alike.
    """
    return _relative_square(gram_matrix(features), target_gram)


def total_variation(picture: Tensor) -> Tensor:
    """[B, C, H, W] → [B]: mean squared difference of neighbours, down and right (Johnson, section 3.2)."""
    down = (picture[:, :, 1:] - picture[:, :, :-1]).square().flatten(1).mean(1)
    right = (picture[..., 1:] - picture[..., :-1]).square().flatten(1).mean(1)
    return down + right


def style_grams(features: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The Gram matrix of every layer."""
    return {layer: gram_matrix(value) for layer, value in features.items()}


def mean_style_loss(features: Mapping[str, Tensor], grams: Mapping[str, Tensor]) -> Tensor:
    """[B]: the style loss, averaged over the layers that have a target."""
    return torch.stack([style_loss(features[layer], gram) for layer, gram in grams.items()]).mean(0)


def mean_content_loss(features: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
    """[B]: the content loss, averaged over the layers that have a target."""
    return torch.stack([content_loss(features[layer], target) for layer, target in targets.items()]).mean(0)


def _relative_square(value: Tensor, target: Tensor) -> Tensor:
    distance = (value - target).square().flatten(1).sum(1)
    return distance / target.square().flatten(1).sum(1).clamp_min(TINY)
