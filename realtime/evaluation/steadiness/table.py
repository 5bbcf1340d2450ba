"""The table of steadiness: a row for each style and film, then the median and the worst of them."""

from collections.abc import Callable, Iterator, Sequence
from math import isnan
from statistics import median

from rich.table import Table
from rich.text import Text

from realtime.evaluation.steadiness.report import SteadyReport, SteadyRow

NOTES = (
    "Flicker and noise gain: how many times the painting changes as the film does, where that stands still, and where "
    "noise is all that changes; breathing: by how many levels of 255 frozen ground changes while something moves over "
    "it; E_warp: by estimated flow, on the scene by the exact one; all are better the smaller they are. Contrast: the "
    "part that is kept where the film moves."
)
# Name, title and unit of each column; plain figures stand before those that are held.
COLUMNS = (
    ("flicker_gain", "flicker gain", 1),
    ("noise_gain", "noise gain", 1),
    ("breathing", "breathing", 1),
    ("e_warp", "E_warp, 10⁻⁴", 1e-4),
    ("e_warp_ratio", "of the film's own", 1),
)
UNKNOWN = ""
Summary = Callable[[Sequence[float]], float]


def steadiness_table(report: SteadyReport) -> Table:
    title = Text(f"painted plain, and held still with --steady {report.steady:g}")
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(("style", "clip", *(title for _, title, _ in COLUMNS), "contrast")):
        table.add_column(column, justify="right" if number > 1 else "left", no_wrap=number != 1)
    for row in report.rows:
        table.add_row(row.label, row.film, *_cells([row], median))
    if len(report.rows) > 1:
        table.add_section()
        for name, summary, least in (("median", median, median), ("worst", max, min)):
            table.add_row(name, "", *_cells(report.rows, summary, least))
    return table


def _cells(rows: Sequence[SteadyRow], summary: Summary, of_kept: Summary | None = None) -> Iterator[str]:
    """The summary of each column by itself; the less is kept, the worse."""
    for name, _, unit in COLUMNS:
        both = ([row.plain.get(name) for row in rows], [row.held.get(name) for row in rows])
        plain, held = (_shown(values, summary, unit) for values in both)
        yield f"{plain} → {held}" if plain and held else UNKNOWN
    yield _shown([row.contrast_kept for row in rows], of_kept or summary)


def _shown(values: Sequence[float | None], summary: Summary, unit: float = 1) -> str:
    """Of what is known."""
    known = [value for value in values if value is not None and not isnan(value)]
    return f"{summary(known) / unit:.2f}" if known else UNKNOWN
