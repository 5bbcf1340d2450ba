"""The torch-half engine on the CPU: its pictures, what it refuses, and which of its ways to run it takes."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from small_styles import one_thread_for_torch, random_frame, write_small_style

from engines.backends.torch_half import build as torch_half_build
from engines.backends.torch_half.backend import TorchHalfBackend
from engines.backends.torch_half.build import COMPILED, INDUCTOR_FOLDER, KERNELS, OPERATIONS, WAYS
from engines.errors import EngineRefused
from engines.gate.verify import paint_golden_pictures, verify
from engines.kernels.compilers import Compilers
from engines.kernels.instance_norm import torch_norm
from engines.protocols import BuildAids, Engine
from engines.spec import Controls, EngineSpec, SizeRange
from engines.style.styles import StyleFile, load_style

SPEC = EngineSpec("torch-half", "fp16", 37, 54, "CPU", "1", requests=2)
AIDS = BuildAids(Path("unused"))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with one_thread_for_torch():
        yield


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture(scope="module")
def engine(style: StyleFile) -> Iterator[Engine]:
    made = TorchHalfBackend().build(style, SPEC, AIDS)
    yield made
    made.close()


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_it_passes_the_gate(style: StyleFile, precision: str) -> None:
    spec = replace(SPEC, precision=precision)
    report = verify(TorchHalfBackend().build(style, spec, AIDS), paint_golden_pictures(style, spec))
    assert report.passed, report.problem


@pytest.mark.parametrize(("precision", "least_db"), [("fp16", 48), ("bf16", 38)])
def test_a_trained_net_passes_with_room(precision: str, least_db: float) -> None:
    spec = replace(SPEC, precision=precision, height=50, width=68)
    style = load_style("gallery")
    report = verify(TorchHalfBackend().build(style, spec, AIDS), paint_golden_pictures(style, spec))
    assert report.psnr_db >= least_db


def test_what_it_cannot_take_is_a_value_error(engine: Engine, style: StyleFile) -> None:
    with pytest.raises(ValueError, match="this engine takes uint8"):
        engine(random_frame(37, 53), Controls(style.vector("waves")))
    with pytest.raises(ValueError, match="the style vector has 3 numbers"):
        engine(random_frame(37, 54), Controls(np.ones(3)))


def test_frames_elsewhere_than_on_its_gpu_are_a_value_error(style: StyleFile) -> None:
    engine: Any = TorchHalfBackend().build(style, SPEC, AIDS)
    assert not engine.takes_device_frames
    with pytest.raises(ValueError, match=r"on cpu; this engine takes torch.uint8 \(37, 54, 3\)"):
        engine.paint_device(torch.zeros(37, 54, 3, dtype=torch.uint8), Controls(style.vector("waves")))


def test_no_style_returns_a_frame_that_nobody_may_write(engine: Engine, style: StyleFile) -> None:
    frame = random_frame(37, 54)
    frame.flags.writeable = False
    assert np.array_equal(engine(frame, Controls(style.vector("waves"), 0)), frame)


def test_closing_twice_is_closing(style: StyleFile) -> None:
    engine = TorchHalfBackend().build(style, SPEC, AIDS)
    engine.close()
    engine.close()
    for _ in range(2):
        with pytest.raises(ValueError, match="closed"):
            engine(random_frame(37, 54), Controls(style.vector("waves")))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (replace(SPEC, precision="int8"), "has no int8; choose one of fp16, bf16"),
        (replace(SPEC, size_range=SizeRange((16, 16), (64, 64))), "captured for one size"),
    ],
)
def test_what_it_has_not_is_refused(style: StyleFile, spec: EngineSpec, words: str) -> None:
    with pytest.raises(EngineRefused, match=words) as caught:
        TorchHalfBackend().build(style, spec, AIDS)
    assert "\n" not in str(caught.value)


def test_other_nets_are_refused(style: StyleFile) -> None:
    other = StyleFile(style.path, style.data)
    other.card = replace(style.card, network={"name": "unheard_of", "config": {}})
    with pytest.raises(EngineRefused, match=r"knows no network 'unheard_of', only transform, .*; install"):
        TorchHalfBackend().build(other, SPEC, AIDS)


def test_the_cache_keeps_which_way_it_ran(style: StyleFile, engine: Engine) -> None:
    backend = TorchHalfBackend()
    again = backend.restore(backend.dump(engine), style, SPEC)
    controls, frame = Controls(style.vector("night")), random_frame(37, 54)
    assert np.array_equal(again(frame, controls), engine(frame, controls))
    with pytest.raises(EngineRefused, match="does not know"):
        backend.restore(b"\xffanother", style, SPEC)


def test_all_ways_are_tried_where_there_are_compilers() -> None:
    def make(norm: Any) -> Any:
        return norm

    def names(compilers: Compilers, only: str) -> list[str]:
        return [way for way, _ in torch_half_build.ways_to_run(make, compilers, only)]

    assert names(Compilers("3.9.0"), "") == [COMPILED, KERNELS, OPERATIONS]
    assert names(Compilers("3.9.0"), KERNELS) == [KERNELS]
    assert names(Compilers(missing="no C compiler"), "") == [OPERATIONS]
    opened = dict(torch_half_build.ways_to_run(make, Compilers(missing="no C compiler"), ""))
    made: object = opened[OPERATIONS]()
    assert made is torch_norm


def test_the_fastest_way_that_works_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    milliseconds = {"slow": 3.0, "fast": 1.0, "middling": 2.0}
    ways = iter([(way, lambda way=way: way) for way in ("slow", "broken", "fast", "middling")])

    def capture(way: Any) -> Any:
        if way == "broken":
            raise RuntimeError("a long story\nno such instruction")
        return SimpleNamespace(replay_ms=lambda: milliseconds[way])

    stages: list[str] = []
    reasons: list[str] = []
    captured = torch_half_build._captured(ways, capture, lambda stage, share: stages.append(stage), reasons)
    best = torch_half_build._fastest(captured)
    assert best is not None
    assert best[1] == "fast"
    assert reasons == ["broken: RuntimeError: no such instruction"]
    assert stages[-1] == "capturing middling"
    assert "cannot run by broken" in caplog.text


@pytest.mark.parametrize(
    ("broken", "taken"), [((), COMPILED), ((COMPILED,), KERNELS), ((COMPILED, KERNELS), OPERATIONS)]
)
def test_operations_of_torch_are_the_last_resort(broken: tuple[str, ...], taken: str) -> None:
    tried: list[str] = []

    def capture(way: Any) -> Any:
        tried.append(way)
        if way in broken:
            raise RuntimeError("no such instruction")
        return SimpleNamespace(replay_ms=lambda: float(len(tried)))

    ways = iter([(way, lambda way=way: way) for way in WAYS])
    best = torch_half_build._fastest(torch_half_build._captured(ways, capture, lambda stage, share: None, []))
    assert best is not None
    assert best[1] == taken
    assert (OPERATIONS in tried) == (taken == OPERATIONS)


def test_compiled_code_is_for_the_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv(INDUCTOR_FOLDER, "")
    monkeypatch.delenv(INDUCTOR_FOLDER)
    torch_half_build.keep_compiled_code_private()
    folder = Path(os.environ[INDUCTOR_FOLDER])
    assert folder.is_relative_to(tmp_path)
    assert folder.stat().st_mode & 0o077 == 0
    monkeypatch.setenv(INDUCTOR_FOLDER, "chosen")
    torch_half_build.keep_compiled_code_private()
    assert os.environ[INDUCTOR_FOLDER] == "chosen"


def test_a_cache_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.joinpath("file").touch()
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setenv(INDUCTOR_FOLDER, "")
    monkeypatch.delenv(INDUCTOR_FOLDER)
    torch_half_build.keep_compiled_code_private()
    assert "cannot be made (Not a directory)" in caplog.text
