"""Losses against their formulas in float64."""

import numpy as np
import pytest
import torch

from trainers.losses.terms import (
    content_loss,
    detail_map,
    gram_matrix,
    grid_loss,
    structure_loss,
    style_loss,
    tone_loss,
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


def test_grid_loss_is_the_variance_between_the_places_of_the_grid() -> None:
    picture = RNG.standard_normal((1, 2, 24, 24))
    means = np.array([picture[0, :, row::4, column::4].mean((1, 2)) for row in range(4) for column in range(4)])
    np.testing.assert_allclose(grid_loss(torch.from_numpy(picture)).numpy(), [means.var(0).mean()], rtol=1e-12)
    dots = np.zeros((1, 1, 96, 96))
    dots[..., ::2, ::2] = 1
    np.testing.assert_allclose(grid_loss(torch.from_numpy(dots)).numpy(), [0.25 * 0.75], rtol=1e-12)


def test_strokes_cost_no_grid() -> None:
    """A slanted wave has as much texture as dots have, at all places alike."""
    ys, xs = np.mgrid[0:96, 0:96]
    wave = np.sin(0.7 * xs + 0.45 * ys)[None, None]
    assert grid_loss(torch.from_numpy(wave)).item() < 1e-3


def test_tone_loss_leaves_brightness_and_contrast_to_the_style() -> None:
    content = RNG.random((1, 3, 32, 40))
    loss = tone_loss(torch.from_numpy(content * 0.999 + 0.3), torch.from_numpy(content))
    assert loss.item() < 1e-4
    luma = (content * np.array([0.299, 0.587, 0.114])[:, None, None]).sum(1)[0]
    coarse = luma.reshape(4, 8, 5, 8).mean((1, 3))
    tone = (coarse - coarse.mean()) / (coarse.std() + 0.05)
    inverse = (coarse.mean() - coarse) / (coarse.std() + 0.05)
    found = tone_loss(torch.from_numpy(1 - content), torch.from_numpy(content))
    np.testing.assert_allclose(found.numpy(), [((inverse - tone) ** 2).mean()], rtol=1e-9)


def box(values: np.ndarray, window: int) -> np.ndarray:
    padded = np.pad(values, window // 2, mode="reflect")
    rows, columns = values.shape
    return np.array([[padded[y : y + window, x : x + window].mean() for x in range(columns)] for y in range(rows)])


def detail_by_hand(picture: np.ndarray, floor: float) -> np.ndarray:
    luma = box((picture * np.array([0.299, 0.587, 0.114])[:, None, None]).sum(0), 3)
    down, right = np.zeros_like(luma), np.zeros_like(luma)
    down[:-1], right[:, :-1] = np.diff(luma, axis=0), np.diff(luma, axis=1)
    gradient = box(box(np.hypot(down, right), 5), 5)
    relative: np.ndarray = np.clip(gradient / np.quantile(gradient, 0.9), 0, 1)
    return floor + (1 - floor) * relative


def test_the_detail_map_is_the_smoothed_gradient_of_the_luma() -> None:
    pictures = RNG.random((2, 3, 72, 96))  # windows of 96 / 24 pixels, made odd
    found = detail_map(torch.from_numpy(pictures), 0.1).numpy()
    np.testing.assert_allclose(found[:, 0], [detail_by_hand(picture, 0.1) for picture in pictures], rtol=1e-9)


def test_flat_ground_has_no_detail_and_an_even_picture_stays_finite() -> None:
    picture = torch.zeros(1, 3, 64, 64)
    picture[..., 24:40, 24:40] = 1
    weight = detail_map(picture, 0.1)[0, 0]
    assert weight[32, 24] == 1
    assert weight[5, 5] == weight.min() == pytest.approx(0.1)
    torch.testing.assert_close(detail_map(torch.ones(1, 3, 64, 64), 0.1), torch.full((1, 1, 64, 64), 0.1))


def test_content_counts_where_the_weight_says() -> None:
    features, target = RNG.standard_normal((2, 1, 3, 4, 6))
    weight = RNG.random((1, 1, 8, 12))
    at_features = weight.reshape(1, 1, 4, 2, 6, 2).mean((3, 5))
    expected = (at_features * (features - target) ** 2).sum() / (target**2).sum()
    found = content_loss(*map(torch.from_numpy, (features, target, weight)))
    np.testing.assert_allclose(found.numpy(), [expected], rtol=1e-12)
    whole = content_loss(torch.from_numpy(features), torch.from_numpy(target), torch.ones(1, 1, 8, 12))
    torch.testing.assert_close(whole, content_loss(torch.from_numpy(features), torch.from_numpy(target)))


def test_structure_is_the_correlation_of_lumas_where_the_content_varies() -> None:
    ours, theirs = RNG.random((2, 1, 3, 14, 17))
    a, b = ((picture[0] * np.array([0.299, 0.587, 0.114])[:, None, None]).sum(0) for picture in (ours, theirs))
    noise, half = (2 / 255) ** 2, (10 / 255) ** 2
    covariance = box(a * b, 9) - box(a, 9) * box(b, 9) + noise
    own, other = box(a * a, 9) - box(a, 9) ** 2, box(b * b, 9) - box(b, 9) ** 2
    weight = other / (other + half)
    lost = weight * (1 - covariance / np.sqrt((own + noise) * (other + noise)))
    found = structure_loss(torch.from_numpy(ours), torch.from_numpy(theirs))
    np.testing.assert_allclose(found.numpy(), [lost.sum() / weight.sum()], rtol=1e-7)


def test_structure_is_free_to_change_colour_and_contrast_but_not_its_sign() -> None:
    content = torch.from_numpy(RNG.random((1, 3, 32, 40)))
    assert structure_loss(content, content).item() == pytest.approx(0, abs=1e-9)
    assert structure_loss(content * 0.5 + torch.tensor([0.4, 0.0, 0.1]).view(1, 3, 1, 1), content).item() < 0.01
    assert structure_loss(1 - content, content).item() > 1.9
    flat = torch.full((1, 3, 32, 40), 0.5, dtype=torch.float64)
    assert structure_loss(content, flat).item() < 1e-6
