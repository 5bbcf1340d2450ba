"""Patches of pixels against the formula in float64; fringes of colour; how training counts them."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from trainers.losses.patches import LEAST_DEVIATION, LEAST_TINT, SIDE_PX, PatchTargets, patch_targets
from trainers.losses.wasserstein import PLACES_OF_A_PAINTING
from trainers.settings.options import as_trained


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def strokes(seed: int, side: int = 96) -> Tensor:
    """[1, 3, side, side]: light and dark, soft and from pixel to pixel, of one hue."""
    rng = np.random.default_rng(seed)
    soft = torch.from_numpy(rng.random((1, 1, side // 4, side // 4)))
    light = functional.interpolate(soft, (side, side), mode="bicubic", align_corners=False)
    grain = torch.from_numpy(rng.random((1, 1, side, side)))
    tint = torch.from_numpy(rng.random((1, 3, 1, 1)))
    return (0.5 * light + 0.2 * grain + 0.2 * tint).float()


def targets_of(*paintings: Tensor, octaves: int = 1) -> PatchTargets:
    return patch_targets(paintings, octaves, samples=10_000, slices=16, generator=chance(), directions=16)


def patches_in(picture: Tensor) -> NDArray[np.float64]:
    """[75, n]."""
    found: NDArray[np.float64] = functional.unfold(picture.double(), SIDE_PX)[0].numpy()
    return found


def test_it_is_the_distance_of_sorted_projections_of_whitened_patches() -> None:
    """Elnekave and Weiss 2022, equation 3, in the space in which the painting's own patches are white."""
    painting, picture = strokes(0), strokes(1)
    target = targets_of(painting)
    theirs, ours = patches_in(painting), patches_in(picture)
    mean = theirs.mean(1, keepdims=True)
    covariance = np.cov(theirs, bias=True)
    filters = target.octaves[0].filters[0].flatten(1).double().numpy()
    # Filters of white patches, all as loud in the painting, but for its rounding and a tint that is not seen.
    faint = LEAST_DEVIATION**2 * np.eye(75) + LEAST_TINT**2 * np.kron(np.eye(3), np.ones((25, 25)))
    directions = filters @ _root(covariance + faint)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, rtol=1e-2)
    along = [np.sort(filters @ (each - mean), axis=1) for each in (ours, theirs)]
    expected = np.square(along[0] - along[1]).mean()
    assert target.loss(picture, torch.tensor([0]), chance()).item() == pytest.approx(expected, rel=0.01)


def _root(matrix: NDArray[Any]) -> NDArray[Any]:
    values, axes = np.linalg.eigh(matrix)
    found: NDArray[Any] = (axes * np.sqrt(values)) @ axes.T
    return found


def test_of_a_painting_with_more_patches_than_are_looked_at_all_are_as_likely() -> None:
    painting = strokes(3, 192)
    found, every = targets_of(painting).octaves[0], patches_in(painting)
    assert every.shape[1] > PLACES_OF_A_PAINTING
    along = np.sort(found.filters[0].flatten(1).double().numpy() @ every, axis=1) - found.means[0, :, None].numpy()
    shares = np.linspace(0.05, 0.95, 19)
    wanted, quantiles = (np.quantile(each, shares, axis=1) for each in (along, found.quantiles[0].numpy()))
    np.testing.assert_allclose(quantiles, wanted, atol=0.05)


def test_a_painting_is_its_own_and_no_other() -> None:
    paintings = strokes(0), strokes(1)
    target = targets_of(*paintings, octaves=2)
    both, crossed = (target.loss(torch.cat(paintings), torch.tensor(ids), chance()) for ids in ([0, 1], [1, 0]))
    assert bool((both < 1e-3).all())
    assert bool((crossed > 0.01).all())


def test_each_picture_of_a_step_is_judged_by_its_own_style() -> None:
    paintings, picture = (strokes(0), strokes(1, 128)), strokes(2)
    target = targets_of(*paintings)
    together = target.loss(torch.cat([picture, picture]), torch.tensor([1, 0]), chance())
    alone = [target.loss(picture, torch.tensor([style]), chance()) for style in (1, 0)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_fringes_of_colour_cost_more_than_as_much_of_light_and_dark() -> None:
    """Stripes of two pixels: the painting has light and dark that fine, and no colours."""
    painting = strokes(0)
    stripes = 0.05 * (2.0 * (torch.arange(96) // 2 % 2) - 1).expand(1, 3, 96, 96)
    opposed = stripes * torch.tensor([1.0, -1.0, 1.0]).view(1, 3, 1, 1)
    target = targets_of(painting)
    plain, fringed = (target.loss(painting + each, torch.tensor([0]), chance()).item() for each in (stripes, opposed))
    assert fringed > 10 * plain


def test_a_grey_painting_bears_a_tint_that_is_not_seen_and_no_fringes() -> None:
    """Else a style without colours is learnt as a lack of tints, and nothing of its strokes."""
    painting = strokes(0).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    target = targets_of(painting)
    opposed = torch.tensor([2.0, -1.0, -1.0]).view(1, 3, 1, 1) / 255
    stripes = (2.0 * (torch.arange(96) // 2 % 2) - 1).expand(1, 3, 96, 96)
    tinted, fringed = (
        target.loss(painting + each, torch.tensor([0]), chance()).item() for each in (opposed, 4 * opposed * stripes)
    )
    assert tinted < 0.02
    assert fringed > 10 * tinted


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, 0.0),
        ({"patch_weight": 8.0}, 8.0),
        ({"patch_weight": 2000}, 2000.0),
        ({"patch_weight": -1}, 0.0),
        ({"patch_weight": 10**400}, 0.0),
        ({"patch_weight": "much"}, 0.0),
    ],
)
def test_what_is_learnt_for_a_net_is_judged_as_that_was(settings: dict[str, object], wanted: float) -> None:
    assert as_trained(settings)["patch_weight"] == wanted
