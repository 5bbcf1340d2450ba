"""The gate: a wrong engine is refused with the figure, a right one passes, and the golden frames stay what they are."""

import dataclasses
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from small_styles import one_thread_for_torch, write_small_style

import engines.gate.reference
import engines.gate.verify
from engines.backends.registry import open_backend
from engines.errors import EngineRefused
from engines.gate.golden_cases import GOLDEN, cases_of
from engines.gate.reference import RUNTIMES, Reference, open_reference, reference_model
from engines.gate.verify import GoldenPictures, paint_golden_pictures, refusal, verify
from engines.loading.engine import Controls, Engine, EngineChoice, EngineSpec, GateReport, load_engine
from engines.pictures import psnr
from engines.protocols import BuildAids
from engines.style.styles import StyleFile, load_style, save_style

SPEC = EngineSpec("torch", "fp32", 45, 70, "CPU", "1")
Change = Callable[[np.ndarray, np.ndarray], np.ndarray]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with one_thread_for_torch():
        yield


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture(scope="module")
def right_engine(style: StyleFile) -> Engine:
    return open_backend("torch").build(style, SPEC, BuildAids(Path("unused")))


@pytest.fixture(scope="module")
def golden(style: StyleFile) -> GoldenPictures:
    return paint_golden_pictures(style, SPEC)


class WrongEngine:
    """A right engine whose pictures go through `change(picture, frame)`."""

    def __init__(self, engine: Engine, change: Change) -> None:
        self.spec = engine.spec
        self.gate: GateReport | None = None
        self._engine = engine
        self._change = change

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        return self._change(self._engine(frame, controls), frame)

    def close(self) -> None:
        self._engine.close()


