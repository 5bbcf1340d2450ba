"""A contact sheet: pictures in columns, one above the other, with captions, on paper.

`contact_sheet` makes the picture, `save_contact_sheet` writes it. The usual sheet has the input above and the painted
frame below, one column per style or per moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from realtime.frames.frame import Pixels
from realtime.media.picture_file import Picture, encode_picture, resize, write_whole

Colour = tuple[int, int, int]
FONT = "sans"
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Column:
    """Pictures from top to bottom, all of one size, and up to two lines under them: what it is, and whose."""

    pictures: Sequence[Pixels]
    caption: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """Lengths in pixels. `columns` is how many stand beside one another before the next band begins."""

    column_width: int = 384
    columns: int = 4
    margin: int = 32
    column_gap: int = 16
    picture_gap: int = 6
    band_gap: int = 26
    caption_size: int = 17
    detail_size: int = 14
    paper: Colour = (250, 248, 244)
    ink: Colour = (38, 36, 34)
    faint_ink: Colour = (128, 122, 114)


DEFAULT_LAYOUT = SheetLayout()


def contact_sheet(columns: Sequence[Column], layout: SheetLayout = DEFAULT_LAYOUT) -> Pixels:
    """The sheet as (H, W, 3) uint8 RGB. Pictures are scaled to the column's width; columns fill bands evenly.

    Raises ValueError where there is nothing to show, or pictures of different sizes or numbers.
    """
    picture_size = _picture_size(columns, layout)
    bands = _bands(columns, layout.columns)
    pages = [_band(band, picture_size, layout, len(bands[0])) for band in bands]
    gap = _paper(layout.band_gap, pages[0].shape[1], layout)
    stacked = [row for page in pages for row in (page, gap)][:-1]
    return _framed(np.vstack(stacked), layout)


def save_contact_sheet(path: Path, columns: Sequence[Column], layout: SheetLayout = DEFAULT_LAYOUT) -> None:
    """Write the sheet in the format that the suffix of `path` names; it is there whole or not at all."""
    write_whole(path, encode_picture(Picture(contact_sheet(columns, layout)), path.suffix))


def _picture_size(columns: Sequence[Column], layout: SheetLayout) -> tuple[int, int]:
    """Width and height of every picture on the sheet."""
    shapes = {picture.shape for column in columns for picture in column.pictures}
    if not shapes:
        raise ValueError("a contact sheet needs at least one picture")
    if len(shapes) > 1 or len({len(column.pictures) for column in columns}) > 1:
        raise ValueError(f"the columns of a contact sheet hold as many pictures of one size, not {sorted(shapes)}")
    height, width, _ = next(iter(shapes))
    return layout.column_width, max(1, round(height * layout.column_width / width))


def _bands(columns: Sequence[Column], most: int) -> list[Sequence[Column]]:
    """The columns dealt into as few bands as hold them, the first ones no emptier than the last."""
    count = -(-len(columns) // max(1, most))
    wide = -(-len(columns) // count)
    return [columns[start : start + wide] for start in range(0, len(columns), wide)]


def _band(columns: Sequence[Column], picture_size: tuple[int, int], layout: SheetLayout, places: int) -> Pixels:
    """One row of columns, filled up with paper to as many places as the other bands have."""
    drawn = [_column(column, picture_size, layout) for column in columns]
    drawn += [_paper(drawn[0].shape[0], layout.column_width, layout)] * (places - len(drawn))
    gap = _paper(drawn[0].shape[0], layout.column_gap, layout)
    return np.hstack([part for column in drawn for part in (column, gap)][:-1])


def _column(column: Column, picture_size: tuple[int, int], layout: SheetLayout) -> Pixels:
    gap = _paper(layout.picture_gap, layout.column_width, layout)
    parts = [part for picture in column.pictures for part in (resize(picture, picture_size), gap)][:-1]
    return np.vstack([*parts, _label(column, layout)])


def _label(column: Column, layout: SheetLayout) -> Pixels:
    """The two lines under a column."""
    label = _paper(round(1.5 * layout.caption_size + 1.5 * layout.detail_size), layout.column_width, layout)
    base = round(1.35 * layout.caption_size)
    _write(label, column.caption, base, layout.caption_size, 600, layout.ink)
    _write(label, column.detail, base + round(1.35 * layout.detail_size), layout.detail_size, 400, layout.faint_ink)
    return label


def _write(page: Pixels, text: str, base: int, size: int, weight: int, ink: Colour) -> None:
    """One line from the left edge, cut short where the page ends."""
    font = cv2.FontFace(FONT)
    shown = text
    while shown and _text_width(shown, font, size, weight) > page.shape[1]:
        shown = shown.removesuffix(ELLIPSIS)[:-1].rstrip() + ELLIPSIS if len(shown) > 1 else ""
    if shown:
        cv2.putText(page, shown, (0, base), ink, font, size, weight)


def _text_width(text: str, font: cv2.FontFace, size: int, weight: int) -> int:
    x, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), font, size, weight)
    return int(x + width)


def _paper(height: int, width: int, layout: SheetLayout) -> Pixels:
    return np.full((height, width, 3), layout.paper, np.uint8)


def _framed(page: Pixels, layout: SheetLayout) -> Pixels:
    """The page with a margin; the captions already leave some room below."""
    height, width = page.shape[:2]
    edge = layout.margin
    sheet = _paper(height + 2 * edge - edge // 3, width + 2 * edge, layout)
    sheet[edge : edge + height, edge : edge + width] = page
    return sheet
