"""Spreads, percentiles, and how figures are written; the command that makes them again."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from realtime.bench.figures import Latency, Spread, percentile, shown
from realtime.bench.options import BenchOptions
from realtime.bench.report.report import command_line
from realtime.commands.all_commands import app


def test_a_spread_is_the_median_the_least_and_the_most() -> None:
    spread = Spread.of([20.0, 10.0, 40.0])
    assert spread == Spread(20.0, 10.0, 40.0, 3)
    assert str(spread) == "20.0 (10.0–40.0)"
    assert str(Spread.of([5.0])) == "5.00"


def test_there_is_no_spread_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Spread.of([])


def test_percentiles_by_nearest_rank() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert [percentile(hundred, share) for share in (0.5, 0.95, 0.99)] == [50, 95, 99]
    assert percentile([7.0], 0.99) == 7


def test_latency_pools_the_frames_and_keeps_the_medians_of_the_repeats() -> None:
    late = Latency.of([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    assert (late.p50, late.p99, late.count) == (3.0, 30.0, 6)
    assert late.p50_of_repeats == Spread(11.0, 2.0, 20.0, 2)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0421, "0.0421"), (4.2, "4.20"), (41.96, "42.0"), (999.6, "1000"), (4200.4, "4200"), (0.0, "0")],
)
def test_three_digits_count(value: float, text: str) -> None:
    assert shown(value) == text


def test_the_command_is_told_without_folders() -> None:
    options = BenchOptions(
        clip=Path("/home/somebody/clip.mp4"),
        styles=("paper", "/home/somebody/mine.onnx:night"),
        sizes=((640, 360), (1280, 720)),
        precisions=("fp32", "int8"),
        repeats=5,
        row_seconds=2.5,
        peers=True,
    )
    assert command_line(options) == (
        "impasto bench --style paper --style mine.onnx:night --size 640x360 --size 1280x720 "
        "--precision fp32 --precision int8 --peers --clip clip.mp4 --row-seconds 2.5 --repeats 5"
    )


def test_nothing_is_told_of_defaults() -> None:
    assert command_line(BenchOptions()) == "impasto bench"


@pytest.mark.parametrize("words", [["--size", "wide"], ["--frames", "1"], ["--requests", "0"]])
def test_what_cannot_be_meant_is_refused(words: list[str]) -> None:
    assert CliRunner().invoke(app, ["bench", *words]).exit_code == 2
