"""What came of judging steadiness: a row for each style and film, plain and held still; as a table, and as slices.

Slices through time are a column of pixels beside itself in every frame, so that flicker is seen at a glance. What
stands still is drawn in level stripes, and what flickers as a fence.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from rich.table import Table
from rich.text import Text

from realtime.evaluation.jury import Figures
from realtime.files.contact_sheet import Column, SheetLayout, save_contact_sheet
from realtime.frames.frame import Pixels

DIGITS = 6
SCENE = "scene"
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
TILE = (360, 360)  # width and height in pixels


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """One column of pixels over time, [H, T, 3]: of the film, and of its paintings as they are and held still."""

    film: Pixels
    plain: Pixels
    held: Pixels


@dataclass(frozen=True, slots=True)
class SteadyRow:
    """One style on one film, or on the built-in scene, of which only the warping error is told.

    Figures are NaN where the film has no place to tell them by.
    """

    label: str
    film: str
    plain: Figures
    held: Figures
    contrast_kept: float | None = None
    slices: Slices | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON, in which NaN is null."""
        kept = {} if self.contrast_kept is None else {"contrast_kept": round(self.contrast_kept, DIGITS)}
        plain, held = _rounded(self.plain), _rounded(self.held)
        return {"style": self.label, "clip": self.film, "plain": plain, "steady": held, **kept}


@dataclass(frozen=True, slots=True)
class SteadyReport:
    """The rows in the order of the styles, and how steady the hand was."""

    steady: float
    rows: Sequence[SteadyRow]

    def as_dict(self) -> dict[str, Any]:
        return {"steady": self.steady, "rows": [row.as_dict() for row in self.rows]}


def _rounded(figures: Figures) -> dict[str, float]:
    return {name: round(value, DIGITS) for name, value in figures.items()}


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


def save_slices(path: Path, report: SteadyReport) -> None:
    """A row for each style and film: the film, its painting, and that held still, in the format that the suffix says.

    Nothing is written where no film was judged.
    """
    columns = [column for row in report.rows if row.slices for column in _columns(row, row.slices, report.steady)]
    if columns:
        save_contact_sheet(path, columns, SheetLayout(column_width=TILE[0], columns=3))


def _columns(row: SteadyRow, slices: Slices, steady: float) -> Iterator[Column]:
    yield Column([_tile(slices.film)], row.film, f"a column of pixels over {slices.film.shape[1]} frames")
    yield Column([_tile(slices.plain)], row.label, f"as painted{_told(row.plain['flicker_gain'])}")
    yield Column([_tile(slices.held)], row.label, f"--steady {steady:g}{_told(row.held['flicker_gain'])}")


def _told(gain: float) -> str:
    return "" if isnan(gain) else f", flicker gain {gain:.2f}"


def _tile(pixels: Pixels) -> Pixels:
    """[H, T, 3] as a tile: time keeps its steps."""
    column = cv2.resize(pixels, (pixels.shape[1], TILE[1]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(column, TILE, interpolation=cv2.INTER_NEAREST), np.uint8)
