"""Sizes that no net divides: every backend that can run here agrees with the reference there, whatever is turned."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from small_styles import one_thread_for_torch, write_small_style

from engines.candidates import spec_for
from engines.engine import Controls, probe_backends
from engines.golden import draw_frame
from engines.reference import open_reference
from engines.registry import open_backend
from engines.spec import FLOOR_DB, BackendState, BuildAids, EngineChoice
from engines.style import StyleFile
from engines.verify import paint_golden_pictures, psnr, verify

SIZES = ((17, 31), (37, 53), (45, 80), (64, 19))
STATES = [state for state in probe_backends() if state.available]
ENGINES = [(state, precision) for state in STATES for precision in state.precisions]
NAMED = [f"{state.name} {precision}" for state, precision in ENGINES]
TURNED = list(product((1.0, 0.5, 0.0), (0.0, 0.6)))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with one_thread_for_torch():
        yield


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx", names=("waves", "night", "rain"))


def vectors(style: StyleFile) -> list[np.ndarray]:
    """Each style, and a mix of two."""
    return [each.vector for each in style.card.styles] + [0.3 * style.vector("waves") + 0.7 * style.vector("rain")]


@pytest.mark.parametrize(("state", "precision"), ENGINES, ids=NAMED)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def test_the_gate_is_passed_at_odd_sizes(
    style: StyleFile, tmp_path: Path, state: BackendState, precision: str, size: tuple[int, int]
) -> None:
    spec = spec_for(state, precision, size, EngineChoice())
    golden = paint_golden_pictures(style, spec)
    engine = open_backend(state.name).build(style, spec, BuildAids(tmp_path))
    try:
        report = verify(engine, golden)
    finally:
        engine.close()
    assert report.passed, report.problem
    assert len(report.checks) >= len(style.card.styles) + 1


@pytest.mark.parametrize(("state", "precision"), ENGINES, ids=NAMED)
def test_every_style_and_mix_agrees_however_it_is_turned(
    style: StyleFile, tmp_path: Path, state: BackendState, precision: str
) -> None:
    spec = spec_for(state, precision, SIZES[0], EngineChoice())
    _, reference = open_reference(style, spec)
    frame = draw_frame("faces", *SIZES[0])
    engine = open_backend(state.name).build(style, spec, BuildAids(tmp_path))
    try:
        for vector, (strength, keep_colour) in product(vectors(style), TURNED):
            controls = Controls(vector, strength, keep_colour)
            agreement = psnr(engine(frame, controls), reference(frame, controls))
            assert agreement >= FLOOR_DB[precision], (strength, keep_colour)
    finally:
        engine.close()


def test_there_is_an_engine_to_look_at() -> None:
    assert {state.name for state, _ in ENGINES} >= {"openvino", "torch"}
