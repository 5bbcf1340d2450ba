"""The pictures of a clip that an engine is calibrated on: from all over it, decoded once or sought."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip

from engines.errors import ImpastoError
from realtime.compiling import calibration
from realtime.compiling.calibration import PICTURES, calibration_of
from realtime.frame import Pixels
from realtime.sources.file import FileSource

SIZE = (64, 48)
NEVER = threading.Event()


def frames_of(clip: Path) -> list[Pixels]:
    source = FileSource(clip)
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame.data)
    source.close()
    return frames


@pytest.mark.parametrize("leap_seconds", [10.0, 0.01], ids=["decoded", "sought"])
def test_they_stand_at_equal_distances(
    make_clip: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch, leap_seconds: float
) -> None:
    monkeypatch.setattr(calibration, "LEAP_SECONDS", leap_seconds)
    clip = make_clip(2 * PICTURES)
    found = calibration_of(clip, SIZE, NEVER)
    assert found.source == clip.name
    assert np.array_equal(found.frames, frames_of(clip)[::2])


def test_a_clip_that_begins_late_is_told_from_its_beginning(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "late.ts", pts=range(512 * 1000, 512 * 1064, 512))
    assert np.array_equal(calibration_of(clip, SIZE, NEVER).frames, frames_of(clip)[::2])


def test_a_short_clip_gives_what_it_has(make_clip: Callable[[int], Path]) -> None:
    clip = make_clip(5)
    assert np.array_equal(calibration_of(clip, SIZE, NEVER).frames, frames_of(clip))


def test_they_come_at_the_size_of_the_engine(make_clip: Callable[[int], Path]) -> None:
    assert calibration_of(make_clip(3), (40, 56), NEVER).frames.shape == (3, 56, 40, 3)


def test_equal_pictures_are_one_calibration(make_clip: Callable[[int], Path]) -> None:
    first, second = (calibration_of(make_clip(4), SIZE, NEVER) for _ in range(2))
    assert first.sha256 == second.sha256
    assert first.sha256 != calibration_of(make_clip(5), SIZE, NEVER).sha256


def test_a_stop_ends_it(make_clip: Callable[[int], Path]) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        calibration_of(make_clip(5), SIZE, stop)


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("nowhere.mp4", FileNotFoundError, "there is no file .*nowhere.mp4"),
        ("text.mp4", ImpastoError, "text.mp4 is not a video that FFmpeg can read"),
        ("silence.wav", ImpastoError, "silence.wav holds no picture to calibrate on; give a video"),
    ],
)
def test_what_is_no_video_is_a_line(tmp_path: Path, name: str, error: type[Exception], says: str) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    silence = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x08\0\0\0" + bytes(8)
    (tmp_path / "silence.wav").write_bytes(silence)
    with pytest.raises(error, match=says):
        calibration_of(tmp_path / name, SIZE, NEVER)
