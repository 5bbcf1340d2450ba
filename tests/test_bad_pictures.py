"""Pictures that cannot be read or painted, among others that can: told, left out, exit code 1; --strict ends there."""

import json
import struct
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import read_rgb, read_times
from typer.testing import CliRunner

from engines.errors import EngineRefused, ImpastoError, NotEnoughMemory, TooSmall, UnknownStyle
from realtime.commands.all_commands import app
from realtime.files import image
from realtime.files.image import stylize_images
from realtime.files.options import ImageOptions, VideoOptions
from realtime.files.video import stylize_video
from realtime.media.picture_file import too_large_for
from realtime.media.png_chunks import PNG_SIGNATURE
from realtime.painting.opening import open_stylizer
from realtime.painting.stylizer import Stylizer
from realtime.sources.pictures import PictureSource, find_pictures

GREYS = (10, 60, 110, 160, 210)


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Five grey pictures, of which number 2 is cut and number 3 empty."""
    folder = tmp_path / "shots"
    folder.mkdir()
    for number, grey in enumerate(GREYS):
        cv2.imwrite(str(folder / f"f{number}.png"), np.full((48, 64, 3), grey, np.uint8))
    cut(folder / "f2.png")
    (folder / "f3.png").write_bytes(b"")
    return folder


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def greys_of(folder: Path, told: list[str]) -> list[int]:
    source = PictureSource(find_pictures(str(folder)), Fraction(25), report=told.append)
    return [int(frame.data.mean()) for frame in iter(source.read, None)]


def test_the_picture_before_stands_for_the_time_of_a_bad_one(shots: Path) -> None:
    told: list[str] = []
    assert greys_of(shots, told) == [10, 60, 60, 60, 210]
    beside = "left out, the picture beside it stands for its time"
    assert told == [f"{shots / 'f2.png'} is cut short: {beside}", f"{shots / 'f3.png'} is empty: {beside}"]


def test_bad_ones_at_both_ends(shots: Path) -> None:
    for name in ("f0.png", "f4.png"):
        cut(shots / name)
    told: list[str] = []
    assert greys_of(shots, told) == [60] * 5
    assert len(told) == 4


def test_none_that_can_be_read(shots: Path) -> None:
    for path in shots.iterdir():
        path.write_bytes(b"")
    told: list[str] = []
    with pytest.raises(ImpastoError, match="none of the 5 pictures can be read"):
        greys_of(shots, told)
    assert len(told) == 5
    with pytest.raises(ImpastoError, match=r"f0\.png is empty$"):
        PictureSource([shots / "f0.png"], Fraction(25))


def test_a_video_has_every_moment_and_the_report_says_that_it_is_not_whole(shots: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    report = stylize_video(str(shots), target, VideoOptions(strength=0.0, engine="openvino", crf=1))
    assert report.input_broke_off
    assert read_times(target) == [Fraction(number, 25) for number in range(5)]
    assert [round(float(read_rgb(target, number).mean()), -1) for number in range(5)] == [10, 60, 60, 60, 210]


def test_the_commands_exit_1_and_write_the_rest(shots: Path, tmp_path: Path, small_style: Path) -> None:
    options = ("--style", str(small_style), "--engine", "openvino", "--json")
    done = CliRunner().invoke(app, ["image", str(shots), str(tmp_path / "out"), *options])
    assert done.exit_code == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["f0.png", "f1.png", "f4.png"]
    assert json.loads(done.stdout)["left_out"] == [str(shots / "f2.png"), str(shots / "f3.png")]
    assert f"{shots / 'f2.png'} is cut short: left out\n" in done.stderr
    done = CliRunner().invoke(app, ["video", str(shots), str(tmp_path / "out.mp4"), *options])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["frames"] == 5


def test_the_summary_counts_them(shots: Path, tmp_path: Path, small_style: Path) -> None:
    report = stylize_images([shots], tmp_path / "out", ImageOptions(style=str(small_style), engine="openvino"))
    assert report.summary().endswith(f"{tmp_path / 'out'}; left out 2 pictures that cannot be read or painted")
    assert not report.interrupted


@pytest.fixture
def sizes(tmp_path: Path) -> Path:
    """Three pictures: an icon, one that is fine, and one that is larger."""
    folder = tmp_path / "sizes"
    folder.mkdir()
    for name, side in (("a-icon", 8), ("b-fine", 48), ("c-large", 64)):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((side, side, 3), 90, np.uint8))
    return folder


def test_a_picture_that_cannot_be_painted_is_left_out_by_its_name(
    sizes: Path, tmp_path: Path, small_style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(options: ImageOptions, size: tuple[int, int], **further: Any) -> Stylizer:
        if size == (64, 64):
            raise NotEnoughMemory("an engine for 64x64 pixels needs more")
        return open_stylizer(options, size, **further)

    monkeypatch.setattr(image, "open_stylizer", opened)
    options = ImageOptions(style=str(small_style), engine="openvino")
    report = stylize_images([sizes], tmp_path / "out", options)
    assert [path.name for path in report.outputs] == ["b-fine.png"]
    assert [path.name for path in report.left_out] == ["a-icon.png", "c-large.png"]
    assert (report.input_broke_off, report.interrupted) == (True, False)
    left_out = [line for line in report.notes if line.endswith(": left out")]
    assert left_out[0].startswith("a-icon.png: the picture has 8x8 pixels and the nets need 16x16")
    assert left_out[1] == "c-large.png: an engine for 64x64 pixels needs more: left out"
    with pytest.raises(TooSmall, match=r"^a-icon\.png: the picture has 8x8"):
        stylize_images([sizes], tmp_path / "out", replace(options, strict=True))
    with pytest.raises(TooSmall, match=r"^a-icon\.png: "):
        stylize_images([sizes / "a-icon.png"], tmp_path / "out.png", options)


def test_what_no_picture_can_be_painted_with_ends_it_at_once(
    sizes: Path, tmp_path: Path, small_style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownStyle, match=r"^there is no style"):
        stylize_images([sizes], tmp_path / "out", ImageOptions(style="nobody", engine="openvino"))

    def refused(*_: object, **further: object) -> Stylizer:
        raise EngineRefused("no engine can run small.onnx here")

    monkeypatch.setattr(image, "open_stylizer", refused)
    with pytest.raises(EngineRefused, match=r"^no engine can run"):
        stylize_images([sizes], tmp_path / "out", ImageOptions(style=str(small_style)))
    assert not list((tmp_path / "out").iterdir())


def test_strict_ends_at_the_first(shots: Path, tmp_path: Path, small_style: Path) -> None:
    picture = ImageOptions(style=str(small_style), engine="openvino", strict=True)
    with pytest.raises(ImpastoError, match=r"f2\.png is cut short$"):
        stylize_images([shots], tmp_path / "out", picture)
    video = VideoOptions(style=str(small_style), engine="openvino", strict=True)
    with pytest.raises(ImpastoError, match=r"f(2\.png is cut short|3\.png is empty)$"):  # two are read at a time
        stylize_video(str(shots), tmp_path / "out.mp4", video)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".ppm"])
def test_a_cut_picture_is_one_line_and_opencv_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], suffix: str
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"{name}{suffix}"), noise)
    cut(tmp_path / f"b{suffix}")
    told: list[str] = []
    assert len(greys_of(tmp_path, told)) == 2
    assert [line.partition(suffix)[0] for line in told] == [str(tmp_path / "b")]
    assert capfd.readouterr().err == ""


def huge_png(side: int) -> bytes:
    """As much of one as says how large it is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return PNG_SIGNATURE + head + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")


def test_a_picture_beyond_what_opencv_reads_is_left_out_by_its_name(
    sizes: Path, tmp_path: Path, small_style: Path
) -> None:
    (sizes / "a-icon.png").write_bytes(huge_png(40_000))
    options = ImageOptions(style=str(small_style), engine="openvino")
    report = stylize_images([sizes], tmp_path / "out", options)
    assert [path.name for path in report.left_out] == ["a-icon.png"]
    assert "a-icon.png is too large: OpenCV reads up to 2^30 pixels; make it smaller" in report.notes[0]


def test_a_picture_that_the_format_does_not_hold_is_told_before_it_is_painted(tmp_path: Path) -> None:
    assert too_large_for(".png", (70_000, 16)) == ""
    wide = tmp_path / "wide.png"
    cv2.imwrite(str(wide), np.zeros((16, 17_000, 3), np.uint8))
    options = ImageOptions(style="nosuch", engine="nosuch")
    with pytest.raises(ImpastoError, match=r"wide\.png: 17000x16 is too large, \.webp files have 16383 pixels a side"):
        stylize_images([wide], tmp_path / "out.WEBP", options)
