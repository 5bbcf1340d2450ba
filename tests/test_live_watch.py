"""What is done now and then while a live run goes on."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import CopyingEngine, NumberSource
from small_styles import SMALL, write_small_style

from engines.errors import EngineRefused
from engines.spec import EngineSpec
from realtime.frames.frame import Frame
from realtime.live.capture import Capture
from realtime.live.control.board import ControlBoard
from realtime.live.control.commands import Value
from realtime.live.control.settings import LiveSettings
from realtime.live.height.pilot import PaintSize
from realtime.live.look_book import LookBook
from realtime.live.loop import LiveLoop
from realtime.live.picture import LivePicture
from realtime.live.sink_lane import SinkLane
from realtime.live.stats import LiveStats
from realtime.live.watch import LiveRecorder, LiveWatch, figures_for_json, overlay_figures, status_line
from realtime.painting.engine_loader import EngineWanted, LoadedEngine, LoadFailed
from realtime.painting.painter import LivePainter

ENGINE = EngineSpec("openvino", "fp32", 360, 640, "CPU", "2025.1", 1)
GREY = np.full((48, 64, 3), 100, np.uint8)


class PickyLoader:
    """Has an engine for each style file but those whose name is in `refused`."""

    def __init__(self, refused: set[str]) -> None:
        self.refused = refused
        self._asked: EngineWanted | None = None

    def ask(self, wanted: EngineWanted) -> None:
        self._asked = wanted

    def take(self) -> LoadedEngine | LoadFailed | None:
        wanted, self._asked = self._asked, None
        if wanted is None:
            return None
        if wanted.file.path.name in self.refused:
            return LoadFailed(wanted, "no engine can run this here")
        return LoadedEngine(wanted, CopyingEngine(size=(wanted.width, wanted.height)))

    def give_back(self, loaded: LoadedEngine) -> None:
        loaded.engine.close()


class Studio:
    """A watch with the real parts around it, on a loop that does not run."""

    def __init__(self, style: Path, *, refused: set[str] | None = None, seconds: float | None = None) -> None:
        self.lines: list[str] = []
        self.statuses: list[str] = []
        self.ended = threading.Event()
        stats, stop = LiveStats(), threading.Event()
        self.board = ControlBoard(LiveSettings(style=f"{style}:waves"), (), on_snapshot=str, on_quit=lambda: None)
        self.painter = LivePainter(PickyLoader(refused or set()), self.lines.append, fade_seconds=0)
        looks = LookBook(self.lines.append, self.board.use_styles)
        self.picture = LivePicture((64, 48), self.board, looks, self.painter, PaintSize(48), stats)
        capture = Capture(NumberSource(), NumberSource, stats=stats, report=self.lines.append, stop=stop)
        self.loop = LiveLoop(capture, self.picture, [], stop=stop, report=self.lines.append)
        self.watch = LiveWatch(
            self.board,
            stats,
            self.picture,
            self.painter,
            self.loop,
            LiveRecorder(self.loop, Path(), self._no_lane, self.lines.append, lambda: None),
            pilot=None,
            seconds=seconds,
            status=self.statuses.append,
            end=self.ended.set,
        )

    def turn(self) -> None:
        """A picture, and a look around."""
        self.picture.make(Frame(GREY, 0.0, 0.0))
        self.watch()

    def _no_lane(self, path: Path) -> SinkLane:
        raise AssertionError("nothing is recorded here")


@pytest.fixture
def other_style(tmp_path: Path) -> Path:
    return write_small_style(tmp_path / "other.onnx", name="other", seed=7).path


@pytest.fixture
def studios() -> Iterator[list[Studio]]:
    studios: list[Studio] = []
    yield studios
    for studio in studios:
        studio.painter.close()


def test_the_status_is_told_now_and_then(small_style: Path, studios: list[Studio]) -> None:
    studios.append(studio := Studio(small_style))
    studio.turn()
    studio.turn()
    assert len(studio.statuses) == 1
    assert studio.watch.engine is not None
    assert not studio.ended.is_set()


def test_the_report_is_told_what_strokes_grew_from(small_style: Path, tmp_path: Path, studios: list[Studio]) -> None:
    """The style's own where the net has not what was asked for, and while nothing paints the last that there was."""
    several = replace(SMALL, seed_amplitude=0.05, textures=("curls", "panes"))
    studios.append(studio := Studio(write_small_style(tmp_path / "several.onnx", config=several).path))
    changes: list[tuple[str, Value, str]] = [
        ("texture", "panes", "panes"), ("pass-through", True, "panes"), ("pass-through", False, "panes"),
        ("style", f"{small_style}:waves", "own"), ("style", f"{tmp_path / 'several.onnx'}:waves", "panes"),
        ("texture", "own", "own"),
    ]  # fmt: skip
    for command, value, told in changes:
        studio.board.do(command, value)
        for _ in range(2):  # an engine is taken between two pictures
            studio.turn()
        assert studio.watch.texture == told


