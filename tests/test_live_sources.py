"""Every live source: what all of them promise to the live loop.

A maker opens a source and hands it over with what makes it starve. A source that is added to `schemes.SOURCES` belongs
into the table as well.
"""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip
from fakes import NumberSource
from foreign_package import install_examples
from leftovers import nothing_left_behind
from servers import free_port
from xvfb import running_screen

from engines.errors import ImpastoError
from realtime.frame import Frame, Pixels, SignalLost, Source, SplitSource
from realtime.live_request import SinkRequest, SourceRequest
from realtime.pacing import Ticker
from realtime.schemes import open_sink, open_source
from realtime.sources.camera import CameraSource
from realtime.sources.camera_mode import CameraMode

PATIENCE_SECONDS = 10.0
SECRET = "hunter2"


def never() -> None:
    """What a source does that cannot starve."""
    raise AssertionError("it cannot starve")


@dataclass
class Stage:
    """An open source, and what makes it give nothing more while it stays open."""

    source: Source
    starve: Callable[[], None] = never


Maker = Callable[[SourceRequest, Path], AbstractContextManager[Stage]]


class FakeCamera:
    """The part of cv2.VideoCapture that a camera needs; it can fall silent."""

    def __init__(self, stop: threading.Event) -> None:
        self.silent = threading.Event()
        self.stop = stop
        self.shown = 0

    def get(self, propId: int, /) -> float:  # noqa: N803
        return 0.0

    def set(self, propId: int, value: float, /) -> bool:  # noqa: N803
        return True

    def wait(self, seconds: float) -> bool:
        if self.silent.is_set():
            self.stop.wait(seconds)
        return not self.silent.is_set()

    def retrieve(self) -> tuple[bool, Pixels]:
        self.shown += 1
        return True, np.full((48, 64, 3), self.shown % 256, np.uint8)

    def release(self) -> None:
        self.silent.set()


@contextmanager
def fake_camera(request: SourceRequest, folder: Path) -> Iterator[Stage]:
    camera = FakeCamera(request.stop)
    mode = CameraMode((64, 48), Fraction(30), "YUYV")
    source = CameraSource("camera:0", camera, mode, camera.wait, request.stop)
    yield Stage(source, camera.silent.set)
    source.close()


@contextmanager
def numbers(request: SourceRequest, folder: Path) -> Iterator[Stage]:
    source = NumberSource(frames=None, live=True)
    yield Stage(source)
    source.close()


@contextmanager
def screen(request: SourceRequest, folder: Path) -> Iterator[Stage]:
    with running_screen((320, 200)) as running:
        source = open_source(f"screen:{running.display}", request)
        yield Stage(source)
        source.close()


@contextmanager
def sending(address: str) -> Iterator[threading.Event]:
    """Somebody who sends pictures there, 25 a second, until the event is set."""
    enough = threading.Event()
    sink = open_sink(address, SinkRequest(size=(320, 240), frame_rate=Fraction(25)))
    ticker = Ticker(Fraction(25), time.perf_counter())

    def send() -> None:
        for number in itertools.count():
            if enough.wait(ticker.wait_seconds(time.perf_counter(), number)):
                return
            pixels = np.full((240, 320, 3), 5 * number % 256, np.uint8)
            sink.write(Frame(pixels, number / 25, time.perf_counter(), number, Fraction(1, 25), 1))

    sender = threading.Thread(target=send, name="impasto-test-send")
    sender.start()
    try:
        yield enough
    finally:
        enough.set()
        sender.join()
        sink.close()


@contextmanager
def received(request: SourceRequest, folder: Path) -> Iterator[Stage]:
    address = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    with sending(address) as enough:
        source = open_source(address, request)
        yield Stage(source, enough.set)
        source.close()


@contextmanager
def foreign(request: SourceRequest, folder: Path) -> Iterator[Stage]:
    """The one of the examples, as another package's."""
    with pytest.MonkeyPatch.context() as patch:
        install_examples(folder / f"site{len(list(folder.iterdir()))}", patch)
        source = open_source("bars:", request)
        yield Stage(source)
        source.close()


def opened(address: str) -> Maker:
    @contextmanager
    def make(request: SourceRequest, folder: Path) -> Iterator[Stage]:
        source = open_source(address.format(folder=folder), request)
        yield Stage(source)
        source.close()

    return make


MAKERS: dict[str, Maker] = {
    "numbers": numbers,
    "camera": fake_camera,
    "screen": screen,
    "pattern": opened("pattern:320x180@50"),
    "file": opened("{folder}/clip.mp4"),
    "foreign": foreign,
    "udp": received,
}
STARVING = ("camera", "udp")
SEES_THE_STOP = ("camera", "screen", "pattern", "file", "foreign")  # the capture looks at it between two reads as well
CANNOT_BE_OPENED = {
    "nosuch:thing": "there is no source nosuch:",
    "camera:99": "camera:99",
    "camera:front": "is no camera",
    "screen:everything": "is no screen",
    "screen::4711": "screen::4711",
    "pattern:3x": "pattern",
    "{folder}/missing.mp4": "missing.mp4",
    f"rtsp://ann:{SECRET}@127.0.0.1:1/live": "127.0.0.1",
    f"rtmp://127.0.0.1:1/live/{SECRET}": "127.0.0.1",
    f"http://127.0.0.1:1/live.m3u8?token={SECRET}": "127.0.0.1",
}


