"""A film that stays in planes from decoder to encoder."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import psnr_db, read_pictures, read_rgb, write_clip
from fakes import CopyingEngine
from joined_pictures import deviation

from engines.spec import Controls
from realtime.files.loop import run
from realtime.frames.frame import Frame, Pixels
from realtime.media.clip import Clip
from realtime.media.colour.rgb import FULL, LIMITED, PQ_TRANSFER, ColourTags
from realtime.painting.stylizer import Stylizer
from realtime.sinks.file import FileSink
from realtime.sources.file import FileSource

COPY_SIZE = (32, 24)
BT601, BT709, BT709_FULL = ColourTags(6, LIMITED, 6, 6), ColourTags(1, LIMITED, 1, 1), ColourTags(1, FULL, 1, 1)


def negative(pixels: Pixels) -> Pixels:
    return 255 - pixels


def stylizer(strength: float = 1.0, keep_colour: float = 0.0) -> Stylizer:
    """Paints negatives of 32x24."""
    return Stylizer(
        CopyingEngine(paint=negative, size=COPY_SIZE), Controls(np.zeros(1, np.float32), strength, keep_colour)
    )


@contextmanager
def film(path: Path, height: int | None = None) -> Iterator[FileSource]:
    source = FileSource(path, height=height)
    source.give_planes(COPY_SIZE)
    yield source
    source.close()


def frames_of(source: FileSource) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def codes(picture: av.VideoFrame) -> list[np.ndarray]:
    return [
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]  # type: ignore[call-overload]
        for plane in picture.planes
    ]


def encodable(source: FileSource, painter: Stylizer, folder: Path) -> list[av.VideoFrame]:
    """What the encoder is given of each frame."""
    sink = FileSink(folder / "out.mkv", source.clip)
    prepared = [sink.prepare(painter(frame)) for frame in frames_of(source)]
    sink.abort()
    return [each.picture for each in prepared]


@pytest.mark.parametrize(
    "tags", [BT601, BT709, BT709_FULL, ColourTags()], ids=lambda tags: f"{tags.matrix}-{tags.range}"
)
def test_at_strength_0_the_encoder_gets_the_decoders_bytes(tags: ColourTags, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "in.mkv", tags=tags)
    with film(clip) as source:
        given = encodable(source, stylizer(0.0), tmp_path)
    decoded = read_pictures(clip)
    assert len(given) == len(decoded) == 10
    for ours, theirs in zip(given, decoded, strict=True):
        assert ours.format.name == "yuv420p"
        assert all(np.array_equal(a, b) for a, b in zip(codes(ours), codes(theirs), strict=True))


def test_a_lossless_encoder_gives_the_film_back(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "in.mkv", tags=BT709)
    with film(clip) as source, av.open(str(tmp_path / "out.mkv"), "w") as output:
        video = output.add_stream("ffv1", rate=25)
        video.width, video.height = source.size
        for picture in encodable(source, stylizer(0.0), tmp_path):
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
    for ours, theirs in zip(read_pictures(tmp_path / "out.mkv"), read_pictures(clip), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(codes(ours), codes(theirs), strict=True))


def test_kept_colours_are_the_decoders_bytes(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "in.mkv", tags=BT709)
    with film(clip) as source:
        given = encodable(source, stylizer(keep_colour=1.0), tmp_path)
    for ours, theirs in zip(given, read_pictures(clip), strict=True):
        luma, *chroma = codes(ours)
        assert all(np.array_equal(a, b) for a, b in zip(chroma, codes(theirs)[1:], strict=True))
        assert deviation(luma, codes(theirs)[0]).mean() > 10


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("size", [(64, 48), (63, 47)], ids=str)
@pytest.mark.parametrize("tags", [BT601, BT709_FULL], ids=["bt601", "bt709-full"])
def test_planes_are_painted_as_rgb_would_be(
    tags: ColourTags, size: tuple[int, int], pixel_format: str, tmp_path: Path
) -> None:
    """A negative through planes and one through RGB, both as written."""
    clip = write_clip(tmp_path / "in.mkv", tags=tags, pixel_format=pixel_format, size=size, codec="ffv1")
    with film(clip) as source:
        first = source.first()
        assert first.planes is not None
        assert first.size == size
        in_planes = encodable(source, stylizer(), tmp_path)
    source = FileSource(clip)
    in_rgb = encodable(source, stylizer(), tmp_path)
    source.close()
    for ours, theirs in zip(in_planes, in_rgb, strict=True):
        assert ColourTags.of(ours) == ColourTags.of(theirs)
        for mine, wanted in zip(codes(ours), codes(theirs), strict=True):
            assert mine.shape == wanted.shape
            assert deviation(mine, wanted).mean() < 2.5


def test_the_copy_to_paint_from_comes_with_the_planes(tmp_path: Path) -> None:
    with film(write_clip(tmp_path / "in.mkv", tags=BT709)) as source:
        frame = source.read()
    assert frame is not None
    assert frame.planes is not None
    assert frame.data.shape == (24, 32, 3)
    assert (frame.size, repr(frame)) == ((64, 48), "Frame(64x48 at 0.000 s)")
    assert deviation(frame.data, read_rgb(tmp_path / "in.mkv").reshape(24, 2, 32, 2, 3).mean(axis=(1, 3))).max() <= 2


@pytest.mark.parametrize("height", [24, 46, 96])
def test_a_film_of_another_height_is_scaled_in_planes(height: int, tmp_path: Path) -> None:
    with film(write_clip(tmp_path / "in.mkv", tags=BT709), height=height) as source:
        frames = frames_of(source)
        assert source.size[1] == height
    assert all(frame.planes is not None and frame.planes.size == source.size for frame in frames)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_planes_are_turned_upright_too(tmp_path: Path, rotation: int) -> None:
    clip = write_clip(tmp_path / "in.mp4", rotation=rotation, tags=BT709)
    with film(clip) as source:
        (first, *_) = frames = frames_of(source)
        size = source.size
    assert size == ((64, 48) if rotation == 180 else (48, 64))
    assert all(frame.planes is not None and frame.planes.size == size for frame in frames)
    assert first.planes is not None
    coded = [np.asarray(plane) for plane in codes(read_pictures(clip, 1)[0])]
    quarters = read_pictures(clip, 1)[0].rotation // 90
    for plane, lying in zip((first.planes.luma, *first.planes.chroma), coded, strict=True):
        assert (plane == np.rot90(lying, quarters % 4)).all()


@pytest.mark.parametrize("matrix", [9, 1], ids=["bt2020", "bt709"])
def test_tone_mapped_pictures_come_in_rgb(matrix: int, tmp_path: Path) -> None:
    """Whatever matrix they are tagged with."""
    tags = ColourTags(matrix, LIMITED, 9, PQ_TRANSFER)
    with film(write_clip(tmp_path / "in.mkv", tags=tags, pixel_format="yuv420p10le")) as source:
        assert all(frame.planes is None for frame in frames_of(source))


def test_rgb_films_come_in_rgb(tmp_path: Path) -> None:
    with film(write_clip(tmp_path / "in.mkv", codec="libx264rgb", pixel_format="rgb24")) as source:
        assert all(frame.planes is None for frame in frames_of(source))
        assert source.size == (64, 48)


def test_untagged_films_keep_their_matrix_where_their_new_size_is_guessed_otherwise(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "in.mkv", size=(128, 96))
    with film(clip, height=720) as source:
        assert source.clip.tags.matrix == 6
        given = encodable(source, stylizer(0.0), tmp_path)
    assert {picture.colorspace for picture in given} == {6}
    assert abs(float(codes(given[0])[0].mean()) - float(codes(read_pictures(clip, 1)[0])[0].mean())) < 1


def test_the_loop_writes_the_film_in_planes(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "in.mkv", tags=BT709)
    with film(clip) as source:
        sink = FileSink(tmp_path / "out.mkv", Clip(source.size, source.clip.time_base, Fraction(25), BT709))
        stats = run(source, stylizer(), [sink])
    assert stats.frames == 10
    assert set(stats.stage_ms) == {"decode", "convert", "net", "steady", "join", "encode"}
    assert psnr_db(read_rgb(tmp_path / "out.mkv", 5), 255 - read_rgb(clip, 5)) > 25
