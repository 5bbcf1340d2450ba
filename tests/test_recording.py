import os
import stat
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import psnr_db, read_rgb, read_times

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, Pixels, SinkHabits, habits_of
from realtime.frames.request import SinkRequest
from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.sinks.recording import Recording, open_recording

START = 4000.0  # perf_counter counts from an arbitrary moment
CONTAINERS = (".mp4", ".m4v", ".mov", ".mkv", ".webm")


def request(size: tuple[int, int] = (64, 48), rate: int = 30, **changes: Any) -> SinkRequest:
    return SinkRequest(size=size, frame_rate=Fraction(rate), **changes)


def picture(size: tuple[int, int] = (64, 48), shift: int = 0) -> Pixels:
    across = (np.arange(size[0]) * 3 + shift) % 256
    return np.ascontiguousarray(np.broadcast_to(across[None, :, None], (size[1], size[0], 3)), np.uint8)


def record(recording: Recording, times: list[float], size: tuple[int, int] = (64, 48)) -> None:
    for number, seconds in enumerate(times):
        recording.write(Frame(picture(size, number), seconds, START + seconds))
    recording.close()


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_every_container_plays_what_was_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"live{suffix}"
    recording = open_recording(str(path), request())
    recording.write(Frame(picture(), 0.0, START))
    recording.write(Frame(picture(), 0.1, START + 0.1))
    recording.close()
    recording.close()
    assert psnr_db(read_rgb(path), picture()) > 35
    assert len(read_times(path)) == 2


def test_x264_is_told_what_paintings_need_and_to_wait_for_nothing(tmp_path: Path) -> None:
    """It writes its settings into the stream."""
    path = tmp_path / "live.mkv"
    record(open_recording(str(path), request()), [0.0, 0.1])
    settings = path.read_bytes().partition(b"options: ")[2].split(b"\0")[0].split()
    assert {b"deblock=1:1:1", b"8x8dct=1", b"subme=0", b"bframes=0"} <= set(settings)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_dropped_frames_leave_the_speed_right(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 1 / 30, 2 / 30, 0.5, 0.9, 0.9 + 1 / 30, 3.0]
    path = tmp_path / f"live{suffix}"
    record(open_recording(str(path), request()), times)
    assert [float(time) for time in read_times(path)] == pytest.approx(times, abs=0.0006)


def test_times_rise_even_where_a_picture_comes_twice(tmp_path: Path) -> None:
    path = tmp_path / "live.mp4"
    record(open_recording(str(path), request()), [0.0, 0.1, 0.1, 0.1, 0.2])
    times = read_times(path)
    assert len(times) == 5
    assert all(one < other for one, other in pairwise(times))


def test_a_finished_mp4_is_a_plain_one(tmp_path: Path) -> None:
    """Players that know no fragments find every frame and the length in the file's one index."""
    path = tmp_path / "live.mp4"
    record(open_recording(str(path), request()), [number / 30 for number in range(120)])
    with av.open(str(path)) as file:
        assert file.streams.video[0].frames == 120
        assert file.duration == pytest.approx(4_000_000, abs=40_000)


def test_sizes_are_coded_even_and_told(tmp_path: Path) -> None:
    lines: list[str] = []
    path = tmp_path / "live.mkv"
    record(open_recording(str(path), request((65, 49), report=lines.append)), [0.0, 0.1], (65, 49))
    assert read_rgb(path).shape == (50, 66, 3)
    assert lines == ["65x49 is odd: recorded as 66x50, the last row or column twice"]


def test_a_file_that_exists_is_left_and_the_recording_numbered(tmp_path: Path) -> None:
    lines: list[str] = []
    path = tmp_path / "out.mp4"
    path.write_text("mine")
    recording = open_recording(str(path), request(report=lines.append))
    record(recording, [0.0, 0.1])
    assert path.read_text() == "mine"
    assert recording.path == tmp_path / "out-2.mp4"
    assert len(read_times(recording.path)) == 2
    assert lines == [f"{path} exists already: recording to {recording.path}"]


