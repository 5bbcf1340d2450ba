"""The contact sheet: every picture in its place, captions under them, paper around."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.files.contact_sheet import Column, SheetLayout, contact_sheet, save_contact_sheet

LAYOUT = SheetLayout(column_width=60, columns=3, margin=8, column_gap=4, picture_gap=2, band_gap=6)
RED, GREEN, BLUE = (200, 20, 20), (20, 180, 40), (30, 40, 190)


def plain(colour: tuple[int, int, int], height: int = 20, width: int = 30) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def test_the_first_picture_is_above_the_second() -> None:
    sheet = contact_sheet([Column((plain(RED), plain(GREEN)), "night")], LAYOUT)
    np.testing.assert_array_equal(sheet[8:48, 8:68], plain(RED, 40, 60))
    np.testing.assert_array_equal(sheet[50:90, 8:68], plain(GREEN, 40, 60))
    assert (sheet[48:50, 8:68] == LAYOUT.paper).all()


def test_columns_stand_side_by_side() -> None:
    sheet = contact_sheet([Column((plain(RED),)), Column((plain(BLUE),))], LAYOUT)
    assert tuple(sheet[28, 8]) == tuple(sheet[28, 67]) == RED
    assert tuple(sheet[28, 68]) == LAYOUT.paper
    assert tuple(sheet[28, 72]) == tuple(sheet[28, 131]) == BLUE


def test_there_is_paper_on_every_side() -> None:
    sheet = contact_sheet([Column((plain(RED),), "caption", "detail")] * 5, LAYOUT)
    for edge in (sheet[:8], sheet[-5:], sheet[:, :8], sheet[:, -8:]):
        assert (edge == LAYOUT.paper).all()


@pytest.mark.parametrize(("count", "wide"), [(1, 1), (3, 3), (4, 2), (5, 3), (7, 3)])
def test_many_columns_go_into_even_bands(count: int, wide: int) -> None:
    sheet = contact_sheet([Column((plain(RED),))] * count, LAYOUT)
    assert sheet.shape[1] == 2 * 8 + wide * 60 + (wide - 1) * 4
    assert (sheet == RED).all(axis=2).sum() == count * 60 * 40


def test_captions_are_written_and_stay_in_their_column() -> None:
    bare = contact_sheet([Column((plain(RED),)), Column((plain(RED),))], LAYOUT)
    long = contact_sheet([Column((plain(RED),), "A very long caption " * 9, "1831"), Column((plain(RED),))], LAYOUT)
    differs = (bare != long).any(axis=2)
    assert bare.shape == long.shape
    assert differs[:, 8:68].any()
    assert not differs[:, 70:].any()
    assert not differs[8:48].any()


def test_nothing_is_written_for_a_column_that_is_too_narrow() -> None:
    narrow = SheetLayout(column_width=3)
    np.testing.assert_array_equal(
        contact_sheet([Column((plain(RED, 2, 3),), "caption")], narrow),
        contact_sheet([Column((plain(RED, 2, 3),))], narrow),
    )


def test_the_pictures_given_are_left_alone() -> None:
    picture = plain(RED)
    picture.setflags(write=False)
    contact_sheet([Column((picture,), "caption")], LAYOUT)


def test_a_saved_sheet_reads_back_as_it_was(tmp_path: Path) -> None:
    columns = [Column((plain(RED), plain(BLUE)), "waves", "Hokusai, 1831")]
    save_contact_sheet(tmp_path / "sheet.png", columns, LAYOUT)
    read = cv2.imread(str(tmp_path / "sheet.png"))
    assert read is not None
    np.testing.assert_array_equal(read[..., ::-1], contact_sheet(columns, LAYOUT))
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


@pytest.mark.parametrize("columns", [[], [Column(())]])
def test_a_sheet_of_nothing_is_refused(columns: list[Column]) -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        contact_sheet(columns)


def test_pictures_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        contact_sheet([Column((plain(RED), plain(RED, 21)))])
    with pytest.raises(ValueError, match="as many pictures"):
        contact_sheet([Column((plain(RED), plain(RED))), Column((plain(RED),))])
