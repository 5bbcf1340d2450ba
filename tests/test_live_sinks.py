"""Every live sink: what all of them promise to the live loop.

A maker opens a sink for frames of 64×48 at 25 fps. A sink that is added to `schemes.SINKS` belongs into the table as
well. The window is there where IMPASTO_TEST_WINDOW is set, as in the process that tests/test_window.py runs this file
in: OpenCV ties windows to one display for the life of a process.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fakes import RememberingSink
from foreign_package import install_examples
from leftovers import nothing_left_behind

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, Sink, habits_of
from realtime.frames.request import SinkRequest
from realtime.live.openers import open_sink

SIZE = (64, 48)
RATE = Fraction(25)
FRAMES = 30
PATIENCE_SECONDS = 15.0
SECRET = "hunter2"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a test may write: a folder of its own, and a UDP port whose other end never reads."""

    folder: Path
    port: int

    def written(self, address: str) -> str:
        return address.format(folder=self.folder, port=self.port)


Maker = Callable[[SinkRequest, Place], Sink]


def remembering(request: SinkRequest, place: Place) -> Sink:
    return RememberingSink()


def foreign(request: SinkRequest, place: Place) -> Sink:
    """The one of the examples, as another package's."""
    with pytest.MonkeyPatch.context() as patch:
        install_examples(place.folder / f"site{len(list(place.folder.iterdir()))}", patch)
        return open_sink(place.written("timelapse:{folder}"), request)


def opened(address: str) -> Maker:
    return lambda request, place: open_sink(place.written(address), request)


MAKERS: dict[str, Maker] = {
    "remembering": remembering,
    "null": opened("null:"),
    "mp4": opened("{folder}/live.mp4"),
    "mkv": opened("file:{folder}/live.mkv"),
    "foreign": foreign,
    "hls": opened("{folder}/live.m3u8"),
    "pipe": opened("pipe:"),
    "udp": opened("udp://127.0.0.1:{port}"),
    **({"window": opened("window:")} if "IMPASTO_TEST_WINDOW" in os.environ else {}),
}
CANNOT_BE_OPENED = {
    "nosuch:thing": "there is no sink nosuch:",
    "null:x": "null:",
    "{folder}": "is a folder",
    "{folder}/missing/live.mp4": "there is no folder",
    "{folder}/live.docx": "live.docx",
    "virtualcam:/dev/video99": "virtualcam",
    "pipe:png": "there is no pipe of png",
    "tcp://127.0.0.1:1": "127.0.0.1",
    f"rtmp://127.0.0.1:1/live/{SECRET}": "127.0.0.1",
    f"rtsp://ann:{SECRET}@127.0.0.1:1/live": "127.0.0.1",
}


@pytest.fixture
def request_() -> SinkRequest:
    return SinkRequest(size=SIZE, frame_rate=RATE)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        yield Place(tmp_path, receiver.getsockname()[1])


@pytest.fixture(params=MAKERS)
def maker(request: pytest.FixtureRequest) -> Maker:
    return MAKERS[request.param]


def frame(number: int) -> Frame:
    """A moving ramp; every number has its own picture."""
    pixels = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    pixels[..., 0] = np.arange(SIZE[0]) * 3
    pixels[..., 1] = 5 * number
    pixels[:, number % SIZE[0], 2] = 255
    return Frame(pixels, float(number / RATE), 100.0 + float(number / RATE), number, 1 / RATE, 1)


def in_time(work: Callable[[], None]) -> None:
    """Do something on a thread, as a lane does, and wait for its end."""
    errors: list[Exception] = []

    def guarded() -> None:
        try:
            work()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=guarded, name="impasto-test-sink", daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive(), "the sink has not returned"
    assert not errors, errors


def write_some(sink: Sink, count: int = FRAMES) -> None:
    for number in range(count):
        sink.write(frame(number))


class TestEverySink:
    def test_it_leaves_frames_as_they_are(self, maker: Maker, request_: SinkRequest, place: Place) -> None:
        sink = maker(request_, place)
        frames = [frame(number) for number in range(FRAMES)]
        for one in frames:
            sink.write(one)
        sink.close()
        for number, one in enumerate(frames):
            assert (one.data == frame(number).data).all()

    def test_it_may_keep_no_frame_of_which_the_memory_is_used_again(
        self, maker: Maker, request_: SinkRequest, place: Place
    ) -> None:
        """A frame is the loop's: what is done to it after `write` does not break the sink."""
        sink = maker(request_, place)
        for number in range(FRAMES):
            one = frame(number)
            sink.write(one)
            one.data[:] = 0
        sink.close()

    def test_its_habits_can_be_followed(self, maker: Maker, request_: SinkRequest, place: Place) -> None:
        sink = maker(request_, place)
        assert 1 <= habits_of(sink).capacity <= 64
        write_some(sink, 1)
        sink.close()

    def test_closing_twice_leaves_nothing_behind(self, maker: Maker, request_: SinkRequest, place: Place) -> None:
        first = maker(request_, place)  # libraries open for good what they use for the first time
        write_some(first)
        first.close()
        with nothing_left_behind():
            sink = maker(replace(request_, stop=threading.Event()), place)
            write_some(sink)
            sink.close()
            sink.close()
            del sink

    def test_closing_without_a_frame_leaves_nothing_behind(
        self, maker: Maker, request_: SinkRequest, place: Place
    ) -> None:
        first = maker(request_, place)
        write_some(first)
        first.close()
        with nothing_left_behind():
            sink = maker(replace(request_, stop=threading.Event()), place)
            sink.close()
            del sink

    def test_after_a_stop_it_ends(self, maker: Maker, request_: SinkRequest, place: Place) -> None:
        """A lane writes what waits and completes the sink."""
        sink = maker(request_, place)
        write_some(sink, 5)
        request_.stop.set()

        def end() -> None:
            sink.write(frame(5))
            sink.close()

        end() if habits_of(sink).on_main_thread else in_time(end)

    def test_frames_may_be_missing_or_come_twice(self, maker: Maker, request_: SinkRequest, place: Place) -> None:
        sink = maker(request_, place)
        for number in (0, 1, 1, 2, 7, 8, 50):
            sink.write(frame(number))
        sink.close()


@pytest.mark.parametrize(("address", "what"), CANNOT_BE_OPENED.items())
def test_what_cannot_be_opened_is_told_in_a_line(address: str, what: str, request_: SinkRequest, place: Place) -> None:
    with nothing_left_behind(), pytest.raises((ImpastoError, OSError)) as caught:
        open_sink(place.written(address), request_)
    message = str(caught.value)
    assert what in message
    assert SECRET not in message
    assert "\n" not in message
