"""Every live source: what all of them promise to the live loop.

A source that is added to `schemes.SOURCES` belongs into the table of live_source_makers.py as well.
"""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from clips import write_clip
from leftovers import nothing_left_behind
from live_source_makers import MAKERS, Maker

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, SignalLost, Source, SplitSource
from realtime.frames.request import SourceRequest
from realtime.live.openers import open_source

PATIENCE_SECONDS = 10.0
SECRET = "hunter2"
STARVING = ("camera", "udp")
SEES_THE_STOP = (
    "camera",
    "screen",
    "dream",
    "pattern",
    "file",
    "foreign",
)  # the capture looks at it between two reads as well
CANNOT_BE_OPENED = {
    "nosuch:thing": "there is no source nosuch:",
    "camera:99": "camera:99",
    "camera:front": "is no camera",
    "screen:everything": "is no screen",
    "screen::4711": "screen::4711",
    "pattern:3x": "pattern",
    "dream:": "no style file is named; write dream:FILE",
    "dream:{folder}/none.onnx": "none.onnx",
    "dream:starry_night": "has no graph 'dream'",
    "dream:vae.onnx?size=3x": "'3x' is no size",
    "dream:vae.onnx?size=8x8": "size is 8x8",
    "dream:vae.onnx?colour=red": "no 'colour', only seed, seconds, speed, temperature, size, rate",
    "dream:vae.onnx?seconds=nan": "seconds is nan",
    "dream:vae.onnx?rate=1/0": "is no dream",
    "dream:vae.onnx?seed=-1": "seed is -1",
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
