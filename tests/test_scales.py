"""From coarse to fine: sizes, iterations and learning rates."""

from dataclasses import replace
from pathlib import Path

import pytest

from trainers.options import GatysOptions
from trainers.scales import plan_scales, rate_at


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
