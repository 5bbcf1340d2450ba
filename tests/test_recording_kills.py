"""What a recording is worth when its program ends in any other way than by closing it."""

import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import read_times

PROGRAM = Path(__file__).with_name("endless_recording.py")
MOST_LOST_SECONDS = 1.2  # a piece of the file, and what the muxer still sorts


def record_and_kill(path: Path, seconds: int) -> None:
    """Record in a process of its own, and kill it while it writes, after so many seconds of the picture."""
    with subprocess.Popen([sys.executable, PROGRAM, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert any(line == f"{seconds}\n" for line in process.stdout)
        finally:
            process.kill()


def length_of_sound(path: Path) -> Fraction:
    with av.open(str(path)) as file:
        seconds = Fraction(0)
        try:
            for frame in file.decode(audio=0):
                seconds += Fraction(frame.samples, frame.sample_rate)
        except av.FFmpegError:
            pass  # the last piece is cut
        return seconds


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("seconds", [2, 7])
def test_a_killed_recording_plays_all_but_its_last_second(tmp_path: Path, suffix: str, seconds: int) -> None:
    path = tmp_path / f"live{suffix}"
    record_and_kill(path, seconds)
    times = read_times(path)
    assert times[0] == 0
    assert times[-1] > seconds - MOST_LOST_SECONDS
    assert len(times) == round(times[-1] * 30) + 1  # without a gap
    assert length_of_sound(path) > seconds - MOST_LOST_SECONDS
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_other_players_open_a_killed_recording(tmp_path: Path, suffix: str) -> None:
    ffprobe = shutil.which("ffprobe")
    if ffprobe is None:
        pytest.skip("ffprobe is not installed")
    path = tmp_path / f"live{suffix}"
    record_and_kill(path, 4)
    command = [ffprobe, "-v", "quiet", "-count_frames", "-select_streams", "v:0"]
    told = subprocess.run(
        [*command, "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(re.findall(r"\d+", told.stdout)[0]) >= (4 - MOST_LOST_SECONDS) * 30


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk_ends_the_recording_and_keeps_what_was_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"live{suffix}"
    done = subprocess.run(
        [sys.executable, PROGRAM, path, str(700_000)], capture_output=True, text=True, timeout=60, check=True
    )
    *told, last = done.stdout.splitlines()
    assert last == f"{path}: the disk is full; what was recorded until then is kept and can be played"
    assert path.stat().st_size == 700_000
    assert read_times(path)[-1] > int(told[-1]) - MOST_LOST_SECONDS
    assert done.stderr == ""
