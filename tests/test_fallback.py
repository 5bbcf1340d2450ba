"""What is refused, and what is taken instead: the next backend or precision, with a line that says so."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from small_styles import one_thread_for_torch, write_small_style

import engines.backends.registry
import engines.gate.reference
from engines.backends.ours import OURS
from engines.errors import EngineRefused
from engines.gate.reference import RUNTIMES
from engines.loading.engine import EngineChoice, load_engine
from engines.style.styles import StyleFile
from realtime.painting.notes import EngineFacts

# Two backends on torch's engine: one paints black, the other paints well in fp32 and too coarsely in int8.
BROKEN_BACKENDS = """
from dataclasses import replace

import numpy as np

from engines.backends.torch_eager import TorchBackend, TorchEngine, rebuild_net
from engines.protocols import BackendState


class BlackEngine(TorchEngine):
    def __call__(self, frame, controls):
        return 0 * super().__call__(frame, controls)


class Black(TorchBackend):
    name = "black"

    def build(self, style, spec, aids):
        return BlackEngine(rebuild_net(style), spec)


class CoarseEngine(TorchEngine):
    def __call__(self, frame, controls):
        picture = super().__call__(frame, controls)
        return picture // 64 * 64 if self.spec.precision == "int8" else picture


class Coarse(TorchBackend):
    name = "coarse"

    def probe(self):
        return replace(super().probe(), name="coarse", on_request=("int8",))

    def build(self, style, spec, aids):
        return CoarseEngine(rebuild_net(style), spec)


class NoCard(TorchBackend):
    def probe(self):
        return BackendState("tensorrt", False, "no driver; install it")
"""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with one_thread_for_torch():
        yield


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture
def broken_backends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the module of the backends importable; returns a cache folder."""
    tmp_path.joinpath("broken_backends.py").write_text(BROKEN_BACKENDS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken_backends", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def black_first(broken_backends: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backend whose pictures are black is tried before torch."""
    ours = {"black": "broken_backends:Black", "torch": OURS["torch"]}
    monkeypatch.setattr(engines.backends.registry, "OURS", ours)
    return broken_backends


@pytest.fixture
def coarse(broken_backends: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only a backend whose int8 is too coarse; it comes from another package, by its entry point."""
    metadata = broken_backends.parent / "coarse-1.0.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: coarse\nVersion: 1.0\n")
    metadata.joinpath("entry_points.txt").write_text("[impasto.backends]\ncoarse = broken_backends:Coarse\n")
    monkeypatch.setattr(engines.backends.registry, "OURS", {})
    return broken_backends


@pytest.fixture
def without_card(broken_backends: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Before torch there is a backend for an NVIDIA card that cannot run, and one that paints black."""
    ours = {
        "tensorrt": "broken_backends:NoCard",
        "black": "broken_backends:Black",
        "torch": OURS["torch"],
    }
    monkeypatch.setattr(engines.backends.registry, "OURS", ours)
    return broken_backends


@pytest.mark.parametrize(
    ("has_card", "verbose", "told"), [(True, False, True), (False, False, False), (False, True, True)]
)
def test_what_was_passed_over_is_one_line_without_what_is_for_a_gpu_that_is_not_there(
    style: StyleFile,
    without_card: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    has_card: bool,
    verbose: bool,
    told: bool,
) -> None:
    monkeypatch.setattr(engines.backends.registry, "may_have_gpu", lambda vendors: has_card)
    lines: list[str] = []
    choice = EngineChoice(verbose=verbose)
    engine = load_engine(style, height=32, width=32, choice=choice, cache_dir=without_card, report=lines.append)
    (line,) = [line for line in lines if line.startswith("passed over: ")]
    assert ("passed over: tensorrt: no driver; install it | black" in line) is told
    assert "came out black" in line
    card, black = EngineFacts.of(engine).as_dict()["passed_over"]
    assert card == "tensorrt: no driver; install it"
    assert "came out black" in black


def test_an_engine_that_was_asked_for_says_why_it_cannot_run(
    style: StyleFile, without_card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines.backends.registry, "may_have_gpu", lambda vendors: False)
    with pytest.raises(EngineRefused, match="tensorrt: no driver; install it"):
        load_engine(style, height=32, width=32, choice=EngineChoice("tensorrt"), cache_dir=without_card)


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
    import broken_backends  # type: ignore[import-not-found]

    def fail(*_: object) -> None:
        raise RuntimeError("first line\nno kernel for this net")

    monkeypatch.setattr(broken_backends.BlackEngine, "__call__", fail)
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


INT8 = EngineChoice("coarse", "int8")


def test_a_precision_that_was_asked_for_and_refused_falls_to_the_next_with_a_line(
    style: StyleFile, coarse: Path
) -> None:
    for _ in range(2):
        lines: list[str] = []
        engine = load_engine(style, height=32, width=48, choice=INT8, cache_dir=coarse, report=lines.append)
        assert (engine.spec.backend, engine.spec.precision) == ("coarse", "fp32")
        (refused,) = [line for line in lines if line.startswith("refused: coarse")]
        assert "int8 on CPU, 48x32 is wrong: the " in refused
        assert "where 32 dB is the least; choose another --engine or --precision" in refused
        assert any(line.startswith("engine: coarse") and "fp32 on CPU" in line for line in lines)
        assert any(line.startswith("passed over: coarse") and "int8" in line for line in lines)


def test_strict_makes_a_refused_precision_an_error(style: StyleFile, coarse: Path) -> None:
    for addition in ("--precision$", "found before"):
        with pytest.raises(EngineRefused, match=f"int8 on CPU, 48x32 is wrong.*{addition}"):
            load_engine(style, height=32, width=48, choice=replace(INT8, strict=True), cache_dir=coarse)


def test_an_engine_that_one_reference_refused_is_checked_again_by_another(
    style: StyleFile, coarse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_engine(style, height=32, width=48, choice=INT8, cache_dir=coarse)
    without_opencv = {name: opened for name, opened in RUNTIMES.items() if name != "opencv"}
    monkeypatch.setattr(engines.gate.reference, "RUNTIMES", without_opencv)
    lines: list[str] = []
    load_engine(style, height=32, width=48, choice=INT8, cache_dir=coarse, report=lines.append)
    assert any("was refused by OpenCV" in line and "is checked again by ONNX Runtime" in line for line in lines)
    assert any(line.startswith("preparing coarse") and "int8" in line for line in lines)
    assert not any("found before" in line for line in lines)
