"""Combs are found by their periods, whatever their phase, and nothing else is."""

import numpy as np
import pytest
import torch
from torch import Tensor

from trainers.losses.terms import comb_loss

YS, XS = np.mgrid[0:128, 0:160]


def strokes(seed: int = 0) -> np.ndarray:
    """Noise with the spectrum of a picture: 1/f in amplitude."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(160), indexing="ij"))
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random((128, 160)))
    picture: np.ndarray = np.fft.ifft2(phases / np.maximum(frequency, 1 / 160)).real
    scaled: np.ndarray = 0.5 + 0.15 * picture / picture.std()
    return scaled


def loss(picture: np.ndarray) -> float:
    return comb_loss(torch.from_numpy(picture)[None, None]).item()


def dots(period: int) -> np.ndarray:
    picture: np.ndarray = 0.04 * ((XS % period == 0) & (YS % period == 0))
    return picture


@pytest.mark.parametrize("period", [2, 4])
def test_a_comb_over_strokes_costs(period: int) -> None:
    assert loss(strokes() + dots(period)) > 10 * loss(strokes())


def test_a_comb_that_changes_its_sign_with_the_strokes_costs_too() -> None:
    """Its mean over a large area is nothing, which is what the grid loss would look at."""
    sign = np.where((XS // 20 + YS // 20) % 2, 1, -1)
    assert loss(strokes() + 2 * sign * dots(4)) > 10 * loss(strokes())


@pytest.mark.parametrize("period", [3, 5, 7])
def test_other_periods_are_strokes(period: int) -> None:
    assert loss(strokes() + dots(period)) < 2 * loss(strokes()) + 1e-3


def test_edges_along_the_picture_are_no_comb() -> None:
    assert loss(strokes() + 0.3 * (XS // 37 % 2)) < 0.01


def test_it_is_by_sample_and_has_a_gradient() -> None:
    both: Tensor = torch.from_numpy(np.stack([strokes(), strokes(1) + dots(4)]))[:, None].requires_grad_()
    losses = comb_loss(both)
    torch.testing.assert_close(losses[1:], comb_loss(both[1:]))
    (gradient,) = torch.autograd.grad(losses.sum(), both)
    assert torch.isfinite(gradient).all()
    with torch.no_grad():
        assert comb_loss(both - 2 * gradient)[1] < losses[1]


def test_an_even_picture_has_none() -> None:
    assert loss(np.full((64, 64), 0.3)) == 0
