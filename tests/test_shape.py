"""Rotation and pixel aspect: pictures are turned upright, and stretched where the output cannot tell players to."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import psnr_db, read_pictures, read_rgb, write_clip

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
def test_pictures_are_turned_upright(tmp_path: Path, rotation: int) -> None:
    path = write_clip(tmp_path / "clip.mp4", rotation=rotation)
    coded, source = read_frames(FileSource(write_clip(tmp_path / "lying.mp4")))[3].data, FileSource(path)
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
    [(0, None, (86, 48)), (0, 96, (170, 96)), (90, None, (36, 64)), (90, 128, (72, 128))],
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
    seen = "3/4" if rotation else "4/3"
    assert [line for line in told if line.startswith(f"pixel aspect {seen}: written in square pixels")]


@pytest.mark.parametrize("rotation", [50, 60, 120])
def test_what_is_turned_by_less_than_a_quarter_is_turned_to_the_nearest(tmp_path: Path, rotation: int) -> None:
    source = FileSource(write_clip(tmp_path / "clip.mp4", rotation=rotation))
    assert source.size == (48, 64)
    assert {frame.size for frame in read_frames(source)} == {(48, 64)}


@pytest.mark.parametrize("height", [None, 32])
def test_a_phone_s_film_is_painted_and_written_upright(tmp_path: Path, small_style: Path, height: int | None) -> None:
    """So strokes lie in it as in one that was held upright by the camera."""
    lying = write_clip(tmp_path / "lying.mkv", rotation=90, codec="ffv1")
    upright = tmp_path / "upright.mkv"
    with av.open(str(upright), "w") as written:
        stream = written.add_stream("ffv1", 25, width=48, height=64, pix_fmt="yuv420p")
        for frame in read_frames(FileSource(lying)):
            written.mux(stream.encode(av.VideoFrame.from_ndarray(frame.data, format="rgb24")))
        written.mux(stream.encode(None))
    for clip in (lying, upright):
        for output in (clip.with_suffix(".mp4"), tmp_path / f"{clip.stem}_%02d.png"):
            stylize_video(str(clip), output, VideoOptions(style=str(small_style), height=height))
    assert read_pictures(lying.with_suffix(".mp4"), 1)[0].rotation == 0
    ours, theirs = (read_picture(tmp_path / f"{clip.stem}_03.png").rgb for clip in (lying, upright))
    assert ours.shape == ((64, 48, 3) if height is None else (32, 24, 3))
    assert psnr_db(ours, theirs) > 30
    assert psnr_db(read_rgb(lying.with_suffix(".mp4"), 2), ours) > 30


@pytest.mark.parametrize(("name", "codec"), [("out.webm", "auto"), ("out.mkv", "av1"), ("out.mkv", "auto")])
def test_the_shape_is_kept_in_every_container(tmp_path: Path, small_style: Path, name: str, codec: str) -> None:
    clip = write_clip(tmp_path / "in.mp4", pixel_aspect=Fraction(4, 3))
    options = VideoOptions(style=str(small_style), codec=codec)
    stylize_video(str(clip), tmp_path / name, options)
    with av.open(str(tmp_path / name)) as painted:
        video = painted.streams.video[0]
        assert video.width * (video.sample_aspect_ratio or 1) / video.height == pytest.approx(16 / 9, rel=0.01)
