"""Recordings that begin and end while the picture runs."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import RATE, NumberSource, RememberingSink, painting_threads

from realtime.frames.frame import Frame, Sink
from realtime.live.capture import Capture
from realtime.live.loop import LiveLoop
from realtime.live.sink_lane import SinkLane
from realtime.live.stats import LiveStats
from realtime.live.watch import LiveRecorder

PATIENCE_SECONDS = 20.0
FRAME = Frame(np.zeros((2, 2, 3), np.uint8), 0.0, 0.0)


class PlainPicture:
    """The frame as it came."""

    def make(self, frame: Frame, notice: str) -> Frame:
        return frame


class Studio:
    """A recorder on a loop that does not run; recordings are remembered in `sinks`, or fail with `error`."""

    def __init__(self, folder: Path) -> None:
        self.stats, self.stop = LiveStats(), threading.Event()
        self.lines: list[str] = []
        self.sinks: list[RememberingSink] = []
        self.lanes: list[SinkLane] = []
        self.paths: list[Path] = []
        self.error: OSError | None = None
        self.given_up = 0
        capture = Capture(NumberSource(), NumberSource, stats=self.stats, report=self.lines.append, stop=self.stop)
        self.loop = LiveLoop(capture, PlainPicture(), [], stop=self.stop, report=self.lines.append)
        self.recorder = LiveRecorder(self.loop, folder, self._lane, self.lines.append, self._give_up)

    def _lane(self, path: Path) -> SinkLane:
        self.paths.append(path)
        self.lanes.append(
            SinkLane(path.name, self._open, rate=RATE, stats=self.stats, report=self.lines.append, stop=self.stop)
        )
        return self.lanes[-1]

    def _open(self) -> Sink:
        if self.error is not None:
            raise self.error
        self.sinks.append(RememberingSink())
        return self.sinks[-1]

    def _give_up(self) -> None:
        self.given_up += 1


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    yield studio
    for lane in studio.lanes:
        lane.finish()
    for thread in painting_threads():
        thread.join(PATIENCE_SECONDS)
    assert not painting_threads()


def wait_for_threads() -> None:
    for thread in painting_threads():
        thread.join(PATIENCE_SECONDS)


def test_a_recording_begins_and_ends_with_the_setting(studio: Studio, tmp_path: Path) -> None:
    for recording in (False, True, True):
        studio.recorder.follow(recording)
    studio.lanes[0].put(FRAME)
    studio.recorder.follow(False)
    wait_for_threads()
    studio.recorder.follow(False)
    studio.recorder.follow(False)
    assert len(studio.sinks) == 1
    assert studio.sinks[0].closed
    assert studio.paths[0].parent == tmp_path
    assert studio.paths[0].suffix == ".mkv"
    assert studio.lines == [f"recording {studio.paths[0]}", f"recorded {studio.paths[0]}"]


class UnfinishedSink(RememberingSink):
    """What it holds back it cannot write in the end."""

    def close(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_recording_is_told_when_it_is_complete(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_live_recorder.RememberingSink", UnfinishedSink)
    studio.recorder.follow(True)
    studio.lanes[0].put(FRAME)
    studio.recorder.follow(False)
    wait_for_threads()
    studio.recorder.tell()
    name = studio.paths[0].name
    assert studio.lines == [f"recording {studio.paths[0]}", f"{name} has stopped: No space left on device"]


def test_of_a_recording_without_a_picture_nothing_is_told(studio: Studio) -> None:
    """But by the sink, which does not keep it."""
    studio.recorder.follow(True)
    studio.recorder.follow(False)
    wait_for_threads()
    studio.recorder.tell()
    assert studio.lines == [f"recording {studio.paths[0]}"]


def test_another_recording_is_another_sink(studio: Studio) -> None:
    for recording in (True, False, True, False):
        studio.recorder.follow(recording)
    wait_for_threads()
    assert len(studio.sinks) == 2
    assert len(studio.loop.all_lanes) == 2


def test_a_recording_that_fails_is_given_up_once_and_may_begin_again(studio: Studio) -> None:
    studio.error = OSError(28, "No space left on device")
    studio.recorder.follow(True)
    wait_for_threads()
    studio.recorder.follow(True)
    assert studio.given_up == 1
    studio.recorder.follow(False)
    assert studio.given_up == 1
    assert len(studio.lanes) == 1
    studio.error = None
    studio.recorder.follow(True)
    studio.recorder.follow(False)
    wait_for_threads()
    assert studio.sinks[0].closed
