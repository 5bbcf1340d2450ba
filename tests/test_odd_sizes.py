"""Sizes that no net divides: every backend that can run here agrees with the reference there, whatever is turned."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from pretended_processor import pretended
from small_styles import one_thread_for_torch, write_small_style

from engines.backends.candidates import spec_for
from engines.backends.registry import open_backend
from engines.errors import EngineRefused
from engines.gate.golden_cases import GOLDEN
from engines.gate.reference import open_reference
from engines.gate.verify import GoldenPictures, paint_golden_pictures, verify
from engines.loading.engine import Controls, Engine, GateReport, probe_backends
from engines.pictures import psnr
from engines.protocols import BackendState, BuildAids, RangeEngine
from engines.spec import FLOOR_DB, EngineChoice, SizeRange
from engines.style.styles import StyleFile

SIZES = ((17, 31), (37, 53), (45, 80), (64, 19))
with pretended("bf16"):  # so that both precisions of the processor are looked at
    STATES = [state for state in probe_backends() if state.available]
ENGINES = [(state, precision) for state in STATES for precision in state.precisions]
NAMED = [f"{state.name} {precision}" for state, precision in ENGINES]
TURNED = list(product((1.0, 0.5, 0.0), (0.0, 0.6)))


@pytest.fixture(scope="module", autouse=True)
def with_bf16() -> Iterator[None]:
    with pretended("bf16"), one_thread_for_torch():
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
    frame = GOLDEN.frame("faces", *SIZES[0])
    engine = open_backend(state.name).build(style, spec, BuildAids(tmp_path))
    try:
        for vector, (strength, keep_colour) in product(vectors(style), TURNED):
            controls = Controls(vector, strength, keep_colour)
            agreement = psnr(engine(frame, controls), reference(frame, controls))
            assert agreement >= FLOOR_DB[precision], (strength, keep_colour)
    finally:
        engine.close()


RANGE = SizeRange((17, 31), (64, 96))
RANGED = [(state, precision) for state, precision in ENGINES if state.size_ranges]


@pytest.fixture(scope="module", params=RANGED, ids=[f"{state.name} {precision}" for state, precision in RANGED])
def ranged(style: StyleFile, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine that takes every size of the range, for each backend that has such engines."""
    state, precision = request.param
    spec = spec_for(state, precision, SIZES[1], EngineChoice(size_range=RANGE))
    engine = open_backend(state.name).build(style, spec, BuildAids(Path("unused")))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def of_all_sizes(style: StyleFile, ranged: Engine) -> GoldenPictures:
    return paint_golden_pictures(style, ranged.spec)


def test_an_engine_of_a_range_is_checked_at_several_of_its_sizes(ranged: Engine, of_all_sizes: GoldenPictures) -> None:
    report = verify(ranged, of_all_sizes)
    assert report.passed, report.problem
    sizes = [(check.height, check.width) for check in report.checks]
    assert set(sizes) == {SIZES[1], RANGE.least, RANGE.most, (33, 55)}
    assert all(sizes.count(size) >= 2 for size in sizes)


class WrongBeyond:
    """Right at the size in use, and black at every other; it remembers which of its other sizes were closed."""

    def __init__(self, engine: Engine) -> None:
        self.spec = engine.spec
        self.gate: GateReport | None = None
        self.closed = False
        self.others: list[WrongBeyond] = []
        self._engine = engine

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        picture = self._engine(frame, controls)
        return picture if self.spec.height == SIZES[1][0] else 0 * picture

    def resized(self, height: int, width: int) -> Engine:
        assert isinstance(self._engine, RangeEngine)
        self.others.append(WrongBeyond(self._engine.resized(height, width)))
        return self.others[-1]

    def close(self) -> None:
        self._engine.close()
        self.closed = True


def test_an_engine_that_is_wrong_at_another_size_of_its_range_is_refused(
    ranged: Engine, of_all_sizes: GoldenPictures
) -> None:
    wrong = WrongBeyond(ranged)
    report = verify(wrong, of_all_sizes)
    assert not report.passed
    assert re.fullmatch(r"the \w+ frame of \d+x\d+ in .* came out black", report.problem)
    assert len(wrong.others) == 3
    assert all(other.closed for other in wrong.others)


def test_an_engine_of_one_size_does_not_pass_for_a_range(style: StyleFile, tmp_path: Path) -> None:
    state = next(state for state in STATES if state.name == "torch")
    spec = spec_for(state, "fp32", SIZES[1], EngineChoice(size_range=RANGE))
    engine = open_backend("torch").build(style, spec, BuildAids(tmp_path))
    with pytest.raises(EngineRefused, match="takes one size alone, and not 31x17-96x64"):
        verify(engine, paint_golden_pictures(style, spec))


def test_there_is_an_engine_to_look_at() -> None:
    assert {(state.name, precision) for state, precision in ENGINES} >= {
        ("openvino", "bf16"), ("openvino", "fp32"), ("torch", "fp32"),
    }  # fmt: skip