def test_two_recordings_at_once_have_two_files(tmp_path: Path) -> None:
    recordings = [open_recording(f"file:{tmp_path / 'out.mkv'}", request()) for _ in range(2)]
    for recording in recordings:
        record(recording, [0.0, 0.1])
    assert [recording.path.name for recording in recordings] == ["out.mkv", "out-2.mkv"]


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("sound", [None, SoundFeed(48000, 2)])
def test_a_recording_without_a_picture_is_not_kept(tmp_path: Path, suffix: str, sound: SoundFeed | None) -> None:
    lines: list[str] = []
    path = tmp_path / f"out{suffix}"
    open_recording(str(path), request(report=lines.append, sound=sound)).close()
    assert list(tmp_path.iterdir()) == []
    assert lines == [f"{path} is not kept: no picture came"]


def test_frames_may_wait_for_a_busy_disk_and_the_rate_is_theirs(tmp_path: Path) -> None:
    recording = open_recording(str(tmp_path / "out.mp4"), request())
    assert habits_of(recording) == SinkHabits(steady=False, on_main_thread=False, capacity=30)
    recording.close()


def test_the_frame_is_left_as_it_is(tmp_path: Path) -> None:
    pixels = picture()
    pixels.flags.writeable = False
    recording = open_recording(str(tmp_path / "out.mp4"), request())
    recording.write(Frame(pixels, 0.0, START))
    recording.close()
    assert np.array_equal(pixels, picture())


def test_silence_of_a_microphone_leaves_the_pictures_alone(tmp_path: Path) -> None:
    """It was unplugged before it said anything."""
    path = tmp_path / "out.mkv"
    record(open_recording(str(path), request(sound=SoundFeed(48000, 2))), [number / 30 for number in range(90)])
    assert len(read_times(path)) == 90


def test_nobody_listens_any_more_once_it_is_closed(tmp_path: Path) -> None:
    feed = SoundFeed(48000, 2)
    recording = open_recording(str(tmp_path / "out.mp4"), request(sound=feed))
    assert feed.listened.is_set()
    record(recording, [0.0])
    assert not feed.listened.is_set()
    feed.put(Sound(np.zeros((2, 960), np.float32), 48000, START))


def folder(path: Path) -> str:
    (path / "out.mp4").mkdir()
    return "out.mp4"


def closed_folder(path: Path) -> str:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    return "out.mp4"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda path: "missing/out.mp4",
            FileNotFoundError,
            r"^there is no folder .*missing to record out\.mp4 into; ",
        ),
        (lambda path: "out.avi", ImpastoError, r"^out\.avi: '\.avi' is no video container; use one of \.mp4, "),
        (lambda path: "out.webp", ImpastoError, r"out\.webp: animations are written by `impasto video`; record to"),
        (lambda path: "out", ImpastoError, r"^out: a name without an ending is no video container; use one of \.mp4, "),
        (folder, ImpastoError, r"out\.mp4 is a folder; name the file to record to, such as "),
        (lambda path: "x" * 300 + ".mp4", OSError, r"x\.mp4 cannot be created \(File name too long\); record to "),
        (closed_folder, OSError, r"out\.mp4 cannot be created \(Permission denied\); record to another folder or name"),
    ],
)
def test_a_place_that_cannot_be_is_one_line_with_the_remedy(
    tmp_path: Path, make: Callable[[Path], str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        open_recording(str(tmp_path / make(tmp_path)), request())
    assert "\n" not in str(raised.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_size_that_no_encoder_takes_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ImpastoError, match=r"^16386x16 is too large for .*: encoders take 16384 pixels a side$"):
        open_recording(str(tmp_path / "out.mp4"), request((16386, 16)))
    assert list(tmp_path.iterdir()) == []
