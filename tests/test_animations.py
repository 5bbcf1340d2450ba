"""Animated pictures: `video` paints every frame at its time, `image` says that it paints the first."""

import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from animations import BEGINS_MS, SHOWN_MS, SIZE, Part, grey_of, webp_of, write_animation
from clips import psnr_db, read_rgb, read_times, write_clip, write_frames
from PIL import Image
from PIL.ImageSequence import all_frames

from engines.errors import ImpastoError
from realtime.files.image import stylize_images
from realtime.files.options import ImageOptions, VideoOptions
from realtime.files.video import open_clip, stylize_video
from realtime.frames.frame import Frame
from realtime.frames.request import SourceRequest
from realtime.live.openers import open_source
from realtime.media.animation import count_frames, is_animation
from realtime.media.picture_file import read_picture
from realtime.sources.animated_webp import AnimatedWebpSource, is_animated_webp

NAMES = ["a.gif", "a.png", "a.apng", "a.webp", "called webp.mp4"]


def write_named(folder: Path, name: str) -> Path:
    """The last one is a WebP that has another's name."""
    kind = Path(name).suffix if name != NAMES[-1] else ".webp"
    return write_animation(folder / f"made{kind}").rename(folder / name)


def read_all(path: Path, told: list[str] | None = None) -> list[Frame]:
    source = open_clip(str(path), VideoOptions(), (told if told is not None else []).append)
    frames = list(iter(source.read, None))
    source.close()
    return frames


@pytest.mark.parametrize("name", NAMES)
def test_every_frame_comes_at_its_time(tmp_path: Path, name: str) -> None:
    frames = read_all(write_named(tmp_path, name))
    assert [round(1000 * frame.pts_seconds) for frame in frames] == BEGINS_MS
    for number, frame in enumerate(frames):
        assert frame.size == SIZE
        assert np.abs(frame.data.astype(int) - grey_of(number)).max() <= 2
        assert frame.duration is not None
        assert frame.time_base is not None
        assert frame.duration * frame.time_base == Fraction(SHOWN_MS[number], 1000)


@pytest.mark.parametrize("name", NAMES)
def test_an_animation_becomes_a_video(tmp_path: Path, small_style: Path, name: str) -> None:
    target = tmp_path / "out.mkv"
    options = VideoOptions(style=str(small_style), engine="openvino", height=24)
    report = stylize_video(str(write_named(tmp_path, name)), target, options)
    times = [round(1000 * float(moment)) for moment in read_times(target)]
    assert times[:5] == BEGINS_MS
    assert len(times) == 6, "the last picture lasts longer than the others and comes again"
    with av.open(str(target)) as written:
        assert written.duration == pytest.approx(1e6 * sum(SHOWN_MS) / 1000, abs=2e3)
    assert report.size == (32, 24)
    assert not report.input_broke_off


@pytest.mark.parametrize("name", NAMES[:4])
def test_a_picture_of_an_animation_is_its_first_and_told(tmp_path: Path, small_style: Path, name: str) -> None:
    told: list[str] = []
    options = ImageOptions(style=str(small_style), engine="openvino")
    stylize_images([write_named(tmp_path, name)], tmp_path / "out.bmp", options, report=told.append)
    line = f"note: {name}: the first of its 5 frames is painted; given alone, `impasto video` paints all"
    assert [each for each in told if "frames" in each] == [line]


