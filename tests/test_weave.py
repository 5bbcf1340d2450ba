"""Strokes that are crossed by others as fine cost, where the photo is flat; strokes that run on do not."""

import numpy as np
import pytest
import torch
from torch import Tensor

from engines.networks.transform.seed_texture import seed_texture
from trainers.losses.terms import detail_map
from trainers.losses.terms import weave_loss as weave_by_detail

YS, XS = np.mgrid[0:128, 0:160]
FLAT = torch.full((1, 3, 128, 160), 0.5, dtype=torch.float64)


def weave_loss(picture: Tensor, photo: Tensor) -> Tensor:
    """By the photo's own map of detail."""
    return weave_by_detail(picture, detail_map(photo, 0.0))


def painted(plane: np.ndarray) -> Tensor:
    return torch.from_numpy(plane).double().expand(1, 3, *plane.shape)


def waves(degrees: float, period: float = 6.0) -> np.ndarray:
    angle = np.radians(degrees)
    wave: np.ndarray = np.sin(2 * np.pi * (XS * np.cos(angle) + YS * np.sin(angle)) / period)
    return wave


@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
def test_strokes_of_any_direction_are_free_and_a_lattice_of_them_is_not(degrees: float) -> None:
    strokes, lattice = 0.5 + 0.1 * waves(degrees), 0.5 + 0.05 * (waves(degrees) + waves(degrees + 90))
    assert weave_loss(painted(strokes), FLAT).item() < 0.01
    assert weave_loss(painted(lattice), FLAT).item() > 0.9


def test_strokes_that_turn_are_nearly_free() -> None:
    rings = np.sin(np.hypot(XS - 80, YS - 64))
    assert weave_loss(painted(0.5 + 0.1 * rings), FLAT).item() < 0.1
    assert weave_loss(painted(0.5 + 0.05 * seed_texture("curls", 128, 160)), FLAT).item() < 0.3


@pytest.mark.parametrize(("degrees", "least", "most"), [(20.0, 0.0, 0.01), (110.0, 0.8, 1.0)])
def test_stripes_of_colours_across_strokes_are_a_weave_although_no_light_tells_them(
    degrees: float, least: float, most: float
) -> None:
    strokes, stripes = 0.5 + 0.05 * waves(20.0), 0.006 * waves(degrees)
    picture = torch.from_numpy(np.stack([strokes + stripes / 0.299, strokes, strokes - stripes / 0.114]))[None]
    assert least <= weave_loss(picture, FLAT).item() <= most


def test_even_paint_costs_nothing() -> None:
    assert weave_loss(FLAT, FLAT).item() == 0


def test_a_lattice_costs_where_the_photo_is_flat() -> None:
    """The left half of the photo has stripes, the right has none; strokes are painted beside the lattice."""
    left = XS < 80
    photo = painted(0.5 + 0.3 * left * waves(0, 12.0))
    strokes, lattice = 0.1 * waves(10), 0.05 * (waves(10) + waves(100))
    beside, upon = (np.where(place, lattice, strokes) for place in (left, ~left))
    costs = [weave_loss(painted(0.5 + each), photo).item() for each in (beside, upon)]
    assert costs[0] < 0.2 < 0.8 < costs[1]


def test_it_is_by_sample_and_its_gradient_takes_the_weave_out() -> None:
    both = torch.cat([painted(0.5 + 0.1 * waves(0)), painted(0.5 + 0.1 * waves(40) + 0.03 * waves(130))])
    both.requires_grad_()
    losses = weave_loss(both, FLAT.expand(2, -1, -1, -1))
    torch.testing.assert_close(losses[1:], weave_loss(both[1:], FLAT))
    (gradient,) = torch.autograd.grad(losses.sum(), both)
    with torch.no_grad():
        assert weave_loss(both - 0.02 * gradient / gradient.abs().max(), FLAT.expand(2, -1, -1, -1))[1] < losses[1]
    even = FLAT.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(weave_loss(even, FLAT).sum(), even)
    assert torch.isfinite(gradient).all()
