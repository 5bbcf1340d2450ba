"""From coarse to fine: sizes, iterations and learning rates; pyramids lose nothing, and coarse bands move areas."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trainers.optimisation.scales import from_pyramid, plan_scales, rate_at, to_pyramid
from trainers.settings.gatys_options import GatysOptions


def test_scales_go_from_coarse_to_fine_and_share_the_iterations() -> None:
    options = GatysOptions(style_images=((Path("a"), 1.0),), iterations=240)
    scales = plan_scales(2160, 3840, replace(options, size=3840))
    assert [scale.width for scale in scales] == [128, 253, 499, 985, 1945, 3840]
    assert scales[-1].height == 2160
    assert sum(scale.iterations for scale in scales) == 240
    assert scales[0].iterations > scales[-1].iterations
    assert [scale.width for scale in plan_scales(2160, 3840, options)][-1] == 1024
    assert [scale.width for scale in plan_scales(100, 120, options)] == [120]
    assert [scale.width for scale in plan_scales(720, 1280, replace(options, start="net"))] == [512, 1024]
    assert len(plan_scales(2160, 3840, replace(options, iterations=2))) == 2


def test_the_learning_rate_falls_to_a_tenth() -> None:
    scale = plan_scales(100, 120, GatysOptions(style_images=((Path("a"), 1.0),)))[0]
    assert rate_at(0, scale) == pytest.approx(0.03)
    assert rate_at(scale.iterations, scale) == pytest.approx(0.003)


@pytest.mark.parametrize("size", [(64, 64), (37, 91), (16, 17), (5, 3)], ids=str)
@pytest.mark.parametrize("levels", [1, 2, 5])
def test_the_picture_comes_back(size: tuple[int, int], levels: int) -> None:
    picture = torch.rand(1, 3, *size, dtype=torch.float64)
    bands = to_pyramid(picture, levels)
    assert len(bands) <= levels
    torch.testing.assert_close(from_pyramid(bands), picture, rtol=0, atol=1e-14)


def test_bands_halve_down_to_the_smallest_worth_having() -> None:
    bands = to_pyramid(torch.rand(1, 3, 50, 90), 9)
    assert [band.shape[-2:] for band in bands] == [(50, 90), (25, 45), (12, 22)]


def test_a_flat_picture_lies_in_its_coarsest_band_alone() -> None:
    *details, coarse = to_pyramid(torch.full((1, 1, 48, 48), 0.25), 3)
    assert all(bool((band == 0).all()) for band in details)
    assert bool((coarse == 0.25).all())


def test_the_coarsest_band_moves_a_whole_area() -> None:
    bands = [torch.zeros_like(band) for band in to_pyramid(torch.rand(1, 1, 64, 64), 3)]
    bands[-1][..., 8, 8] = 1
    assert int((from_pyramid(bands) > 0.1).sum()) >= 16