def test_an_animation_among_pictures_is_told_too(tmp_path: Path) -> None:
    for name in ("1.png", "3.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((48, 64, 3), np.uint8))
    write_animation(tmp_path / "2.webp")
    told: list[str] = []
    assert len(read_all(tmp_path, told)) == 3
    assert told == ["2.webp: the first of its 5 frames is painted; given alone, `impasto video` paints all"]


def test_live_plays_it(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "a.webp", [30, 30, 30])
    source = open_source(str(path), SourceRequest(loop=True, report=lambda line: None, stop=threading.Event()))
    frames = [source.read() for _ in range(5)]
    source.close()
    times = [frame.pts_seconds for frame in frames if frame is not None]
    assert times == sorted(set(times))
    assert len(times) == 5
    assert {frame.size for frame in frames if frame is not None} == {SIZE}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif"])
def test_a_still_is_no_animation(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"still{suffix}"
    cv2.imwrite(str(path), np.zeros((48, 64, 3), np.uint8))
    assert not is_animation(path)
    assert not is_animated_webp(path)
    assert read_picture(path).notes == ()


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_damage_never_makes_counting_fail(tmp_path: Path, suffix: str) -> None:
    data = write_animation(tmp_path / f"a{suffix}").read_bytes()
    assert count_frames(data) == 5
    for length in range(0, len(data), 7):
        assert 1 <= count_frames(data[:length]) <= 5
    generator = np.random.default_rng(5)
    for place in generator.integers(0, len(data), 300):
        changed = data[:place] + bytes([int(generator.integers(256))]) + data[place + 1 :]
        assert count_frames(changed) >= 1


def random_parts() -> list[Part]:
    """Parts of a canvas of 64x48 with every way to dispose and to blend, some see-through."""
    generator = np.random.default_rng(4)
    parts = []
    for number in range(12):
        left, top = (2 * int(generator.integers(16)) for _ in range(2))
        pixels = cv2.resize(generator.integers(0, 256, (3, 4, 4), np.uint8), (20 + number, 16), interpolation=0)
        parts.append(
            Part(pixels, left, top, disposed=bool(number & 1), blended=not number & 2, lossless=number % 3 > 0)
        )
    return parts


def test_frames_are_laid_over_each_other_as_libwebp_does(tmp_path: Path) -> None:
    """OpenCV asks libwebp for all frames at once, with their transparency: over white, they are what is shown."""
    data = webp_of(SIZE, random_parts())
    (tmp_path / "a.webp").write_bytes(data)
    done, expected = cv2.imdecodeanimation(np.frombuffer(data, np.uint8))
    assert done
    told: list[str] = []
    frames = read_all(tmp_path / "a.webp", told)
    assert told == ["transparency: shown on white, video is written without alpha"]
    assert len(frames) == len(expected.frames) == 12
    for frame, theirs in zip(frames, expected.frames, strict=True):
        bgra = np.asarray(theirs, float)
        alpha = bgra[..., 3:] / 255
        assert np.abs(frame.data - (bgra[..., 2::-1] * alpha + 255 * (1 - alpha))).max() <= 3


def test_no_time_in_particular_is_a_tenth_of_a_second(tmp_path: Path) -> None:
    grey = np.zeros((48, 64, 3), np.uint8)
    (tmp_path / "a.webp").write_bytes(webp_of(SIZE, [Part(grey, shown_ms=ms) for ms in (0, 10, 11, 40)]))
    frames = read_all(tmp_path / "a.webp")
    assert [frame.pts for frame in frames] == [0, 100, 200, 211]


class TestDamage:
    """Told in a line, held over, and the command fails at its end; --strict ends at once."""

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> Path:
        """The third of four frames does not decode."""
        flat = [np.full((48, 64, 3), grey_of(number), np.uint8) for number in range(4)]
        data = bytearray(webp_of(SIZE, [Part(pixels) for pixels in flat]))
        places = [place for place in range(len(data)) if data[place : place + 4] == b"VP8L"]
        data[places[2] + 8] ^= 0xFF
        (tmp_path / "a.webp").write_bytes(data)
        return tmp_path / "a.webp"

    def test_a_frame_that_does_not_decode(self, damaged: Path, tmp_path: Path, small_style: Path) -> None:
        told: list[str] = []
        assert [int(frame.data[0, 0, 0]) for frame in read_all(damaged, told)] == [20, 65, 65, 155]
        assert told[1:] == ["a.webp: frame 3 does not decode; the one before stands for its time"]
        options = VideoOptions(style=str(small_style), engine="openvino")
        assert stylize_video(str(damaged), tmp_path / "out.mp4", options).input_broke_off

    def test_strict(self, damaged: Path) -> None:
        source = AnimatedWebpSource(damaged, strict=True)
        assert [source.read() is not None for _ in range(2)] == [True, True]
        with pytest.raises(ImpastoError, match=r"a\.webp: frame 3 does not decode"):
            source.read()

    def test_a_file_that_breaks_off(self, tmp_path: Path) -> None:
        path = write_animation(tmp_path / "a.webp")
        path.write_bytes(path.read_bytes()[:-10])
        told: list[str] = []
        assert len(read_all(path, told)) == 4
        assert told == ["a.webp breaks off: 4 frames of it are there"]
        with pytest.raises(ImpastoError, match="breaks off"):
            AnimatedWebpSource(path, strict=True)

    def test_nothing_of_it_is_there(self, tmp_path: Path) -> None:
        path = write_animation(tmp_path / "a.webp")
        path.write_bytes(path.read_bytes()[:40])
        with pytest.raises(ImpastoError, match="holds no frame"):
            AnimatedWebpSource(path)

    def test_a_frame_outside_of_the_canvas(self, tmp_path: Path) -> None:
        inside, outside = Part(np.zeros((48, 64, 3), np.uint8)), Part(np.full((48, 64, 3), 9, np.uint8), left=2)
        (tmp_path / "a.webp").write_bytes(webp_of(SIZE, [inside, outside]))
        assert [int(frame.data.max()) for frame in read_all(tmp_path / "a.webp")] == [0, 0]


@pytest.mark.parametrize(("name", "mode"), [("a.gif", "RGBA"), ("a.png", "RGBA"), ("a.png", "LA"), ("a.webp", "RGBA")])
def test_what_is_transparent_is_white_in_every_format(tmp_path: Path, name: str, mode: str) -> None:
    """Half of each picture is, whatever colour lies under it, and a corner of all but GIF's half so."""
    frames = []
    for number in range(3):
        pixels = np.zeros((48, 64, 4), np.uint8)
        pixels[:, :32] = (60 + 10 * number,) * 3 + (255,)
        pixels[40:, :8, 3] = 255 if name == "a.gif" else 128
        frames.append(Image.fromarray(pixels).convert(mode))
    frames[0].save(
        tmp_path / name, save_all=True, append_images=frames[1:], duration=100, blend=0, lossless=name == "a.webp"
    )
    told: list[str] = []
    read = read_all(tmp_path / name, told)
    assert told == ["transparency: shown on white, video is written without alpha"]
    assert len(read) == 3
    for number, frame in enumerate(read):
        grey = 60 + 10 * number
        corner = grey if name == "a.gif" else (grey * 128 + 255 * 127) / 255
        assert np.abs(frame.data[:, 34:].astype(int) - 255).max() <= 1
        assert np.abs(frame.data[4:36, 2:30].astype(int) - grey).max() <= 2
        assert np.abs(frame.data[44:, 2:6].astype(int) - corner).max() <= 2


def test_a_film_becomes_an_animation(tmp_path: Path, small_style: Path) -> None:
    """That begins again for ever, its pictures at their times and in the film's colours."""
    red, blue = np.full((48, 64, 3), (200, 40, 30), np.uint8), np.full((48, 64, 3), (30, 60, 190), np.uint8)
    film = write_frames(tmp_path / "in.mp4", [np.where(np.arange(64)[:, None] < 9 * at, red, blue) for at in range(6)])
    options = VideoOptions(style=str(small_style), engine="openvino", strength=0.0, crf=5)
    stylize_video(str(film), tmp_path / "out.webp", options)
    with Image.open(tmp_path / "out.webp") as animation:
        assert animation.info["loop"] == 0
        shown = all_frames(animation)
    assert [frame.info["duration"] for frame in shown] == [40] * 6
    for number, frame in enumerate(shown):
        assert psnr_db(np.asarray(frame.convert("RGB")), read_rgb(film, number)) > 32


def test_that_an_animation_has_no_sound_is_told(tmp_path: Path, small_style: Path) -> None:
    film = write_clip(tmp_path / "in.mp4", pts=(0, 512), sounds=("aac",))
    report = stylize_video(str(film), tmp_path / "out.webp", VideoOptions(style=str(small_style), engine="openvino"))
    assert any("audio stream 1 (aac" in note and "is lost: webp files cannot hold it" in note for note in report.notes)


def test_pictures_that_are_numbered_stay_pictures(tmp_path: Path, small_style: Path) -> None:
    options = VideoOptions(style=str(small_style), engine="openvino")
    stylize_video(str(write_clip(tmp_path / "in.mp4", pts=(0, 512))), tmp_path / "frame_%d.webp", options)
    names = sorted(path.name for path in tmp_path.glob("*.webp"))
    assert names == ["frame_1.webp", "frame_2.webp"]
    assert not any(is_animated_webp(tmp_path / name) for name in names)


@pytest.mark.parametrize(
    ("asked", "told"), [({"codec": "h264"}, "cannot hold h264"), ({"preset": "fast"}, "no preset 'fast'")]
)
def test_what_an_animation_has_not_is_refused(
    tmp_path: Path, small_style: Path, asked: dict[str, Any], told: str
) -> None:
    options = VideoOptions(style=str(small_style), engine="openvino", **asked)
    with pytest.raises(ImpastoError, match=told):
        stylize_video(str(write_clip(tmp_path / "in.mp4")), tmp_path / "out.webp", options)
    assert not (tmp_path / "out.webp").exists()
