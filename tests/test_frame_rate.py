"""A file that says 1000 frames a second is encoded for the pictures that it has, each at its time."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import read_times

from realtime.files.options import VideoOptions
from realtime.files.video import stylize_video
from realtime.media.streams import real_rate
from realtime.sources.file import FileSource

MILLISECOND = Fraction(1, 1000)
ABOUT_30 = [0, 40, 71, 103, 134, 174, 206, 237, 268, 300, 340, 371]


def write_nominal(path: Path, times_ms: Sequence[int], said: int = 1000, size: tuple[int, int] = (64, 48)) -> Path:
    """A clip that says `said` frames a second, as screen recorders write Matroska."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=said, options={"preset": "ultrafast"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.time_base = MILLISECOND
        for number, milliseconds in enumerate(times_ms):
            pixels = np.full((size[1], size[0], 3), 20 * number % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = milliseconds, MILLISECOND
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return path


def level_of(path: Path) -> int:
    """Ten times the level in the configuration record of H.264 (ISO/IEC 14496-15, section 5.3.3.1)."""
    with av.open(str(path)) as container:
        data = container.streams.video[0].codec_context.extradata
        assert data is not None
        return data[3]


def test_the_level_follows_the_pictures(tmp_path: Path, small_style: Path) -> None:
    clip = write_nominal(tmp_path / "in.mkv", ABOUT_30, size=(640, 360))
    with av.open(str(clip)) as container:
        assert container.streams.video[0].average_rate == 1000
    assert level_of(clip) > 50
    for name in ("out.mp4", "out.mkv"):
        stylize_video(str(clip), tmp_path / name, VideoOptions(style=str(small_style), engine="openvino"))
        assert level_of(tmp_path / name) <= 31
        assert read_times(tmp_path / name) == [number * MILLISECOND for number in ABOUT_30]


def test_the_number_of_frames_is_guessed_from_it(tmp_path: Path) -> None:
    source = FileSource(write_nominal(tmp_path / "in.mkv", ABOUT_30))
    source.close()
    assert source.clip.frames is not None
    assert 10 <= source.clip.frames <= 13


@pytest.mark.parametrize(
    ("times_ms", "said", "rate"),
    [
        (range(0, 2000, 20), 1000, 50),
        ([0, 60_000, *range(60_040, 61_000, 40)], 1000, 25),
        ([*range(0, 1000, 4)], 240, 240),
        ([*range(0, 1000, 8)], 120, 120),
        ([*range(0, 2000, 100)], 50, 50),
        ([0], 1000, 1000),
    ],
    ids=["said too much", "a still beginning", "240 is 240", "120 is 120", "believed", "one picture"],
)
def test_rates(tmp_path: Path, times_ms: Sequence[int], said: int, rate: int) -> None:
    assert real_rate(write_nominal(tmp_path / "in.mkv", times_ms, said), Fraction(said)) == rate


def test_pictures_that_are_shown_in_another_order(tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=1000, options={"bf": "3", "b-adapt": "0"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = MILLISECOND
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 8 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = 25 * number, MILLISECOND
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    with av.open(str(path)) as container:
        times = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    assert times != sorted(times)
    assert real_rate(path, Fraction(1000)) == 40


def test_what_cannot_be_measured_is_as_it_was_said(tmp_path: Path) -> None:
    (tmp_path / "text.mkv").write_text("no video")
    for path in (tmp_path / "text.mkv", tmp_path / "none.mkv", tmp_path):
        assert real_rate(path, Fraction(1000)) == 1000
        assert real_rate(path, None) is None
