"""Rotation and pixel aspect: told to players where the output can tell, and applied to the pictures where it cannot."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import read_pictures, write_clip

from realtime.files.options import VideoOptions
from realtime.files.video import stylize_video
from realtime.frames.frame import Frame
from realtime.media.clip import turn_upright
from realtime.media.picture_file import read_picture
from realtime.sources.file import FileSource


def read_frames(source: FileSource) -> list[Frame]:
    frames = list(iter(source.read, None))
    source.close()
    return frames


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_pictures_are_turned_where_no_player_will(tmp_path: Path, rotation: int) -> None:
    path = write_clip(tmp_path / "clip.mp4", rotation=rotation)
    coded, source = read_frames(FileSource(path))[3].data, FileSource(path, upright=True)
    turned = read_frames(source)[3].data
    quarters = read_pictures(path)[3].rotation // 90  # anticlockwise
    assert (turned == np.rot90(coded, quarters % 4)).all()
    assert source.clip.size == source.size == turned.shape[1::-1]
    assert source.clip.display_matrix == ()


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((), [[1, 2], [3, 4]]),
        ((-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30), [[2, 1], [4, 3]]),
        ((65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30), [[3, 4], [1, 2]]),
        ((0, 65536, 0, 65536, 0, 0, 0, 0, 1 << 30), [[1, 3], [2, 4]]),
        ((0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30), [[3, 1], [4, 2]]),
    ],
    ids=["none", "mirrored", "upside down mirror", "transposed", "clockwise"],
)
def test_display_matrices(matrix: tuple[int, ...], expected: list[list[int]]) -> None:
    pixels = np.repeat(np.array([[1, 2], [3, 4]], np.uint8)[..., None], 3, axis=2)
    assert turn_upright(pixels, matrix)[..., 0].tolist() == expected


@pytest.mark.parametrize(
    ("rotation", "height", "size"),
    [(0, None, (86, 48)), (0, 96, (170, 96)), (90, None, (64, 36)), (90, 128, (128, 72))],
)
def test_pixels_are_made_square_where_the_file_cannot_tell(
    tmp_path: Path, rotation: int, height: int | None, size: tuple[int, int]
) -> None:
    path = write_clip(tmp_path / "clip.mp4", pixel_aspect=Fraction(4, 3), rotation=rotation)
    told: list[str] = []
    source = FileSource(path, height=height, square_pixels=True, report=told.append)
    assert source.size == source.clip.size == size
    assert source.clip.pixel_aspect is None
    assert {frame.size for frame in read_frames(source)} == {size}
    assert [line for line in told if line.startswith("pixel aspect 4/3: written in square pixels")]


def test_pictures_of_a_phone_video_stand_upright(tmp_path: Path, small_style: Path) -> None:
    clip = write_clip(tmp_path / "in.mp4", rotation=90)
    stylize_video(str(clip), tmp_path / "frame_%02d.png", VideoOptions(style=str(small_style)))
    assert read_picture(tmp_path / "frame_01.png").rgb.shape == (64, 48, 3)


@pytest.mark.parametrize(("name", "codec"), [("out.webm", "auto"), ("out.mkv", "av1"), ("out.mkv", "auto")])
def test_the_shape_is_kept_in_every_container(tmp_path: Path, small_style: Path, name: str, codec: str) -> None:
    clip = write_clip(tmp_path / "in.mp4", pixel_aspect=Fraction(4, 3))
    options = VideoOptions(style=str(small_style), codec=codec)
    stylize_video(str(clip), tmp_path / name, options)
    with av.open(str(tmp_path / name)) as painted:
        video = painted.streams.video[0]
        assert video.width * (video.sample_aspect_ratio or 1) / video.height == pytest.approx(16 / 9, rel=0.01)
