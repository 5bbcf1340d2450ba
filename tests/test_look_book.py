"""From what a person has set to the file and the vector that paint it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_styles import write_small_style

from realtime.live.control.settings import LiveSettings
from realtime.live.look_book import LookBook


class Desk:
    """A book, and what it tells."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: list[tuple[str, ...]] = []
        self.book = LookBook(self.lines.append, self.names.append)


def test_a_style_of_a_file_and_then_another_of_it_by_its_bare_name(small_style: Path) -> None:
    desk = Desk()
    first = desk.book.look(LiveSettings(style=f"{small_style}:waves", strength=0.5, keep_colour=0.25))
    second = desk.book.look(LiveSettings(style="night"))
    assert (first.strength, first.keep_colour) == (0.5, 0.25)
    assert np.array_equal(first.vector, first.file.vector("waves"))
    assert np.array_equal(second.vector, first.file.vector("night"))
    assert second.file is first.file
    assert desk.names == [("waves", "night")]


def test_a_mix_of_two_styles(small_style: Path) -> None:
    settings = LiveSettings(style=f"{small_style}:waves", mix_with=f"{small_style}:night", mix=0.25)
    look = Desk().book.look(settings)
    expected = 0.75 * look.file.vector("waves") + 0.25 * look.file.vector("night")
    assert np.allclose(look.vector, expected, atol=1e-6)


def test_a_mix_with_itself_is_the_style(small_style: Path) -> None:
    name = f"{small_style}:waves"
    look = Desk().book.look(LiveSettings(style=name, mix_with=name))
    assert np.array_equal(look.vector, look.file.vector("waves"))


def test_the_same_settings_give_the_same_look(small_style: Path) -> None:
    desk, settings = Desk(), LiveSettings(style=str(small_style))
    assert desk.book.look(settings) is desk.book.look(settings)


def test_what_cannot_be_found_is_told_once_and_the_look_stays(small_style: Path) -> None:
    desk = Desk()
    look = desk.book.look(LiveSettings(style=str(small_style)))
    wrong = LiveSettings(style="nosuch")
    assert desk.book.look(wrong) is look
    assert desk.book.look(wrong) is look
    assert len(desk.lines) == 1
    assert desk.lines[0].startswith("the style stays as it is: ")


def test_styles_of_two_files_are_not_mixed(small_style: Path, tmp_path: Path) -> None:
    desk = Desk()
    other = write_small_style(tmp_path / "other.onnx", seed=5)
    look = desk.book.look(LiveSettings(style=f"{small_style}:waves"))
    mixed = LiveSettings(style=f"{small_style}:waves", mix_with=f"{other.path}:night")
    assert desk.book.look(mixed) is look
    assert "are in different files" in desk.lines[0]


def test_a_first_style_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no style file nosuch\.onnx"):
        Desk().book.look(LiveSettings(style="nosuch.onnx"))


def test_a_file_that_is_gone_from_the_disk_goes_on_painting(tmp_path: Path) -> None:
    file = write_small_style(tmp_path / "mine.onnx")
    desk, settings = Desk(), LiveSettings(style=f"{file.path}:night")
    desk.book.look(settings)
    file.path.unlink()
    look = desk.book.look(replace(settings, strength=0.5))
    assert look.strength == 0.5
    assert np.array_equal(look.vector, file.vector("night"))
    assert not desk.lines
