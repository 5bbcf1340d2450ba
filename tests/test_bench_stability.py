"""The warping error: nothing where a picture only moves, and the scene's own where nothing is painted."""

from pathlib import Path

import numpy as np
import pytest

from engines.loading.engine import Controls, load_engine
from engines.style.styles import load_style
from realtime.bench.inputs.subject import Bench, combinations, opened
from realtime.bench.options import BenchOptions
from realtime.bench.rows import stability
from realtime.bench.rows.stability import Stability, measure_stability, plain_stability, warping_error
from realtime.painting.stylizer import Stylizer
from realtime.scene import Motion, Scene


def test_a_picture_that_only_moves_does_not_flicker() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    second = np.roll(first, (2, 3), axis=(0, 1))
    flow = np.broadcast_to(np.array([3, 2], np.float32), (40, 60, 2))
    occluded = np.ones((40, 60), bool)
    occluded[:38, :57] = False
    motion = Motion(flow, occluded, np.zeros((40, 60), bool))
    assert warping_error(first, second, motion) == 0
    brighter = np.clip(second.astype(int) + 1, 0, 255).astype(np.uint8)
    assert 0.9 / 255**2 < warping_error(first, brighter, motion) <= 1 / 255**2


def test_bench_measures_what_no_steady_hand_holds(
    small_style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = BenchOptions(styles=(str(small_style),), sizes=((64, 48),), frames=4, requests=1, engines=("openvino",))
    measured: list[Stylizer] = []

    def measure(stylizer: Stylizer, scene: Scene) -> Stability:
        assert (scene.width, scene.height) == (64, 48)
        measured.append(stylizer)
        return Stability(1.0, 1.0)

    monkeypatch.setattr(stability, "measure_stability", measure)
    with opened(combinations(options, [(64, 48)], tmp_path)[0], Bench(options, tmp_path), print) as subject:
        plain_stability(subject)
        assert subject.stylizer.steadies
        assert measured[0].engine is subject.stylizer.engine
    assert not measured[0].steadies


def test_the_unpainted_scene_is_as_steady_as_itself(small_style: Path) -> None:
    style = load_style(str(small_style))
    engine = load_engine(style, height=48, width=86)
    stylizer = Stylizer(engine, Controls(style.vector("waves"), strength=0.0))
    assert measure_stability(stylizer, Scene(86, 48)).ratio == pytest.approx(1)
    engine.close()