def add_noise(picture: np.ndarray, frame: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 3, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


WRONG: dict[str, tuple[Change, str]] = {
    "black, as after NaN": (lambda picture, frame: np.zeros_like(picture), "came out black"),
    "white, as after an overflow": (lambda picture, frame: np.full_like(picture, 255), "came out all 255"),
    "half of it black": (
        lambda picture, frame: np.where(np.arange(70)[:, None] < 35, 0, picture).astype(np.uint8),
        r"came out \d\d% black, as after an overflow",
    ),
    "red and blue swapped": (lambda picture, frame: picture[..., ::-1], "came out with red and blue swapped"),
    "off by noise": (add_noise, "came out different"),
    "off by one pixel": (lambda picture, frame: np.roll(picture, 1, axis=1), "came out different"),
    "unchanged": (lambda picture, frame: frame, "came out unpainted, as it went in"),
    "upside down": (lambda picture, frame: picture[::-1], "came out different"),
    "transposed": (lambda picture, frame: picture.transpose(1, 0, 2), r"returned uint8 \(70, 45, 3\)"),
    "not rounded": (lambda picture, frame: picture.astype(np.float32), "returned float32"),
}


@pytest.mark.parametrize(("change", "problem"), WRONG.values(), ids=WRONG)
def test_a_wrong_engine_is_refused_with_the_figure(
    golden: GoldenPictures, right_engine: Engine, change: Change, problem: str
) -> None:
    report = verify(WrongEngine(right_engine, change), golden)
    assert not report.passed
    assert report.psnr_db < report.floor_db
    message = str(refusal(SPEC, report))
    assert f"{report.psnr_db:.1f} dB" in message
    assert "50 dB is the least" in message
    with pytest.raises(EngineRefused, match=problem):
        raise refusal(SPEC, report)


class StuckEngine(WrongEngine):
    """Paints one picture for good, as an engine whose input is never copied."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, lambda picture, frame: picture)
        self._first: np.ndarray | None = None

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        if self._first is None:
            self._first = super().__call__(frame, controls)
        return self._first


def test_an_engine_that_is_stuck_is_refused(golden: GoldenPictures, right_engine: Engine) -> None:
    report = verify(StuckEngine(right_engine), golden)
    assert not report.passed
    assert report.problem.endswith("came out the same as the frame before, whatever goes in")
    assert report.checks[0].psnr_db > report.floor_db


class DeafEngine(WrongEngine):
    """Paints with some control stuck."""

    def __init__(self, engine: Engine, **stuck: object) -> None:
        super().__init__(engine, lambda picture, frame: picture)
        self._stuck = stuck

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        values = {name: getattr(controls, name) for name in ("style", "strength", "keep_colour")}
        return super().__call__(frame, Controls(**{**values, **self._stuck}))


@pytest.mark.parametrize("control", ["style", "strength", "keep_colour"])
def test_an_engine_that_ignores_a_control_is_refused_and_the_control_named(
    style: StyleFile, golden: GoldenPictures, right_engine: Engine, control: str
) -> None:
    stuck = {"style": style.vector("waves"), "strength": 1.0, "keep_colour": 0.0}[control]
    report = verify(DeafEngine(right_engine, **{control: stuck}), golden)
    assert not report.passed
    assert report.problem.endswith(f"came out different, and it ignores {control}")


def test_a_right_engine_passes(golden: GoldenPictures, right_engine: Engine) -> None:
    report = verify(right_engine, golden)
    assert report.passed
    assert report.frames == len(report.checks) == len(GOLDEN.files)
    assert [check.frame for check in report.checks] == GOLDEN.names
    assert {check.style for check in report.checks} == {"waves", "night", "night=0.4,waves=0.6"}
    assert report.psnr_db == min(check.psnr_db for check in report.checks) >= 60
    assert max(check.max_difference for check in report.checks) <= 2
    assert GateReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    assert report.reference.startswith("OpenCV 5")


def test_a_little_error_passes_in_low_precision_alone(golden: GoldenPictures, right_engine: Engine) -> None:
    low = WrongEngine(right_engine, add_noise)
    low.spec = EngineSpec("torch", "bf16", SPEC.height, SPEC.width, "CPU", "1")
    report = verify(low, golden)
    assert 38 <= report.psnr_db < 50
    assert report.passed


def test_all_references_agree(style: StyleFile) -> None:
    """Three runtimes, and the plain graph against the rewritten one that the engines run."""
    spec = EngineSpec("none", "fp32", 32, 48, "CPU", "1")
    data = reference_model(style).SerializeToString()
    runs = [Reference(opened(data)[1], style) for opened in RUNTIMES.values()]
    for case in cases_of(style, spec):
        first, *others = (run(case.frame, case.controls) for run in runs)
        assert min(psnr(first, other) for other in others) > 55


def test_an_engine_is_not_its_own_reference(style: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    without_opencv = {name: opened for name, opened in RUNTIMES.items() if name != "opencv"}
    monkeypatch.setattr(engines.gate.reference, "RUNTIMES", without_opencv)
    specs = [EngineSpec(name, "fp32", 16, 16, "CPU", "1") for name in ("torch", "onnxruntime")]
    of_torch, of_onnxruntime = (open_reference(style, spec)[0] for spec in specs)
    assert of_torch.startswith("ONNX Runtime")
    assert of_onnxruntime.endswith("reference evaluator")


def test_psnr_is_its_formula() -> None:
    a, b = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 51, np.uint8)
    assert psnr(a, a) == math.inf
    assert psnr(a, b) == pytest.approx(20 * math.log10(5))


def test_the_psnr_of_a_large_picture_is_that_of_all_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = np.random.default_rng(0).integers(0, 256, (2, 9, 11, 3), np.uint8)
    whole = 10 * math.log10(255**2 / np.mean((one.astype(float) - other) ** 2))
    monkeypatch.setattr("engines.pictures.VALUES_AT_ONCE", 20)
    assert psnr(one, other) == pytest.approx(whole)


def test_damaged_weights_are_refused(style: StyleFile, tmp_path: Path) -> None:
    """A graph that does not do what its weights say: one number in a constant that is no weight of the net."""
    import onnx

    model = onnx.ModelProto()
    model.CopyFrom(style.model)
    luma = next(t for t in model.graph.initializer if list(t.dims) == [12, 12])  # of a block of 2 × 2 pixels
    wrong = np.roll(onnx.numpy_helper.to_array(luma), 1, axis=1)
    luma.CopyFrom(onnx.numpy_helper.from_array(wrong, luma.name))
    save_style(tmp_path / "damaged.onnx", model, style.card)
    with pytest.raises(EngineRefused, match=" dB from the reference"):
        load_engine(
            load_style(str(tmp_path / "damaged.onnx")),
            height=32,
            width=32,
            choice=EngineChoice("openvino"),
            cache_dir=tmp_path,
        )


def test_a_graph_that_is_not_the_cards_net_is_refused(style: StyleFile, tmp_path: Path) -> None:
    from dataclasses import replace

    config = {**style.card.network["config"], "blocks": 4}
    card = replace(style.card, network={"name": "transform", "config": config})
    save_style(tmp_path / "foreign.onnx", style.model, card)
    with pytest.raises(EngineRefused, match="do not fit the net that its card describes"):
        load_engine(load_style(str(tmp_path / "foreign.onnx")), height=32, width=32, cache_dir=tmp_path)


def test_a_precision_without_a_floor_is_refused(style: StyleFile) -> None:
    with pytest.raises(EngineRefused, match="no floor for 'fp7'; use one of fp32"):
        paint_golden_pictures(style, dataclasses.replace(SPEC, precision="fp7"))


def test_a_reference_that_fails_at_the_size_is_told(style: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(frame: np.ndarray, controls: Controls) -> np.ndarray:
        raise MemoryError("too large")

    monkeypatch.setattr(engines.gate.verify, "open_reference", lambda style, spec: ("a reference", fail))
    with pytest.raises(EngineRefused, match=r"the reference \(a reference\) .* failed: there is not enough memory"):
        paint_golden_pictures(style, SPEC)
