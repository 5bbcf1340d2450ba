"""The board: everyone reads one state, deeds reach their listeners, mistakes come back to who made them."""

import threading
from pathlib import Path
from typing import Any

import pytest
from small_styles import write_small_style

from engines.errors import ImpastoError
from realtime.live.control.board import ControlBoard
from realtime.live.control.settings import LiveSettings

NAMES = ("waves", "night")


class Deeds:
    """Listens to a board."""

    def __init__(self) -> None:
        self.quits = 0
        self.error: Exception | None = None

    def snapshot(self) -> str:
        if self.error is not None:
            raise self.error
        return "folder/impasto-1.png"

    def quit(self) -> None:
        self.quits += 1


def a_board(style: str = "waves", **more: Any) -> tuple[ControlBoard, Deeds]:
    deeds = Deeds()
    return ControlBoard(LiveSettings(style=style), NAMES, on_snapshot=deeds.snapshot, on_quit=deeds.quit, **more), deeds


def test_a_command_replaces_the_settings_as_a_whole() -> None:
    board, _ = a_board()
    before = board.settings
    assert board.do("next").style == "night"
    assert before.style == "waves"
    assert board.said.text == "style: night"
    assert board.do("status") is board.settings


def test_deeds() -> None:
    board, deeds = a_board()
    assert board.carry_out("snapshot").line == "saved folder/impasto-1.png"
    board.do("quit")
    assert deeds.quits == 1


def test_a_deed_that_fails_is_the_asker_s_to_hear() -> None:
    board, deeds = a_board()
    deeds.error = OSError(28, "No space left on device")
    with pytest.raises(OSError, match="No space"):
        board.do("snapshot")


def test_what_cannot_be_done_changes_nothing() -> None:
    board, _ = a_board()
    before = board.settings
    for command, value in (("style", "9"), ("style", "no_such_style"), ("strength", "2"), ("dance", None)):
        with pytest.raises(ImpastoError):
            board.do(command, value)
    with pytest.raises(FileNotFoundError):
        board.do("style", "nowhere.onnx:waves")
    assert board.settings is before


def test_another_file_is_checked_and_taken_at_once(small_style: Path, tmp_path: Path) -> None:
    other = write_small_style(tmp_path / "other.onnx", name="other", names=("dots", "lines"), seed=1).path
    board, _ = a_board(str(small_style))
    board.do("mix", "night")
    assert board.do("style", f"{other}:lines").style == f"{other}:lines"
    assert board.settings.mix_with == ""
    assert board.describe()["styles"] == ["dots", "lines"]
    assert board.do("next").style == f"{other}:dots"
    with pytest.raises(ImpastoError, match="another file"):
        board.do("mix", f"{small_style}:waves")
    with pytest.raises(ImpastoError, match="has no style 'circles'"):
        board.do("style", f"{other}:circles")


def test_a_file_s_own_styles_by_its_path(small_style: Path) -> None:
    """The same file under another spelling keeps the mix."""
    board, _ = a_board(f"{small_style}:waves")
    board.do("mix", "night")
    spelled = small_style.parent / ".." / small_style.parent.name / small_style.name
    assert board.do("style", f"{spelled}:waves").mix_with == f"{small_style}:night"
    assert board.do("mix", f"{small_style}:waves").mix_with == ""


def test_a_deleted_file_is_no_reason_to_stay(small_style: Path) -> None:
    board, _ = a_board("deleted.onnx")
    assert board.do("style", str(small_style)).style == str(small_style)


def test_the_names_of_another_file_are_used() -> None:
    board, _ = a_board()
    board.use_styles(["waves", "dots", "lines"])
    assert board.do("style", "3").style == "lines"


def test_describe_is_for_json() -> None:
    board, _ = a_board(figures=lambda: {"painted_fps": 29.9})
    described = board.describe()
    assert described["style"] == "waves"
    assert described["styles"] == ["waves", "night"]
    assert described["figures"] == {"painted_fps": 29.9}


def test_no_step_is_lost_between_threads() -> None:
    board, _ = a_board()
    board.do("strength", 0.0)

    def step() -> None:
        for _ in range(50):
            board.do("strength", "+0.005")

    threads = [threading.Thread(target=step) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert board.settings.strength == 1.0
