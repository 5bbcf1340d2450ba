"""Every video in the shared data, through the real loop at strength 0: what comes out is what went in.

With an engine that copies, and nothing of it taken; and once with all of it, where the net's lines are what is lost.
"""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from clips import psnr_db, read_packets, read_pictures, read_rgb, read_times
from fakes import CopyingEngine, painting_threads

from engines.spec import Controls
from realtime.files.loop import run
from realtime.files.options import VideoOptions
from realtime.files.video import stylize_video
from realtime.frames.frame import Pixels
from realtime.media.colour.rgb import ColourTags
from realtime.media.encoding import choose_encoding
from realtime.painting.full_size.painting_size import painting_size
from realtime.painting.stylizer import Stylizer
from realtime.sinks.file import FileSink
from realtime.sources.file import FileSource

LIMITED_OR_UNTOLD = (0, 1)  # H.264 does not tell limited range where it tells no other colour


@dataclass(frozen=True)
class Expected:
    """`notes` are words that must be told; `least_db` is how near a frame at strength 0 comes to its original."""

    frames: int
    notes: tuple[str, ...] = ()
    least_db: float = 38.0
    size: tuple[int, int] | None = None


CLIPS = {
    "bbb_720p_5s_audio.mp4": Expected(132),
    "bikes_640x272.mp4": Expected(250),
    "car_detection.mp4": Expected(377),
    "drive_540p_9s_audio.mp4": Expected(221),
    "flower_opening.mp4": Expected(150),
    "hand_moving_bottles.mp4": Expected(179),
    "highway_dashcam.mp4": Expected(38),
    "nasa_telescope_worker.mp4": Expected(180),
    "people_talking_his_girl_friday.mp4": Expected(180),
    "stream_of_water.mp4": Expected(90),
    "webcam_asl_again.mkv": Expected(77),
    "webcam_asl_book.mkv": Expected(109),
    "webcam_asl_concat_480p.mp4": Expected(577),
    "webcam_asl_eat.mkv": Expected(47),
    "webcam_asl_help.mkv": Expected(58),
    "webcam_asl_hungry.mkv": Expected(49),
    "webcam_man_1s_audio.mp4": Expected(30),
    "odd/alpha_vp9.webm": Expected(30, ("transparency",)),
    "odd/av1.mkv": Expected(125, least_db=33),
    "odd/bt709_full_range.mp4": Expected(30, least_db=33),
    "odd/h264_10bit.mp4": Expected(30, ("10-bit",), least_db=28),
    "odd/interlaced_mpeg2.ts": Expected(50, ("interlaced",), least_db=28),
    "odd/odd_size_319x241_yuv444.mp4": Expected(60, ("319x241 is odd",), size=(320, 242)),
    "odd/one_frame.mp4": Expected(1),
    "odd/rot90_352x288_vfr.mp4": Expected(23),
    "odd/truncated.mp4": Expected(26, ("breaks off at 1.0 s: the last 7.8 s are lost",)),
    "odd/vfr_gap.mp4": Expected(60),
    "odd/vp9_10bit.webm": Expected(72, ("10-bit",)),
    "odd/vp9_no_audio.webm": Expected(82, least_db=36),
}


def test_no_video_is_left_out(shared_data: Path) -> None:
    folder = shared_data / "video"
    found = {str(path.relative_to(folder)) for path in (*folder.glob("*.*"), *folder.glob("odd/*.*"))}
    assert found == set(CLIPS)


def repaint(source: Path, target: Path, strength: float = 0.0) -> list[str]:
    """The file, painted by copying, in planes as `impasto video` does it; what was told."""
    told: list[str] = []
    reader = FileSource(source, report=told.append)
    encoding = choose_encoding(target, preset="ultrafast")
    sink = FileSink(target, reader.clip, encoding=encoding, report=told.append)
    engine = CopyingEngine(2, size=painting_size(reader.size))
    stylizer = Stylizer(engine, Controls(np.zeros(1, np.float32), strength))
    reader.give_planes(stylizer.size)
    run(reader, stylizer, [sink])
    return told


@pytest.mark.parametrize("name", CLIPS)
def test_what_goes_in_comes_out(shared_data: Path, tmp_path: Path, name: str) -> None:
    source, target, expected = shared_data / "video" / name, tmp_path / "out.mp4", CLIPS[name]
    told = repaint(source, target)
    for words in expected.notes:
        assert [line for line in told if words in line], told
    assert len(told) == len(expected.notes), told
    times = read_times(source)
    assert len(times) == expected.frames
    assert read_times(target) == times
    check_packets(source, target)
    check_picture(source, target, expected)
    assert painting_threads() == []


@pytest.mark.parametrize(
    ("name", "least_db"),
    [("webcam_man_1s_audio.mp4", 36), ("odd/h264_10bit.mp4", 28), ("odd/rot90_352x288_vfr.mp4", 36)],
)
def test_a_copy_of_360_lines_is_nearly_the_film(shared_data: Path, tmp_path: Path, name: str, least_db: float) -> None:
    """Edges come from the film; the finest texture is what 360 lines and the net's comb take away."""
    source, target = shared_data / "video" / name, tmp_path / "out.mp4"
    repaint(source, target, strength=1.0)
    assert psnr_db(read_rgb(target, 5), seen_in(source, 5)) >= least_db


def seen_in(path: Path, index: int) -> Pixels:
    """A picture as players show it."""
    quarters = read_pictures(path, 1)[0].rotation // 90  # anticlockwise
    return np.rot90(read_rgb(path, index), quarters % 4)


def check_packets(source: Path, target: Path) -> None:
    """All sound, bit by bit and in time. A file that breaks off gives the copy more of it than a player gets."""
    for original, kept in zip(read_packets(source, "audio"), read_packets(target, "audio"), strict=True):
        assert kept[: len(original)] == original


def check_picture(source: Path, target: Path, expected: Expected) -> None:
    index = min(5, expected.frames - 1)
    before, after = read_pictures(source, 1)[0], read_pictures(target, 1)[0]
    height, width, _ = seen_in(source, 0).shape
    assert (after.width, after.height) == (expected.size or (width, height))
    assert after.rotation == 0
    one, other = ColourTags.of(before), ColourTags.of(after)
    assert (other.matrix, other.primaries, other.transfer) == (one.matrix, one.primaries, one.transfer)
    assert other.range == one.range or {one.range, other.range} == set(LIMITED_OR_UNTOLD)
    assert psnr_db(read_rgb(target, index)[:height, :width], seen_in(source, index)) >= expected.least_db
    with av.open(str(source)) as original, av.open(str(target)) as kept:
        assert kept.streams.video[0].sample_aspect_ratio == original.streams.video[0].sample_aspect_ratio


@pytest.mark.parametrize("name", ["webcam_man_1s_audio.mp4", "odd/rot90_352x288_vfr.mp4", "odd/truncated.mp4"])
def test_with_a_real_engine(shared_data: Path, small_style: Path, tmp_path: Path, name: str) -> None:
    source, target = shared_data / "video" / name, tmp_path / "out.mp4"
    options = VideoOptions(style=str(small_style), height=96)
    report = stylize_video(str(source), target, options)
    assert report.stats.frames == CLIPS[name].frames
    assert report.input_broke_off == (name == "odd/truncated.mp4")
    assert read_times(target) == read_times(source)
    check_packets(source, target)
    assert min(report.size) <= 96
