"""The table of an evaluation: a row for each style, then the median and the worst, then the optimiser."""

from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from statistics import median

from rich.console import Console
from rich.table import Table
from rich.text import Text

from realtime.evaluation.jury import CHECK_PREFIX, Figures
from realtime.evaluation.report import EvaluationReport, StyleRow
from realtime.evaluation.steadiness.report import NOTES as STEADINESS_NOTES
from realtime.evaluation.steadiness.report import steadiness_table

NOTES = (
    "Brush: distance from the painting's strokes and colours; patch: from its patches of pixels, which sees blur and "
    "fringes; kept: content, weighed by the photo's detail. Plain and Gram are the papers' figures. Weave: 0 where "
    "strokes run on, 1 where they cross, 0.1 to 0.5 in paintings. Noise pair: mean difference, of 255, between two "
    "paintings of a still photo with sensor noise of σ 2. All but weave are better the smaller they are."
)
UNBOUNDED = 1000
Cells = list[str]


def as_text(report: EvaluationReport, width: int) -> str:
    """The tables for a terminal of so many columns, with what their columns mean."""
    table = evaluation_table(report)
    console = Console(file=StringIO(), width=_room_for(table, width), color_system=None)
    console.print(table)
    console.print(Text(NOTES), width=width)
    if report.steadiness is not None:
        console.print("", steadiness_table(report.steadiness), Text(STEADINESS_NOTES), width=width)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text.rstrip()


def evaluation_table(report: EvaluationReport) -> Table:
    checked = CHECK_PREFIX.rstrip("_") in report.judged_by
    table = Table(title=_title(report), title_justify="left", title_style="bold")
    for number, column in enumerate(_columns(report, checked)):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in report.rows:
        table.add_row(*_cells(row, checked))
    if len(report.rows) > 1:
        table.add_section()
        for name, summary in (("median", median), ("worst", max)):
            table.add_row(*_summary(name, report, summary, checked))
    for iterations, figures in report.optimised_by_iterations.items():
        table.add_row(f"optimiser, {iterations}", *_judged(figures, checked), *_blank(4), f"{figures['seconds']:.1f} s")
    return table


def _room_for(table: Table, width: int) -> int:
    """How wide it becomes: it goes without gaps, and then beyond the terminal, before a figure is cut."""
    unbounded = Console(width=UNBOUNDED)
    if unbounded.measure(table).minimum > width:
        table.padding = 0
    return max(width, unbounded.measure(table).minimum)


def _title(report: EvaluationReport) -> Text:
    pictures = "picture" if len(report.photos) == 1 else "pictures"
    return Text(f"{len(report.rows)} styles on {len(report.photos)} {pictures} of {report.size} pixels")


def _columns(report: EvaluationReport, checked: bool) -> Iterator[str]:
    yield from ("style", "brush", "patch", "kept", "plain", "Gram", "weave")
    if checked:
        yield from (f"{report.judged_by['check']['network']}:\n{name}" for name in ("brush", "kept"))
    yield from ("scene:\nbrush", "kept", "noise\npair", "E_warp", "net,\nms")


def _cells(row: StyleRow, checked: bool) -> Cells:
    steady = [f"{row.noise_pair:.2f}", f"{row.stability.e_warp:.5f}", f"{row.ms:.1f}"]
    return [row.label, *_judged(row.on_photos, checked), *_of_scene(row.on_scene), *steady]


def _summary(name: str, report: EvaluationReport, summary: Callable[[Sequence[float]], float], checked: bool) -> Cells:
    """The median or the worst of each column by itself."""
    rows = report.rows
    on_scene = {key: summary([row.on_scene[key] for row in rows]) for key in rows[0].on_scene}
    steady = [
        f"{summary([row.noise_pair for row in rows]):.2f}",
        f"{summary([row.stability.e_warp for row in rows]):.5f}",
        f"{summary([row.ms for row in rows]):.1f}",
    ]
    return [name, *_judged(report.over_styles(summary), checked), *_of_scene(on_scene), *steady]


def _judged(figures: Figures, checked: bool) -> Cells:
    names = ["brush_distance", "patch_distance", "kept_content", "plain_content", "gram", "weave"]
    names += [f"{CHECK_PREFIX}brush_distance", f"{CHECK_PREFIX}kept_content"] if checked else []
    return [_shown(name, figures[name]) for name in names]


def _of_scene(figures: Figures) -> Cells:
    return [_shown(name, figures[name]) for name in ("brush_distance", "kept_content")]


def _shown(name: str, value: float) -> str:
    """Content, weave and patches to a thousandth, other distances to a ten-thousandth."""
    return f"{value:.3f}" if name.endswith(("content", "weave", "patch_distance")) else f"{value:.4f}"


def _blank(count: int) -> Cells:
    return [""] * count
