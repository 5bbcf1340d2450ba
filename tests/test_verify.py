"""The gate: a wrong engine is refused with the figure, a right one passes, and the golden frames stay what they are."""

import dataclasses
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from small_styles import one_thread_for_torch, write_small_style

import engines.reference
import engines.registry
import engines.verify
from engines.engine import Controls, Engine, EngineChoice, EngineSpec, GateReport, load_engine
from engines.errors import EngineRefused
from engines.golden import FRAMES, golden_frames
from engines.reference import REFERENCES, open_reference, reference_model
from engines.registry import open_backend
from engines.spec import BuildAids
from engines.style import StyleFile, load_style, save_style
from engines.verify import GoldenPictures, golden_cases, paint_golden_pictures, psnr, refusal, verify

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
    "red and blue swapped": (lambda picture, frame: picture[..., ::-1], "came out different"),
    "off by noise": (add_noise, "came out different"),
    "off by one pixel": (lambda picture, frame: np.roll(picture, 1, axis=1), "came out different"),
    "unchanged": (lambda picture, frame: frame, "came out different"),
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


class DeafEngine(WrongEngine):
    """Paints with some control stuck."""

    def __init__(self, engine: Engine, **stuck: object) -> None:
        super().__init__(engine, lambda picture, frame: picture)
        self._stuck = stuck

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        values = {name: getattr(controls, name) for name in ("style", "strength", "keep_colour")}
        return super().__call__(frame, Controls(**{**values, **self._stuck}))


@pytest.mark.parametrize("control", ["style", "strength", "keep_colour"])
def test_an_engine_that_ignores_a_control_is_refused(
    style: StyleFile, golden: GoldenPictures, right_engine: Engine, control: str
) -> None:
    stuck = {"style": style.vector("waves"), "strength": 1.0, "keep_colour": 0.0}[control]
    assert not verify(DeafEngine(right_engine, **{control: stuck}), golden).passed


def test_a_right_engine_passes(golden: GoldenPictures, right_engine: Engine) -> None:
    report = verify(right_engine, golden)
    assert report.passed
    assert report.frames == len(FRAMES)
    assert report.psnr_db >= 60
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
    runs = [opened(data, style, spec)[1] for opened in REFERENCES.values()]
    for _, frame, controls in golden_cases(style, spec):
        first, *others = (run(frame, controls) for run in runs)
        assert min(psnr(first, other) for other in others) > 55


def test_an_engine_is_not_its_own_reference(style: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    without_opencv = {name: opened for name, opened in REFERENCES.items() if name != "opencv"}
    monkeypatch.setattr(engines.reference, "REFERENCES", without_opencv)
    specs = [EngineSpec(name, "fp32", 16, 16, "CPU", "1") for name in ("torch", "onnxruntime")]
    of_torch, of_onnxruntime = (open_reference(style, spec)[0] for spec in specs)
    assert of_torch.startswith("ONNX Runtime")
    assert of_onnxruntime.endswith("reference evaluator")


def test_large_pictures_get_fewer_frames(style: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def count(height: int, width: int) -> int:
        return sum(1 for _ in golden_cases(style, EngineSpec("torch", "fp32", height, width, "CPU", "1")))

    monkeypatch.setattr(engines.verify, "WORK_TO_CHECK", 5 * 36 * 64 * len(style.data))
    assert [count(16, 16), count(36, 64), count(36, 80), count(108, 192)] == [5, 5, 4, 2]


def test_golden_frames_are_the_same_every_time() -> None:
    for (name, frame), (again, same) in zip(golden_frames(17, 33, 99), golden_frames(17, 33, 99), strict=True):
        assert frame.shape == (17, 33, 3)
        assert frame.dtype == np.uint8
        assert name == again
        assert np.array_equal(frame, same)


def test_golden_frames_are_dark_bright_and_flat() -> None:
    frames = dict(golden_frames(90, 160, 99))
    assert list(frames) == list(FRAMES)
    assert frames["dark"].max() < 20
    assert frames["bright"].mean() > 220
    assert 1 < frames["flat"].std() < 3
    assert frames["picture"].std() > 50


def test_psnr_is_its_formula() -> None:
    a, b = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 51, np.uint8)
    assert psnr(a, a) == math.inf
    assert psnr(a, b) == pytest.approx(20 * math.log10(5))


BROKEN_BACKEND = """
from engines.backends.torch_eager import TorchBackend, TorchEngine

class BlackEngine(TorchEngine):
    def __call__(self, frame, controls):
        return 0 * super().__call__(frame, controls)

class Backend(TorchBackend):
    name = "black"

    def build(self, style, spec, aids):
        return BlackEngine(super().build(style, spec, aids)._net, spec)
"""


@pytest.fixture
def black_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backend whose pictures are black is tried before torch; returns a cache folder."""
    tmp_path.joinpath("black_backend.py").write_text(BROKEN_BACKEND)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "black_backend", raising=False)
    ours = {"black": "black_backend:Backend", "torch": engines.registry.OURS["torch"]}
    monkeypatch.setattr(engines.registry, "OURS", ours)
    return tmp_path / "cache"


def test_auto_falls_to_the_next_backend_and_says_so(style: StyleFile, black_first: Path) -> None:
    for _ in range(2):
        lines: list[str] = []
        engine = load_engine(style, height=32, width=32, cache_dir=black_first, report=lines.append)
        assert engine.spec.backend == "torch"
        assert any(line.startswith("refused: black") and "came out black" in line and " dB" in line for line in lines)
        assert any(line.startswith("passed over: black") for line in lines)
    assert "found before" in "".join(lines)
    assert not any("preparing" in line for line in lines)


def test_an_engine_that_fails_at_work_is_passed_over_and_asked_again_next_time(
    style: StyleFile, black_first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import black_backend  # type: ignore[import-not-found]

    def fail(*_: object) -> None:
        raise RuntimeError("first line\nno kernel for this net")

    monkeypatch.setattr(black_backend.BlackEngine, "__call__", fail)
    for _ in range(2):
        lines: list[str] = []
        engine = load_engine(style, height=32, width=32, cache_dir=black_first, report=lines.append)
        assert engine.spec.backend == "torch"
        assert any("failed while it was checked (RuntimeError: no kernel for this net)" in line for line in lines)
        assert any("preparing black" in line for line in lines)


def test_strict_raises_instead(style: StyleFile, black_first: Path) -> None:
    with pytest.raises(EngineRefused, match=r"came out black, \d+\.\d dB from the reference"):
        load_engine(style, height=32, width=32, choice=EngineChoice(strict=True), cache_dir=black_first)


def test_an_engine_that_was_asked_for_is_not_replaced(style: StyleFile, black_first: Path) -> None:
    with pytest.raises(EngineRefused, match=r"no engine can run .* came out black"):
        load_engine(style, height=32, width=32, choice=EngineChoice(backend="black"), cache_dir=black_first)


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

    monkeypatch.setattr(engines.verify, "open_reference", lambda style, spec: ("a reference", fail))
    with pytest.raises(EngineRefused, match=r"the reference \(a reference\) .* failed: .*too large"):
        paint_golden_pictures(style, SPEC)