@pytest.fixture
def request_() -> SourceRequest:
    return SourceRequest(loop=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a clip of 12 frames, 64×48 at 25 fps."""
    write_clip(tmp_path / "clip.mp4", pts=range(0, 12 * 512, 512))
    return tmp_path


@pytest.fixture(params=MAKERS)
def maker(request: pytest.FixtureRequest) -> Maker:
    return MAKERS[request.param]


class Reading(threading.Thread):
    """Reads to the end on a thread, as the capture does it."""

    def __init__(self, source: Source) -> None:
        super().__init__(name="impasto-test-read", daemon=True)
        self.source = source
        self.frame: Frame | None = None  # the last
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while (frame := self.source.read()) is not None:
                self.frame = frame
        except Exception as error:
            self.error = error

    @classmethod
    def of(cls, source: Source) -> "Reading":
        """A reading that has ended."""
        reading = cls(source)
        reading.start()
        return reading.ended()

    def ended(self) -> "Reading":
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive(), "the source has not ended"
        return self


def read(source: Source, count: int) -> list[Frame]:
    frames = []
    for _ in range(count):
        frame = source.read()
        assert frame is not None
        frames.append(frame)
    return frames


class TestEverySource:
    def test_frames_have_its_size_and_were_captured_one_after_the_other(
        self, maker: Maker, request_: SourceRequest, folder: Path
    ) -> None:
        with maker(request_, folder) as stage:
            frames = read(stage.source, 1)
            first = frames[0].data.copy()
            frames += read(stage.source, 14)
            assert stage.source.live
            assert stage.source.frame_rate is None or 1 <= stage.source.frame_rate <= 240
            assert {frame.size for frame in frames} == {stage.source.size}
        captured = [frame.captured_at for frame in frames]
        assert captured == sorted(set(captured))
        seconds = [frame.pts_seconds for frame in frames]
        assert seconds == sorted(seconds)
        assert (frames[0].data == first).all(), "a frame has changed while others were read"

    def test_what_was_grabbed_can_be_retrieved_while_others_are_grabbed(
        self, maker: Maker, request_: SourceRequest, folder: Path
    ) -> None:
        with maker(request_, folder) as stage:
            source = stage.source
            grab = source.grab if isinstance(source, SplitSource) else source.read
            grabbed = [grab() for _ in range(4)]
            frames = [source.retrieve(item) if isinstance(source, SplitSource) else item for item in grabbed]
            assert len({frame.captured_at for frame in frames if frame is not None}) == 4
            assert {frame.size for frame in frames if frame is not None} == {source.size}

    def test_closing_twice_leaves_nothing_behind(self, maker: Maker, request_: SourceRequest, folder: Path) -> None:
        with maker(request_, folder) as stage:  # libraries open for good what they use for the first time
            read(stage.source, 1)
        with nothing_left_behind(), maker(replace(request_, stop=threading.Event()), folder) as stage:
            read(stage.source, 2)
            stage.source.close()
            stage.source.close()
            del stage


@pytest.mark.parametrize("name", SEES_THE_STOP)
def test_a_stop_ends_a_source(name: str, request_: SourceRequest, folder: Path) -> None:
    with MAKERS[name](request_, folder) as stage:
        read(stage.source, 1)
        request_.stop.set()
        assert Reading.of(stage.source).frame is None


@pytest.mark.parametrize("name", STARVING)
class TestWithoutPictures:
    def test_it_says_that_the_signal_is_lost(self, name: str, request_: SourceRequest, folder: Path) -> None:
        with MAKERS[name](request_, folder) as stage:
            read(stage.source, 1)
            stage.starve()
            error = Reading.of(stage.source).error
        assert isinstance(error, SignalLost)
        assert "\n" not in str(error)

    def test_a_stop_ends_its_waiting(self, name: str, request_: SourceRequest, folder: Path) -> None:
        with MAKERS[name](request_, folder) as stage:
            read(stage.source, 1)
            stage.starve()
            reading = Reading(stage.source)
            reading.start()
            request_.stop.set()
            error = reading.ended().error
        assert error is None or isinstance(error, SignalLost)


@pytest.mark.parametrize(("address", "what"), CANNOT_BE_OPENED.items())
def test_what_cannot_be_opened_is_told_in_a_line(
    address: str, what: str, request_: SourceRequest, folder: Path
) -> None:
    with nothing_left_behind(), pytest.raises((ImpastoError, OSError)) as caught:
        open_source(address.format(folder=folder), request_)
    message = str(caught.value)
    assert what in message
    assert SECRET not in message
    assert "\n" not in message
