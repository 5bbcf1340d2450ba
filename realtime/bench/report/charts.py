"""The report as charts (PNG), with matplotlib from the extra `plot`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from engines.packages import needing_extra
from realtime.bench.figures import Spread
from realtime.bench.inputs.subject import Combination
from realtime.bench.machine import one_line
from realtime.bench.report.report import BenchReport, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which people of every colour vision can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
GREY = "#555555"
WIDTH_INCHES = 11.0
DOTS_PER_INCH = 120
BAR_INCHES = 0.34
HEAD_INCHES = 0.7
FOOT_INCHES = 0.9
LINE_INCHES = 0.16
TITLE_CHARACTERS = 110
ROWS = {"net": "net only", "decode_stylize_null": "decode → paint", "decode_stylize_encode": "decode → paint → encode"}
Ran = Sequence[tuple[Combination, Result]]


def check_matplotlib() -> None:
    """ImpastoError where it is not installed."""
    _figure_class()


def write_charts(report: BenchReport, folder: Path) -> list[Path]:
    """fps.png, latency.png and, unless it was quick, waterfall.png in `folder`; OSError where it cannot be made."""
    figure = _figure_class()
    if not report.ran:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _write(figure, report, folder / f"{name}.png", title, draw, bars)
        for name, title, draw, bars in (
            ("fps", "Frames a second", _draw_fps, len(_rows(report.ran))),
            ("latency", "Milliseconds of a frame in the net, one at a time", _draw_latency, 1),
            ("waterfall", "Milliseconds of a frame in each stage alone", _draw_waterfall, 1),
        )
        if name != "waterfall" or not report.quick
    ]


def _figure_class() -> Any:
    with needing_extra("plot", "--plot"):
        from matplotlib.figure import Figure
    return Figure


def _write(
    figure_class: Any, report: BenchReport, path: Path, title: str, draw: Callable[["Axes", Ran], None], bars: int
) -> Path:
    """One chart; its height follows the number of bars, so that they and their labels are as wide in each."""
    ran = report.ran
    below = [*wrap(one_line(report.machine), TITLE_CHARACTERS), *wrap(report.command, TITLE_CHARACTERS)]
    inches = HEAD_INCHES + len(below) * LINE_INCHES + FOOT_INCHES
    inches += max(1.0, (bars + 0.6) * BAR_INCHES * len(ran))
    figure: Figure = figure_class(figsize=(WIDTH_INCHES, inches), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    draw(axes, ran)
    axes.set_yticks(range(len(ran)), [_label(made, result) for made, result in ran])
    axes.invert_yaxis()
    title += ", measured quickly" if report.quick else ""
    figure.suptitle(title, x=0.01, ha="left", fontsize=14, fontweight="bold")
    axes.set_title("\n".join(below), loc="left", fontsize=9, color=GREY)
    figure.savefig(path)
    return path


def _rows(ran: Ran) -> dict[str, str]:
    """Those of ROWS that were measured: a quick run has fewer."""
    return {name: label for name, label in ROWS.items() if name in ran[0][1].rows}


def _draw_fps(axes: "Axes", ran: Ran) -> None:
    rows = _rows(ran)
    height = 0.8 / len(rows)
    most = max(result.rows[name].fps.most for _, result in ran for name in rows)
    for index, (name, label) in enumerate(rows.items()):
        places = [place + (index - (len(rows) - 1) / 2) * height for place in range(len(ran))]
        spreads = [result.rows[name].fps for _, result in ran]
        _bars(axes, places, spreads, height * 0.9, COLOURS[index], label, most)
    axes.set_xlim(0, 1.14 * most)
    axes.set_xlabel("frames a second: median, least and most of the turns")
    _legend(axes, len(rows))


def _bars(
    axes: "Axes", places: list[float], spreads: list[Spread], height: float, colour: str, label: str, most: float
) -> None:
    medians = [spread.median for spread in spreads]
    errors = [[s.median - s.least for s in spreads], [s.most - s.median for s in spreads]]
    axes.barh(places, medians, height, color=colour, label=label, xerr=errors, error_kw={"ecolor": GREY, "capsize": 2})
    for place, spread in zip(places, spreads, strict=True):
        axes.text(spread.most + 0.012 * most, place, f"{spread.median:.1f}", va="center", fontsize=9)


def _draw_latency(axes: "Axes", ran: Ran) -> None:
    """A line from the median to the 99th percentile: long ones are nets that stutter."""
    most = max(result.latency.p99 for _, result in ran)
    for place, (_, result) in enumerate(ran):
        late = result.latency
        axes.plot([late.p50, late.p99], [place, place], color="#BBBBBB", linewidth=3, zorder=1, solid_capstyle="round")
        axes.text(late.p99 + 0.02 * most, place, _of_three(late.p50, late.p95, late.p99), va="center", fontsize=9)
    for index, name in enumerate(("p50", "p95", "p99")):
        values = [getattr(result.latency, name) for _, result in ran]
        axes.scatter(values, range(len(ran)), s=64, color=COLOURS[index], label=name, zorder=2 + index)
    axes.set_xlim(0, 1.22 * most)
    axes.set_ylim(-0.6, len(ran) - 0.4)
    axes.set_xlabel("milliseconds")
    _legend(axes, 3)


def _draw_waterfall(axes: "Axes", ran: Ran) -> None:
    """The stages of a frame one after the other, as if nothing overlapped."""
    stages = list(ran[0][1].stages)
    sums = [sum(stage.ms.median for stage in result.stages.values()) for _, result in ran]
    lefts = [0.0] * len(ran)
    for index, name in enumerate(stages):
        widths = [result.stages[name].ms.median for _, result in ran]
        axes.barh(range(len(ran)), widths, 0.62, left=lefts, color=COLOURS[index], label=name, edgecolor="white")
        for place, (left, width) in enumerate(zip(lefts, widths, strict=True)):
            if width > 0.07 * max(sums):
                axes.text(left + width / 2, place, f"{width:.1f}", ha="center", va="center", color="white", fontsize=9)
        lefts = [left + width for left, width in zip(lefts, widths, strict=True)]
    for place, (_, result) in enumerate(ran):
        share = f", pipeline {100 * result.efficiency.median:.0f} % of it" if result.efficiency else ""
        bound = f"{sums[place]:.1f} ms; bound by {result.slowest_stage}{share}"
        axes.text(sums[place] + 0.01 * max(sums), place, bound, va="center", fontsize=9)
    axes.set_xlim(0, 1.55 * max(sums))
    axes.set_xlabel("milliseconds")
    _legend(axes, len(stages))


def _legend(axes: "Axes", columns: int) -> None:
    axes.figure.legend(loc="outside lower left", ncols=columns, frameon=False, fontsize=9)


def _label(made: Combination, result: Result) -> str:
    return f"{made.style}, {made.size_text}\n{result.engine} {result.precision}"


def _of_three(p50: float, p95: float, p99: float) -> str:
    return f"{p50:.1f} / {p95:.1f} / {p99:.1f}"