@pytest.mark.parametrize("shown", [False, True])
def test_it_ends_after_so_many_seconds_also_where_no_picture_comes(
    small_style: Path, studios: list[Studio], shown: bool
) -> None:
    studios.append(early := Studio(small_style, seconds=3600))
    studios.append(late := Studio(small_style, seconds=1e-9))
    for studio in (early, late):
        studio.loop.first_frame_at = 0.001 if shown and studio is late else None
        studio.watch()  # its seconds begin with the first turn
        studio.watch()
    assert late.ended.is_set()
    assert not early.ended.is_set()


def test_a_run_that_never_had_an_engine_ends(small_style: Path, studios: list[Studio]) -> None:
    studios.append(studio := Studio(small_style, refused={"small.onnx"}))
    with pytest.raises(EngineRefused, match="no engine can run this here"):
        studio.turn()


def test_a_style_without_an_engine_is_left_again(small_style: Path, other_style: Path, studios: list[Studio]) -> None:
    studios.append(studio := Studio(small_style, refused={"other.onnx"}))
    studio.turn()
    studio.board.do("style", str(other_style))
    studio.watch()  # before the painting thread has heard of it
    studio.turn()
    assert studio.board.settings.style == f"{small_style}:waves"
    assert studio.board.said.text == "no such engine: no engine can run this here"
    studio.turn()
    assert studio.painter.settled


def test_it_goes_on_where_the_style_before_is_gone_from_the_disk(
    tmp_path: Path, other_style: Path, studios: list[Studio]
) -> None:
    mine = write_small_style(tmp_path / "mine.onnx", seed=8).path
    studios.append(studio := Studio(mine, refused={"other.onnx"}))
    studio.turn()
    studio.board.do("style", str(other_style))
    mine.unlink()
    studio.turn()
    studio.turn()
    assert studio.board.said.text == "no such engine: no engine can run this here"
    assert studio.picture.engine is not None


def test_a_style_that_is_there_is_what_is_turned_back_to(
    tmp_path: Path, small_style: Path, other_style: Path, studios: list[Studio]
) -> None:
    third = write_small_style(tmp_path / "third.onnx", seed=9).path
    studios.append(studio := Studio(small_style, refused={"third.onnx"}))
    studio.turn()
    studio.board.do("style", f"{other_style}:night")
    studio.turn()
    studio.turn()
    studio.board.do("style", str(third))
    studio.turn()
    assert studio.board.settings.style == f"{other_style}:night"


def test_figures_for_a_terminal_a_window_and_a_program() -> None:
    now = 100.0
    stats = LiveStats(lambda: now)
    for _ in range(40):
        now += 0.05
        stats.captured()
        stats.painted()
        stats.stage("net", 0.03)
        stats.delivered("window:", 0.041)
        stats.delivered("rtmp://host/app/***", 0.2)
    stats.dropped("capture", 3)
    figures = stats.now()
    assert status_line(figures, ENGINE) == "20.0 fps, 41 ms late, painting at 640x360 (openvino fp32)"
    assert status_line(figures, None) == "20.0 fps, 41 ms late, the plain picture"
    assert status_line(LiveStats(lambda: now).now(), None) == "0.0 fps, the plain picture"
    shown = overlay_figures(figures, ENGINE)
    assert shown.latency_p50_ms == pytest.approx(41, abs=0.5)
    assert shown.net_ms == pytest.approx(30, abs=0.5)
    assert (shown.size, shown.engine, shown.dropped) == ((640, 360), "openvino fp32", 3)
    assert figures_for_json(figures, ENGINE, "waves.onnx")["engine"]["backend"] == "openvino"
    assert figures_for_json(figures, ENGINE, "waves.onnx")["net"] == "waves.onnx"
    assert figures_for_json(figures, None, None)["engine"] is None
