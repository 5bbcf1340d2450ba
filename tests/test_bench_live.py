"""The bench's row "live": measured by a short run, and judged by the bound."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engines.backends.ours import OURS
from engines.errors import ImpastoError
from realtime.bench import run
from realtime.bench.inputs.subject import Bench, Combination
from realtime.bench.options import BenchOptions
from realtime.bench.rows.live import LiveRow, measure_live
from realtime.commands.all_commands import app
from realtime.live.stats import Percentiles

ROW = LiveRow(
    style="starry_night",
    engine="openvino 2026.4.1 fp32",
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
        "Live, starry_night on the built-in scene at 640x360, openvino 2026.4.1 fp32: "
        "28.0 of 30.0 fps; from capture to sink 40 ms (p95 93, p99 120, jitter 4), 24 dropped; "
        "p95 within 2 T + 1 frame + 10 ms = 93 ms."
    )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(BenchOptions(), tmp_path)


def test_a_short_run_is_measured_at_the_size_of_the_table(small_style: Path, bench: Bench) -> None:
    asked = Combination("waves", f"{small_style}:waves", (320, 240), "openvino", "fp32")
    row = measure_live(asked, bench, lambda line: None, seconds=3.0)
    assert (row.style, row.size, row.paint_size) == ("waves", (320, 240), (320, 240))
    assert row.engine.startswith("openvino ")
    assert row.engine.endswith(" fp32")
    assert 0 < row.coded_ms.p50 < 4000
    assert row.net_ms > 0
    assert json.loads(json.dumps(row.as_dict()))["bound_ms"] == pytest.approx(row.bound_ms)


def test_a_run_that_is_too_short_is_refused(small_style: Path, bench: Bench) -> None:
    asked = Combination("waves", f"{small_style}:waves", (320, 240), "openvino", "fp32")
    with pytest.raises(ImpastoError, match="too short"):
        measure_live(asked, bench, lambda line: None, seconds=0.0)


def test_a_net_of_random_weights_leaves_no_engine(
    small_style: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = bench.folder.with_name("users")
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(users))
    written = bench.folder / "paper.onnx"
    written.write_bytes(small_style.read_bytes())
    asked = Combination("paper (random weights)", str(written), (64, 48), "openvino", "fp32")
    with pytest.raises(ImpastoError, match="too short"):
        measure_live(asked, bench, lambda line: None, seconds=0.0)
    assert (users / "engines").is_dir()
    assert not list(users.rglob("*.engine"))


def test_the_figures_outlive_a_live_run_that_fails(
    small_style: Path, make_clip: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live run is of what ran first, not of what was asked for first."""
    asked: list[Combination] = []

    def fails(combination: Combination, bench: Bench, report: Callable[[str], None]) -> LiveRow:
        asked.append(combination)
        raise ImpastoError(f"{Path.home()} is no place for a camera")

    monkeypatch.setitem(OURS, "steam", "steam_engines:Backend")
    monkeypatch.setattr(run, "measure_live", fails)
    words = ["--clip", str(make_clip(8)), "--style", str(small_style), "--height", "48", "--frames", "4", "--live"]
    engines = ["--engine", "steam", "--engine", "openvino", "--requests", "1", "--repeats", "1"]
    result = CliRunner().invoke(app, ["bench", *words, *engines, "--precision", "fp32", "--json"])
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["combinations"][1]["result"]["rows"]["net"]["fps"]["median"] > 0
    assert (found["live"], found["live_reason"]) == (None, "~ is no place for a camera")
    assert (asked[0].engine, asked[0].size, asked[0].style_source) == ("openvino", (64, 48), str(small_style))
