"""The figures that `impasto doctor` measures, on a small net; how long it takes is not tested."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.errors import EngineRefused
from engines.spec import Controls, EngineSpec, GateReport
from engines.style.file import read_style_file
from realtime.doctor.finding import State
from realtime.doctor.subjects import engines as speed
from realtime.doctor.subjects.engines import decibels, frame_times, measure_speed


class CountingEngine:
    """Gives its frames back, and counts them."""

    def __init__(self) -> None:
        self.spec = EngineSpec("counting", "fp32", 48, 64, "CPU", "1")
        self.gate: GateReport | None = None
        self.frames = 0

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        self.frames += 1
        return frame.copy()

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def quick_look(small_style: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    style = read_style_file(small_style)
    monkeypatch.setattr(speed, "resolve", lambda name: (style, style.default))
    monkeypatch.setattr(speed, "MEASURED_SECONDS", 0.0)
    monkeypatch.setattr(speed, "WIDTH", 96)
    monkeypatch.setattr(speed, "HEIGHT", 64)


def test_the_slowest_engine_is_measured_on_two_frames_after_a_warm_up() -> None:
    engine = CountingEngine()
    seconds = list(frame_times(engine, Controls(np.zeros(4, np.float32)), 0.0))
    assert len(seconds) == 2
    assert engine.frames == 5
    assert all(value > 0 for value in seconds)


@pytest.mark.usefixtures("quick_look")
def test_an_engine_is_built_checked_and_measured() -> None:
    lines: list[str] = []
    (finding,) = measure_speed("openvino", lines.append)
    facts = finding.facts
    assert finding.state is State.YES
    assert facts["frames"] == 2
    assert facts["size"] == [96, 64]
    assert facts["p50_ms"] <= facts["p95_ms"]
    assert facts["fps"] == pytest.approx(1000 / facts["p50_ms"], rel=0.01)  # of two, the median is the mean
    assert facts["gate_psnr_db"] is None or facts["gate_psnr_db"] >= facts["gate_floor_db"]
    assert finding.text.startswith(f"{facts['precision']}: ")
    assert any(line.startswith("engine: openvino") for line in lines)
    assert lines[-1].startswith("measuring openvino for")


@pytest.mark.usefixtures("quick_look")
def test_an_engine_that_is_refused_is_told_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise EngineRefused("no engine can run it: black; white")

    monkeypatch.setattr(speed, "load_engine", refuse)
    (finding,) = measure_speed("openvino", print)
    assert (finding.state, finding.text) == (State.NO, "no engine can run it: black; white")


def test_equal_pictures_have_no_end_of_decibels() -> None:
    assert decibels(52.34) == "52.3 dB"
    assert decibels(float("inf")) == "no difference"
