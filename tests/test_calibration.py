"""Frames to calibrate on: from all over a video, the same every time, of a bounded size."""

from pathlib import Path

import av
import numpy as np
import pytest
from clips import read_pictures, write_clip

from engines.errors import ImpastoError
from engines.spec import Calibration
from realtime.files.calibration import calibrate_on_video, calibration_for
from realtime.media.colour.rgb import ColourTags, ToRgb
from realtime.sources.file import FileSource
from realtime.sources.pictures import find_pictures


def places_in(path: Path, made: Calibration) -> list[int]:
    """Which frames of the video they are, by the least difference."""
    source = FileSource(path)
    film = []
    while (frame := source.read()) is not None:
        film.append(frame.data.astype(int))
    source.close()
    return [int(np.argmin([np.abs(picture - frame).mean() for picture in film])) for frame in made.frames]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "ramps.mp4", pts=range(0, 512 * 30, 512))


def test_frames_come_from_all_over_the_video(clip: Path) -> None:
    made = calibrate_on_video(clip, 5)
    assert made is not None
    assert made.source == str(clip)
    assert made.frames.dtype == np.uint8
    assert made.frames.shape == (5, 48, 64, 3)
    places = places_in(clip, made)
    assert places == sorted(set(places))
    assert places[-1] - places[0] >= 20


def test_the_same_video_gives_the_same_frames(clip: Path, tmp_path: Path) -> None:
    first, again = calibrate_on_video(clip), calibrate_on_video(clip)
    other = calibrate_on_video(write_clip(tmp_path / "other.mp4", pts=range(0, 512 * 31, 512)))
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.sha256 == again.sha256 != other.sha256


def test_frames_have_the_colours_that_are_painted(clip: Path) -> None:
    made = calibrate_on_video(clip, 1)
    assert made is not None
    pictures = read_pictures(clip)
    convert = ToRgb(ColourTags.of(pictures[0]), (64, 48), (64, 48))
    assert any(np.array_equal(made.frames[0], convert(picture)) for picture in pictures)


def test_large_frames_are_made_smaller_and_a_short_clip_gives_what_it_has(tmp_path: Path) -> None:
    made = calibrate_on_video(write_clip(tmp_path / "large.mp4", size=(1282, 320), pts=(0, 512)))
    assert made is not None
    assert made.frames.shape == (2, 160, 640, 3)


def test_what_cannot_be_read_gives_none(tmp_path: Path) -> None:
    """The source that is to be painted then says what is wrong."""
    tmp_path.joinpath("text.mp4").write_text("no video")
    write_tone_alone(tmp_path / "sound.mp4")
    for name in ("text.mp4", "sound.mp4", "missing.mp4", "."):
        assert calibrate_on_video(tmp_path / name) is None


def write_tone_alone(path: Path) -> None:
    from clips import write_tone

    with av.open(str(path), "w") as output:
        write_tone(output, output.add_stream("aac", rate=48000))


def test_a_damaged_video_gives_what_decodes(tmp_path: Path) -> None:
    damaged = write_clip(tmp_path / "damaged.ts", pts=range(0, 512 * 30, 512))
    content = bytearray(damaged.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    damaged.write_bytes(content)
    made = calibrate_on_video(damaged)
    assert made is not None
    assert len(made.frames) >= 2


def test_pictures_are_taken_from_all_over_the_list(tmp_path: Path) -> None:
    for number in range(40):
        picture = np.full((30, 40 + number % 3, 3), number * 6, np.uint8)
        write_picture(tmp_path / f"shot_{number}.png", picture)
    made = calibration_for(str(tmp_path), find_pictures(str(tmp_path)), "int8")
    assert made is not None
    assert made.frames.shape == (16, 30, 40, 3)
    assert made.frames[:, 0, 0, 0].tolist() == [6 * (place * 40 // 16) for place in range(16)]


def write_picture(path: Path, pixels: np.ndarray) -> None:
    import cv2

    cv2.imwrite(str(path), pixels)


def test_only_what_is_calibrated_asks_for_frames(clip: Path) -> None:
    assert calibration_for(str(clip), None, "fp32") is None
    assert calibration_for(str(clip), None, "auto") is None
    assert calibration_for(str(clip), None, "int8") is not None


def test_painting_a_video_in_int8_calibrates_on_that_video(
    clip: Path, small_style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engines.loading.engine import EngineChoice
    from realtime.files.options import VideoOptions
    from realtime.files.video import stylize_video

    asked: list[EngineChoice] = []

    def note_choice(*args: object, choice: EngineChoice, **rest: object) -> None:
        asked.append(choice)
        raise ImpastoError("far enough")

    monkeypatch.setattr("realtime.painting.opening.load_engine", note_choice)
    for precision in ("int8", "fp32"):
        options = VideoOptions(style=str(small_style), precision=precision)
        with pytest.raises(ImpastoError, match="far enough"):
            stylize_video(str(clip), tmp_path / "out.mp4", options)
    made = calibrate_on_video(clip)
    assert made is not None
    assert asked[0].calibration is not None
    assert asked[0].calibration.sha256 == made.sha256
    assert asked[1].calibration is None
