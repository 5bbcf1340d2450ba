"""A still that is painted while the live picture goes on."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engines.errors import ImpastoError
from realtime.frames.frame import Pixels
from realtime.live.control.board import ControlBoard
from realtime.live.control.settings import LiveSettings
from realtime.live.still import StillPainter

PHOTO = np.full((24, 32, 3), 40, np.uint8)
STYLES = ((Path("style.png"), 1.0),)


class Stage:
    """A board whose still painter has an optimiser that paints when it is let."""

    def __init__(self, styles: tuple[tuple[Path, float], ...] = STYLES) -> None:
        self.saved: list[Pixels] = []
        self.reported: list[str] = []
        self.done = threading.Event()
        self.board = ControlBoard(
            LiveSettings(style="waves"), ("waves", "night"), on_snapshot=str, on_quit=lambda: None,
            on_paint=lambda: self.painter.ask(PHOTO),
        )  # fmt: skip
        self.painter = StillPainter(styles, self.board, self.save, self.tell)

    def save(self, pixels: Pixels) -> str:
        self.saved.append(pixels)
        return "still.png"

    def tell(self, line: str) -> None:
        self.reported.append(line)
        self.done.set()


@pytest.fixture
def let(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What the optimiser waits for."""
    let = threading.Event()

    class WaitingOptimiser:
        def __init__(self, recipe: object, report: object, label: Callable[[str], None], stop: threading.Event) -> None:
            self._label, self._stop = label, stop

        def paint(self, photo: Pixels, name: str) -> Pixels | None:
            self._label(f"{name}: 1 of 120 iterations")
            while not let.wait(0.01):
                if self._stop.is_set():
                    return None
            if (photo != PHOTO).any():
                raise FloatingPointError("a loss is not finite")
            return 255 - photo

    monkeypatch.setattr("realtime.painting.keyframes.optimiser.KeyframeOptimiser", WaitingOptimiser)
    yield let
    let.set()


def test_a_still_is_painted_saved_and_shown_until_something_is_changed(let: threading.Event) -> None:
    stage = Stage()
    assert stage.board.carry_out("paint").line == "painting a still of this picture"
    assert stage.painter.shown is None
    with pytest.raises(ImpastoError, match="already"):
        stage.board.do("paint")
    let.set()
    assert stage.done.wait(5)
    assert stage.board.said.text == "saved still.png"
    assert stage.reported[0].startswith("still painted in ")
    assert stage.painter.shown is not None
    assert np.array_equal(stage.painter.shown, 255 - PHOTO)
    assert np.array_equal(stage.saved[0], 255 - PHOTO)
    stage.board.do("strength", 0.5)
    assert stage.painter.shown is None


def test_the_same_key_puts_it_away(let: threading.Event) -> None:
    stage = Stage()
    stage.board.do("paint")
    let.set()
    assert stage.done.wait(5)
    assert stage.board.carry_out("paint").line == "live again"
    assert stage.painter.shown is None


def test_the_end_of_the_run_gives_it_up(let: threading.Event) -> None:
    stage = Stage()
    stage.board.do("paint")
    stage.painter.close()
    assert not stage.saved
    assert not [thread for thread in threading.enumerate() if thread.name == "impasto-still"]


def test_without_a_style_picture_the_remedy_is_told() -> None:
    with pytest.raises(ImpastoError, match="--style-image PICTURE"):
        Stage(styles=()).board.do("paint")


def test_before_the_first_picture_there_is_nothing_to_paint() -> None:
    with pytest.raises(ImpastoError, match="no picture to paint yet"):
        Stage().painter.ask(None)


def test_a_failure_is_said_and_the_next_one_may_be_asked_for(let: threading.Event) -> None:
    stage = Stage()
    stage.painter.ask(PHOTO + 1)
    let.set()
    assert stage.done.wait(5)
    assert "a loss is not finite" in stage.board.said.text
    assert stage.painter.shown is None


def test_a_picture_that_is_not_there_is_told(tmp_path: Path) -> None:
    stage = Stage(styles=((tmp_path / "none.png", 1.0),))
    stage.board.do("paint")
    assert stage.done.wait(30)
    assert "none.png" in stage.reported[0]
