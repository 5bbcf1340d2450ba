"""The picture that is shown: painted, mirrored, frozen, split, plain, and with a notice."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import CopyingEngine

from realtime.frames.frame import Frame, Pixels
from realtime.live.control.board import ControlBoard
from realtime.live.control.settings import LiveSettings
from realtime.live.height.paint_size import PaintSize
from realtime.live.look_book import LookBook
from realtime.live.picture import LivePicture
from realtime.live.stats import LiveStats
from realtime.painting.engine_loader import EngineWanted, LoadedEngine, LoadFailed
from realtime.painting.painter import LivePainter

WIDTH, HEIGHT = 64, 48


class NegativeLoader:
    """Has an engine that paints negatives ready for every wish, once `there`."""

    def __init__(self) -> None:
        self.there = True
        self.asked: list[EngineWanted] = []

    def ask(self, wanted: EngineWanted) -> None:
        self.asked.append(wanted)

    def take(self) -> LoadedEngine | LoadFailed | None:
        if not self.there or not self.asked:
            return None
        wanted = self.asked.pop()
        return LoadedEngine(
            wanted, CopyingEngine(paint=lambda pixels: 255 - pixels, size=(wanted.width, wanted.height))
        )

    def give_back(self, loaded: LoadedEngine) -> None:
        loaded.engine.close()


class Studio:
    """A picture of 64x48 with what it needs around it; changes of the look are cuts."""

    def __init__(
        self, style: Path, paint_height: int = HEIGHT, still: Callable[[], Pixels | None] = lambda: None
    ) -> None:
        self.lines: list[str] = []
        self.loader = NegativeLoader()
        self.stats = LiveStats()
        self.board = ControlBoard(LiveSettings(style=str(style)), (), on_snapshot=str, on_quit=lambda: None)
        self.painter = LivePainter(self.loader, self.lines.append, fade_seconds=0)
        self.picture = LivePicture(
            (WIDTH, HEIGHT),
            self.board,
            LookBook(self.lines.append, self.board.use_styles),
            self.painter,
            PaintSize(paint_height),
            self.stats,
            still,
        )

    def show(self, pixels: Pixels, notice: str = "") -> Pixels:
        return self.picture.make(Frame(pixels, 1.5, captured_at=2.5), notice).data


@pytest.fixture
def studio(small_style: Path) -> Iterator[Studio]:
    studio = Studio(small_style)
    yield studio
    studio.painter.close()


def ramp(first: int = 0) -> Pixels:
    """Brighter from left to right."""
    row = np.arange(WIDTH, dtype=np.uint8) + first
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (HEIGHT, WIDTH, 3)))


def test_what_is_captured_is_painted_and_its_times_are_kept(studio: Studio) -> None:
    captured = Frame(ramp(), 1.5, captured_at=2.5)
    shown = studio.picture.make(captured)
    assert (shown.data == 255 - ramp()).all()
    assert (shown.pts_seconds, shown.captured_at) == (1.5, 2.5)
    assert studio.picture.newest is shown
    assert studio.picture.engine is not None
    assert studio.stats.totals().painted == 1


def test_until_an_engine_is_there_the_plain_picture_is_shown(studio: Studio) -> None:
    studio.loader.there = False
    assert (studio.show(ramp()) == ramp()).all()
    assert studio.picture.engine is None
    assert studio.stats.totals().painted == 0


def test_the_original_is_not_painted(studio: Studio) -> None:
    studio.board.do("pass-through", True)
    assert (studio.show(ramp()) == ramp()).all()
    assert not studio.loader.asked
    assert studio.picture.painting is None


def test_a_mirror(studio: Studio) -> None:
    studio.board.do("mirror", True)
    assert (studio.show(ramp()) == 255 - ramp()[:, ::-1]).all()


def test_a_still_is_shown_in_place_of_all_else(small_style: Path) -> None:
    studio = Studio(small_style, still=lambda: np.full((96, 128, 3), 7, np.uint8))
    assert (studio.show(ramp()) == 7).all()
    assert studio.picture.captured is not None
    assert (studio.picture.captured == ramp()).all()
    studio.painter.close()


def test_a_frozen_picture_stays_and_goes(studio: Studio) -> None:
    studio.show(ramp())
    studio.board.do("freeze", True)
    assert (studio.show(ramp(10)) == 255 - ramp(10)).all()
    assert (studio.show(ramp(20)) == 255 - ramp(10)).all()
    studio.board.do("freeze", False)
    assert (studio.show(ramp(30)) == 255 - ramp(30)).all()


def test_a_frozen_picture_can_be_mirrored(studio: Studio) -> None:
    studio.board.do("freeze", True)
    studio.show(ramp())
    studio.board.do("mirror", True)
    assert (studio.show(ramp(10)) == 255 - ramp()[:, ::-1]).all()


def test_before_stands_beside_after(studio: Studio) -> None:
    studio.board.do("split", True)
    shown = studio.show(ramp())
    assert (shown[:, : WIDTH // 2 - 2] == ramp()[:, : WIDTH // 2 - 2]).all()
    assert (shown[:, WIDTH // 2 + 2 :] == 255 - ramp()[:, WIDTH // 2 + 2 :]).all()


def test_a_notice_is_written_on_the_picture_and_not_into_the_painting(studio: Studio) -> None:
    shown = studio.show(ramp(), "camera:0 is gone")
    assert (shown != 255 - ramp()).any()
    assert studio.picture.painting is not None
    assert (studio.picture.painting.pixels == 255 - ramp()).all()


def test_a_source_that_comes_back_in_another_size_keeps_the_pictures(studio: Studio) -> None:
    """Sinks were opened for one size and keep it."""
    square = np.full((96, 96, 3), 55, np.uint8)
    shown = studio.show(square)
    assert shown.shape == (HEIGHT, WIDTH, 3)
    assert (shown[:, 8:56] == 200).all()
    assert (shown[:, :8] == 0).all()


def test_it_is_painted_small_and_shown_whole(small_style: Path) -> None:
    studio = Studio(small_style, paint_height=24)
    shown = studio.show(np.full((HEIGHT, WIDTH, 3), 55, np.uint8))
    assert studio.picture.engine is not None
    assert (studio.picture.engine.width, studio.picture.engine.height) == (32, 24)
    assert shown.shape == (HEIGHT, WIDTH, 3)
    assert (shown == 200).all()
    studio.painter.close()
