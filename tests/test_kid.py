"""The kernel distance against its formula, and that it ranks what is nearer as nearer."""

import numpy as np
import pytest

from trainers.figures.kid import kernel_distance, squared_mmd

CHANCE = np.random.default_rng(0)


def test_against_the_double_sum() -> None:
    ours, theirs = CHANCE.normal(size=(4, 3)), CHANCE.normal(size=(5, 3))

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 3 + 1) ** 3)

    own = sum(kernel(a, b) for i, a in enumerate(ours) for j, b in enumerate(ours) if i != j) / (4 * 3)
    other = sum(kernel(a, b) for i, a in enumerate(theirs) for j, b in enumerate(theirs) if i != j) / (5 * 4)
    across = sum(kernel(a, b) for a in ours for b in theirs) / (4 * 5)
    assert squared_mmd(ours, theirs) == pytest.approx(own + other - 2 * across)


def test_two_draws_of_one_distribution_are_no_distance_apart() -> None:
    """The estimate is unbiased: it lies around 0, on either side."""
    draws = [
        kernel_distance(rng.normal(size=(40, 8)), rng.normal(size=(40, 8))).mean
        for rng in map(np.random.default_rng, range(30))
    ]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / np.sqrt(len(draws))
    assert min(draws) < 0 < max(draws)


def test_what_is_nearer_is_nearer() -> None:
    theirs = CHANCE.normal(size=(60, 8))
    near, far = (kernel_distance(CHANCE.normal(loc=by, size=(60, 8)), theirs) for by in (0.3, 1.0))
    assert 0 < near.mean < far.mean
    assert near.error > 0


def test_the_error_is_how_far_other_draws_of_as_many_pictures_lie() -> None:
    found = [
        kernel_distance(rng.normal(0.5, 1, (40, 8)), rng.normal(size=(40, 8)))
        for rng in map(np.random.default_rng, range(60))
    ]
    apart = np.std([distance.mean for distance in found], ddof=1)
    assert 0.6 * apart < np.mean([distance.error for distance in found]) < 1.6 * apart


def test_the_scale_of_a_feature_does_not_matter() -> None:
    ours, theirs = CHANCE.normal(1, 1, (30, 6)), CHANCE.normal(size=(30, 6))
    stretch, shift = np.array([1, 10, 100, 1e3, 1, 1]), np.array([0, 50, 0, -3, 0, 1e3])
    moved = kernel_distance(ours * stretch + shift, theirs * stretch + shift)
    assert moved.mean == pytest.approx(kernel_distance(ours, theirs).mean, rel=1e-6)


def test_equal_pictures_have_a_distance_too() -> None:
    """Nothing varies among them, by which features could be scaled."""
    ours = np.random.default_rng(0).standard_normal((8, 5))
    found = kernel_distance(ours, np.ones((4, 5)))
    assert np.isfinite([found.mean, found.error]).all()
