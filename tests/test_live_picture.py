"""The picture that is shown: painted, mirrored, frozen, split, plain, and with a notice."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import CopyingEngine

from realtime.frames.frame import Frame, Pixels
from realtime.live.control.board import ControlBoard
from realtime.live.control.settings import LiveSettings
from realtime.live.height.pilot import PaintSize
from realtime.live.look_book import LookBook
from realtime.live.picture import LivePicture
from realtime.live.stats import LiveStats
from realtime.painting.engine_loader import EngineWanted, LoadedEngine, LoadFailed
from realtime.painting.painter import LivePainter, Painting

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
    """A picture of 64x48 unless said otherwise, with what it needs around it; changes of the look are cuts."""

    def __init__(
        self, style: Path, size: tuple[int, int] = (WIDTH, HEIGHT), still: Callable[[], Pixels | None] = lambda: None
    ) -> None:
        self.lines: list[str] = []
        self.loader = NegativeLoader()
        self.stats = LiveStats()
        self.board = ControlBoard(LiveSettings(style=str(style)), (), on_snapshot=str, on_quit=lambda: None)
        self.painter = LivePainter(self.loader, self.lines.append, fade_seconds=0)
        self.paint_size = PaintSize()
        self.picture = LivePicture(
            size,
            self.board,
            LookBook(self.lines.append, self.board.use_styles),
            self.painter,
            self.paint_size,
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


@pytest.mark.parametrize(("size", "codes"), [((2 * WIDTH, 2 * HEIGHT), True), ((WIDTH, HEIGHT), False)], ids=str)
def test_a_painting_is_held_still_whichever_way_it_is_joined(
    small_style: Path, size: tuple[int, int], *, codes: bool
) -> None:
    """In codes where it is enlarged, and in RGB where it has the picture's size."""
    studio, rng = Studio(small_style, size), np.random.default_rng(1)
    film = [ramp() + rng.integers(0, 5, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(16)]
    shown = [studio.show(pixels).astype(np.int16) for pixels in film]
    assert studio.picture.painting is not None
    assert studio.picture.painting.painted is not None
    assert (studio.picture.painting.painted.coded is not None) == codes
    assert np.abs(shown[-1] - shown[-2]).mean() < np.abs(film[-1].astype(np.int16) - film[-2]).mean() / 2
    studio.painter.close()


@pytest.mark.parametrize(("source", "codes"), [((64, 48), True), ((31, 48), True), ((63, 96), False)], ids=str)
def test_between_bars_the_picture_and_not_the_window_says_how_it_is_joined(
    small_style: Path, source: tuple[int, int], *, codes: bool
) -> None:
    """In a window of 128x96: one of 31x48 fills 62x96, and one of 63x96 has an odd side, which codes have not."""
    studio = Studio(small_style, (2 * WIDTH, 2 * HEIGHT))
    for level in (90, 91, 90):
        shown = studio.show(np.full((*source[::-1], 3), level, np.uint8))
    assert shown.shape == (2 * HEIGHT, 2 * WIDTH, 3)
    assert (abs(shown[HEIGHT, WIDTH].astype(int) - (255 - 90)) <= 2).all()
    assert studio.picture.painting is not None
    assert studio.picture.painting.painted is not None
    assert (studio.picture.painting.painted.coded is not None) == codes
    studio.painter.close()


def test_what_is_captured_is_painted_and_its_times_are_kept(studio: Studio) -> None:
    captured = Frame(ramp(), 1.5, captured_at=2.5)
    shown = studio.picture.make(captured)
    assert (shown.data == 255 - ramp()).all()
    assert (shown.pts_seconds, shown.captured_at) == (1.5, 2.5)
    assert studio.picture.newest is shown
    assert studio.picture.engine is not None
    assert studio.stats.totals().painted == 1


def test_while_a_frame_is_in_the_net_the_engine_of_the_one_before_is_told(studio: Studio) -> None:
    """Other threads ask at any time: the overlay, the socket, and what steers the height."""
    studio.show(ramp())
    engine, seen = studio.picture.engine, list[object]()
    painting = studio.painter.__call__

    class Watched:
        settled, aim, begin_anew, steady = True, studio.painter.aim, studio.painter.begin_anew, studio.painter.steady

        def __call__(self, frame: Frame) -> Painting:
            seen.append(studio.picture.engine)
            return painting(frame)

    studio.picture._painter = Watched()  # type: ignore[assignment]
    studio.show(ramp())
    assert engine is not None
    assert seen == [engine]


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
    assert studio.picture.painting.painted is not None
    assert (studio.picture.painting.painted.pixels == 255 - ramp()).all()


def test_a_source_that_comes_back_in_another_size_keeps_the_pictures(studio: Studio) -> None:
    """Sinks were opened for one size and keep it."""
    square = np.full((96, 96, 3), 55, np.uint8)
    shown = studio.show(square)
    assert shown.shape == (HEIGHT, WIDTH, 3)
    assert (shown[:, 8:56] == 200).all()
    assert (shown[:, :8] == 0).all()


def test_a_painting_lies_where_the_captured_picture_does(small_style: Path) -> None:
    """Few lines of a tall picture are not quite of its shape, and a window is of another one."""
    studio = Studio(small_style, size=(64, 96))
    studio.paint_size.height = 36
    shown = studio.show(np.full((96, 54, 3), 55, np.uint8))
    assert studio.picture.engine is not None
    assert (studio.picture.engine.width, studio.picture.engine.height) == (32, 36)
    assert (shown[:, 5:59] == 200).all()
    assert (shown[:, :5] == 0).all()
    assert (shown[:, 59:] == 0).all()
    studio.painter.close()


def test_it_is_painted_small_and_shown_whole(small_style: Path) -> None:
    studio = Studio(small_style, size=(128, 96))
    studio.paint_size.height = 48
    picture = np.full((96, 128, 3), 55, np.uint8)
    picture[:, 64:] = 155
    shown = studio.show(picture)
    assert studio.picture.engine is not None
    assert (studio.picture.engine.width, studio.picture.engine.height) == (64, 48)
    assert shown.shape == (96, 128, 3)
    assert np.abs(shown.astype(int) - (255 - picture)).max() <= 15  # at the edge; enlarging alone leaves 23 there
    assert (shown[:, [0, -1]] == (255 - picture)[:, [0, -1]]).all()
    studio.painter.close()


@pytest.mark.parametrize("stroke", ["0.5", "2", "+0.5"])
def test_the_stroke_changes_what_is_painted_at_and_not_what_is_shown(small_style: Path, stroke: str) -> None:
    studio = Studio(small_style, size=(640, 360))
    picture = np.full((360, 640, 3), 55, np.uint8)
    studio.show(picture)
    studio.board.do("stroke", stroke)
    shown = studio.show(picture)
    assert studio.picture.engine is not None
    sizes = {"0.5": (1280, 720), "2": (320, 180), "+0.5": (428, 240)}
    assert (studio.picture.engine.width, studio.picture.engine.height) == sizes[stroke]
    assert shown.shape == (360, 640, 3)
    assert (shown == 200).all()
    studio.painter.close()


def test_strength_is_taken_at_full_size(studio: Studio) -> None:
    """So what is not painted is the captured picture itself, however few lines the net paints."""
    studio.paint_size.height = 32
    sharp = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    studio.board.do("strength", 0.0)
    assert np.array_equal(studio.show(sharp), sharp)
    studio.board.do("strength", 0.5)
    half = studio.show(ramp())
    assert np.abs(half.astype(int) - 127).max() <= 2


def test_a_painted_picture_may_be_drawn_upon(studio: Studio) -> None:
    captured = ramp()
    studio.board.do("strength", 0.0)
    assert not np.shares_memory(studio.show(captured), captured)
