"""The contact sheet of an evaluation: the photos above, then a row for each style, its painting at the left."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from realtime.evaluation.photos import Photo
from realtime.evaluation.report import StyleRow
from realtime.evaluation.run import Evaluation
from realtime.files.contact_sheet import Column, SheetLayout, save_contact_sheet
from realtime.frames.frame import Pixels
from realtime.media.picture_file import read_picture, resize

TILE = (480, 360)  # width and height in pixels
PAPER = SheetLayout().paper


def save_sheet(path: Path, evaluation: Evaluation) -> None:
    """Writes the sheet in the format that the suffix names."""
    columns = list(_photos(evaluation.photos))
    for subject, painted, row in zip(evaluation.subjects, evaluation.painted, evaluation.rows, strict=False):
        columns.append(Column([fitted(read_picture(subject.painting).rgb)], row.label, _told(row)))
        columns += [
            Column([fitted(picture)], "", f"{one.figures['brush_distance']:.4f}, {one.figures['kept_content']:.3f}")
            for picture, one in zip(painted.pictures, row.pictures, strict=True)
        ]
    width = 1 + len(evaluation.photos)
    save_contact_sheet(path, columns, SheetLayout(column_width=TILE[0] * 2 // 3, columns=width))


def fitted(pixels: Pixels) -> Pixels:
    """The whole picture in the middle of a tile of paper."""
    height, width = pixels.shape[:2]
    scale = min(TILE[0] / width, TILE[1] / height)
    columns, rows = round(width * scale), round(height * scale)
    tile = np.full((TILE[1], TILE[0], 3), PAPER, np.uint8)
    top, left = (TILE[1] - rows) // 2, (TILE[0] - columns) // 2
    tile[top : top + rows, left : left + columns] = resize(pixels, (columns, rows))
    return tile


def _photos(photos: Sequence[Photo]) -> list[Column]:
    empty = np.full((TILE[1], TILE[0], 3), PAPER, np.uint8)
    return [
        Column([empty]),
        *(Column([fitted(photo.pixels)], photo.name, "brush distance, kept content") for photo in photos),
    ]


def _told(row: StyleRow) -> str:
    return f"brush {row.on_photos['brush_distance']:.4f}, kept {row.on_photos['kept_content']:.3f}"
