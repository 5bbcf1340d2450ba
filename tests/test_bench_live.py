"""The bench's row "live": measured by a short run, and judged by the bound."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engines.errors import ImpastoError
from engines.loading.engine import EngineChoice, load_engine
from engines.style.styles import load_style
from realtime.bench.options import BenchOptions
from realtime.bench.rows.live import LiveRow, measure_live
from realtime.live.stats import Percentiles

ROW = LiveRow(
    seconds=12.0,
    painted_fps=28.0,
    captured_fps=30.0,
    net_ms=25.0,
    coded_ms=Percentiles(300, 40.0, 93.0, 120.0, 4.0, 300.0),
    stage_ms={},
    dropped={"capture": 24},
    size=(640, 360),
    paint_size=(640, 360),
)


def test_the_bound_is_two_nets_a_frame_and_ten_milliseconds() -> None:
    assert ROW.bound_ms == pytest.approx(50 + 33.33 + 10, abs=0.01)
    assert ROW.holds
    assert not replace(ROW, coded_ms=replace(ROW.coded_ms, p95=94.0)).holds


def test_it_is_told_in_a_line() -> None:
    assert ROW.summary() == (
        "Live: 28.0 of 30.0 fps; from capture to sink 40 ms (p95 93, p99 120, jitter 4), 24 dropped; "
        "p95 within 2 T + 1 frame + 10 ms = 93 ms."
    )


def test_a_short_run_is_measured(small_style: Path) -> None:
    # Built before, so that the seconds are not spent on it where the cores are busy.
    load_engine(load_style(str(small_style)), height=180, width=320, choice=EngineChoice("openvino")).close()
    options = BenchOptions(styles=(f"{small_style}:waves",), height=180, engines=("openvino",))
    row = measure_live(options, lambda line: None, seconds=3.0)
    assert row.paint_size == (320, 180)
    assert 0 < row.coded_ms.p50 < 4000
    assert row.net_ms > 0
    assert json.loads(json.dumps(row.as_dict()))["bound_ms"] == pytest.approx(row.bound_ms)


def test_a_run_that_is_too_short_is_refused(small_style: Path) -> None:
    options = BenchOptions(styles=(f"{small_style}:waves",), height=180, engines=("openvino",))
    with pytest.raises(ImpastoError, match="too short"):
        measure_live(options, lambda line: None, seconds=0.0)
