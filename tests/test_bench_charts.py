"""The report as tables and charts, from figures that are made up here."""

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from engines.errors import ImpastoError
from realtime.bench.figures import Latency, Spread
from realtime.bench.inputs.subject import Combination
from realtime.bench.machine import fingerprint
from realtime.bench.report.charts import check_matplotlib, write_charts
from realtime.bench.report.report import BenchReport, Outcome, PeerRow, Result, Row, Stage
from realtime.bench.report.tables import as_markdown, as_text, tables_of
from realtime.bench.roofline.ceilings import Ceiling
from realtime.bench.roofline.cost import NetCost
from realtime.bench.roofline.roofline import Floor, Roof
from realtime.commands.all_commands import app
from realtime.files.stats import STAGES

SPREAD = Spread(40.0, 38.5, 41.0, 3)
CEILINGS = Ceiling(1e11, "FLOP", "a matrix product"), Ceiling(2e10, "B", "a copy")
COST = NetCost(31_607_000_000, 1_800_000, 88_000_000)
RESULT = Result(
    engine="openvino 2026.4.1",
    precision="fp32",
    device="CPU",
    gate_db=79.0,
    gate_reference="OpenCV",
    restore_seconds=SPREAD,
    first_frame_seconds=SPREAD,
    peak_mib=SPREAD,
    gpu_mib=None,
    latency=Latency(24.0, 27.0, 31.0, 270, SPREAD),
    rows={name: Row(SPREAD, SPREAD, {}) for name in ("net", "decode_stylize_null", "decode_stylize_encode")},
    stages={name: Stage(Spread(4.0 + place, 4.0, 9.0, 3), 0.2, SPREAD) for place, name in enumerate(STAGES)},
    efficiency=Spread(0.96, 0.94, 0.97, 3),
    usable_cores=2,
    peers=(PeerRow("OpenCV dnn", "", SPREAD, SPREAD, SPREAD, SPREAD, 58.0, 0.3), PeerRow("steam", "no boiler")),
    roof=Roof(COST, COST, Floor.of(COST, "fp32", *CEILINGS), 1000.0, *CEILINGS, "fp32"),
)


@pytest.fixture
def report() -> BenchReport:
    made = [
        Combination(style, style, (640, 360), "auto", "fp32") for style in ("starry_night", "paper (random weights)")
    ]
    refused = Outcome(replace(made[0], engine="tensorrt"), None, "no card | no driver")
    return BenchReport(
        command="impasto bench --style paper --roofline --peers",
        clip="the built-in scene",
        frames=90,
        row_seconds=10.0,
        repeats=3,
        requests=2,
        outcomes=(*(Outcome(one, RESULT) for one in made), refused),
        live=None,
        machine=fingerprint(),
    )


def test_every_table_has_its_rows(report: BenchReport) -> None:
    tables = {table.title: table for table in tables_of(report)}
    assert list(tables) == ["Speed", "Start and memory", "Waterfall", "Peers", "Roofline", "Left out"]
    assert all(len(row) == len(table.columns) for table in tables.values() for row in table.rows)
    assert "40.0 (38.5–41.0)" in tables["Speed"].rows[0]
    assert "×40.0 (38.5–41.0)" in tables["Peers"].rows[0]
    assert "steam: no boiler" in tables["Peers"].rows[1]
    assert tables["Roofline"].rows[0][-3:] == ("compute", "1000", "63 %")


def test_what_the_gpu_takes_alone_is_told_and_stands_under_the_roof(report: BenchReport) -> None:
    on_card = replace(RESULT, on_gpu_ms=Spread(2.5, 2.4, 2.7, 3))
    assert (RESULT.net_ms, on_card.net_ms) == (24.0, 2.5)
    told = tables_of(replace(report, outcomes=(Outcome(report.outcomes[0].combination, on_card),)))[0].notes
    assert any("2.50 (2.40–2.70) ms for a frame that lies in the GPU's memory" in note for note in told)


def test_markdown_has_the_command_and_no_broken_cells(report: BenchReport) -> None:
    page = as_markdown(report)
    assert page.startswith("    impasto bench --style paper")
    assert "no card \\| no driver" in page
    table = [line for line in page.splitlines() if line.startswith("| starry_night")]
    assert table


def test_text_is_as_wide_as_the_terminal(report: BenchReport) -> None:
    assert max(len(line) for line in as_text(report, 120).splitlines()[2:]) <= 120


@pytest.mark.parametrize("columns", [80, 240])
def test_a_narrow_terminal_breaks_no_word_and_no_figure(report: BenchReport, columns: int) -> None:
    words = {word.strip("│,") for word in as_text(report, columns).split()}
    cells = [cell for table in tables_of(report) for row in table.rows for cell in row]
    assert not {word.strip("│,") for cell in cells for word in cell.split()} - words


def test_charts_are_pictures(report: BenchReport, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    written = write_charts(report, tmp_path / "charts")
    assert [path.name for path in written] == ["fps.png", "latency.png", "waterfall.png"]
    for path in written:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert picture.shape[1] == 1320
        assert len({tuple(pixel) for pixel in picture[::7, ::7].reshape(-1, 3).tolist()}) > 3


QUICK = replace(
    RESULT, restore_seconds=None, first_frame_seconds=None, peak_mib=None, build_seconds=None, efficiency=None,
    rows={"decode_stylize_encode": Row(SPREAD, SPREAD, {})}, stages={}, peers=(), roof=None,
)  # fmt: skip


def test_quick_figures_are_told_as_such(report: BenchReport, tmp_path: Path) -> None:
    quick = replace(report, quick=True, repeats=1, outcomes=(Outcome(report.outcomes[0].combination, QUICK),))
    (table,) = tables_of(quick)
    assert table.title == "Speed, measured quickly"
    assert table.columns[3:] == ("net only, p50 ms", "p95 ms", "p99 ms", "decode to file, fps", "gate, dB")
    assert table.notes[0].startswith("--quick: one short turn")
    assert table.notes[1] == "One turn of 90 frames, or of 10 s."
    assert "measured quickly" in as_text(quick, 160)
    assert "**Speed, measured quickly**" in as_markdown(quick)
    assert (quick.as_dict()["quick"], report.as_dict()["quick"]) == (True, False)
    pytest.importorskip("matplotlib")
    assert [path.name for path in write_charts(quick, tmp_path)] == ["fps.png", "latency.png"]


def test_without_a_result_there_is_no_chart(report: BenchReport, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert write_charts(replace(report, outcomes=report.outcomes[-1:]), tmp_path / "charts") == []


def test_where_the_tables_could_not_be_written_nothing_is_measured(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["bench", "--markdown", str(tmp_path / "nowhere" / "tables.md")])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"impasto: there is no folder {tmp_path / 'nowhere'} for tables.md; make it first\n"


def test_a_folder_for_tables_and_a_file_for_charts_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["bench", "--markdown", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (2, "")
    named = tmp_path / "bench.md"
    assert result.stderr == f"impasto: --markdown {tmp_path} is a folder; name the file to write, such as {named}\n"
    pytest.importorskip("matplotlib")
    file = tmp_path / "file"
    file.touch()
    result = CliRunner().invoke(app, ["bench", "--plot", str(file)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"impasto: --plot {file} is a file and no folder; name a folder\n"


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImpastoError, match=r"pip install 'impasto\[plot\]'"):
        check_matplotlib()
