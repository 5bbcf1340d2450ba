"""Losses against their formulas in float64."""

import numpy as np
import torch

from trainers.losses import (
    content_loss,
    gram_matrix,
    mean_content_loss,
    mean_style_loss,
    style_grams,
    style_loss,
    total_variation,
)

RNG = np.random.default_rng(0)


def gram_by_hand(features: np.ndarray) -> np.ndarray:
    channels, height, width = features.shape
    gram = np.zeros((channels, channels))
    for a in range(channels):
        for b in range(channels):
            gram[a, b] = (features[a] * features[b]).sum() / (height * width)
    return gram


def test_gram_matrix() -> None:
    features = RNG.standard_normal((2, 3, 4, 5))
    found = gram_matrix(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(found, [gram_by_hand(f) for f in features], rtol=1e-12)


def test_style_loss_is_relative_to_the_target() -> None:
    features, target = RNG.standard_normal((1, 3, 4, 5)), gram_by_hand(RNG.standard_normal((3, 6, 2)))
    expected = ((gram_by_hand(features[0]) - target) ** 2).sum() / (target**2).sum()
    found = style_loss(torch.from_numpy(features), torch.from_numpy(target)[None])
    np.testing.assert_allclose(found.numpy(), [expected], rtol=1e-12)


def test_content_loss_is_relative_to_the_target() -> None:
    features, target = RNG.standard_normal((2, 2, 3, 4, 5))
    expected = ((features - target) ** 2).sum((1, 2, 3)) / (target**2).sum((1, 2, 3))
    found = content_loss(torch.from_numpy(features), torch.from_numpy(target))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_a_black_target_stays_finite() -> None:
    assert torch.isfinite(content_loss(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))).all()


def test_total_variation() -> None:
    picture = RNG.standard_normal((1, 3, 4, 5))
    down = ((picture[:, :, 1:] - picture[:, :, :-1]) ** 2).mean()
    right = ((picture[..., 1:] - picture[..., :-1]) ** 2).mean()
    np.testing.assert_allclose(total_variation(torch.from_numpy(picture)).numpy(), [down + right], rtol=1e-12)


def test_layers_are_averaged() -> None:
    features = {"a": torch.rand(2, 3, 4, 4), "b": torch.rand(2, 5, 2, 2)}
    other = {"a": torch.rand(2, 3, 4, 4), "b": torch.rand(2, 5, 2, 2)}
    grams = style_grams(other)
    style = (style_loss(features["a"], grams["a"]) + style_loss(features["b"], grams["b"])) / 2
    torch.testing.assert_close(mean_style_loss(features, grams), style)
    content = (content_loss(features["a"], other["a"]) + content_loss(features["b"], other["b"])) / 2
    torch.testing.assert_close(mean_content_loss(features, other), content)


def test_a_picture_is_its_own_style_and_content() -> None:
    features = {"a": torch.rand(1, 3, 4, 4)}
    assert mean_style_loss(features, style_grams(features)).item() < 1e-9
    assert mean_content_loss(features, features).item() == 0
