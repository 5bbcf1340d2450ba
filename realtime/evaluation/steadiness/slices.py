"""Slices through time: a column of pixels beside itself in every frame, so that flicker is seen at a glance.

What stands still is drawn in level stripes, and what flickers as a fence.
"""

from collections.abc import Iterator
from math import isnan
from pathlib import Path

import cv2
import numpy as np

from realtime.evaluation.steadiness.report import Slices, SteadyReport, SteadyRow
from realtime.files.contact_sheet import Column, SheetLayout, save_contact_sheet
from realtime.frames.frame import Pixels

TILE = (360, 360)  # width and height in pixels


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
