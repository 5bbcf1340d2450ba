"""Pictures in planes, against swscale: what decoders give, for every matrix, range, depth, chroma grid and size."""

from itertools import product

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Interpolation
from joined_pictures import deviation, landscape
from numpy.typing import NDArray

from engines.errors import BadValue
from realtime.frames.frame import Pixels, Planes
from realtime.media.colour.rgb import (
    BT709_MATRIX,
    BT2020_MATRIX,
    FULL,
    LIMITED,
    LUMA,
    SMPTE170M_MATRIX,
    ColourTags,
    FromRgb,
    ToRgb,
)
from realtime.media.colour.small_copy import small_copy_of_planes

MATRICES = (SMPTE170M_MATRIX, BT709_MATRIX, BT2020_MATRIX)
FORMATS = ("yuv420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "yuv422p10le", "yuv444p10le", "p010le")
SIZES = [(128, 96), (127, 95), (128, 95), (127, 96)]
EXACT = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT

every_colour = pytest.mark.parametrize(
    "tags",
    [ColourTags(matrix, range_) for matrix, range_ in product(MATRICES, (LIMITED, FULL))],
    ids=lambda tags: f"matrix {tags.matrix} range {tags.range}",
)
every_format = pytest.mark.parametrize("pixel_format", FORMATS)
every_size = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


def by_swscale(frame: av.VideoFrame, pixel_format: str, tags: ColourTags) -> av.VideoFrame:
    """The same picture in another format; what is RGB is full range, all else as the tags say."""
    luma, range_ = LUMA[tags.matrix].swscale, ColorRange.JPEG if tags.range == FULL else ColorRange.MPEG
    return frame.reformat(
        format=pixel_format,
        src_colorspace=luma,
        dst_colorspace=luma,
        interpolation=EXACT,
        src_color_range=ColorRange.JPEG if frame.format.is_rgb else range_,
        dst_color_range=ColorRange.JPEG if pixel_format == "rgb24" else range_,
    )


def decoded(size: tuple[int, int], pixel_format: str, tags: ColourTags) -> av.VideoFrame:
    """A picture as a decoder gives it."""
    return by_swscale(av.VideoFrame.from_ndarray(landscape(size).copy(), "rgb24"), pixel_format, tags)


def planes_of(frame: av.VideoFrame, tags: ColourTags, size: tuple[int, int] | None = None) -> Planes:
    own = (frame.width, frame.height)
    planes = ToRgb(tags, own, size or own).planes(frame)
    assert planes is not None
    return planes


def codes(frame: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """The planes of an 8-bit planar picture without what fills up their rows."""
    return [
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]  # type: ignore[call-overload]
        for plane in frame.planes
    ]


@every_size
@every_format
@every_colour
def test_planes_are_those_of_swscale(tags: ColourTags, pixel_format: str, size: tuple[int, int]) -> None:
    """But for how 10 bits are rounded to 8, which swscale does with a pattern."""
    frame = decoded(size, pixel_format, tags)
    found = planes_of(frame, tags)
    wanted = codes(by_swscale(frame, "yuv420p", tags))
    assert found.size == size
    for plane, theirs in zip((found.luma, *found.chroma), wanted, strict=True):
        assert plane.shape == theirs.shape
        assert deviation(plane, theirs).mean() < 0.5
        assert abs(float(np.mean(plane.astype(float) - theirs))) < 0.4
        assert np.percentile(deviation(plane, theirs), 99) <= 2


@every_size
@every_format
@every_colour
def test_the_codes_mean_the_colours_of_swscale(tags: ColourTags, pixel_format: str, size: tuple[int, int]) -> None:
    """To RGB at full size, but for where chroma changes within its own pixel."""
    frame = decoded(size, pixel_format, tags)
    found = small_copy_of_planes(planes_of(frame, tags), size)
    wanted = by_swscale(frame, "rgb24", tags).to_ndarray()
    assert np.median(deviation(found, wanted)) <= 1
    assert np.percentile(deviation(found, wanted), 75) <= 4
    assert np.abs((found.astype(float) - wanted).mean(axis=(0, 1))).max() < 0.7


@every_size
@every_colour
def test_the_two_matrices_undo_each_other(tags: ColourTags, size: tuple[int, int]) -> None:
    planes = planes_of(decoded(size, "yuv420p", tags), tags)
    there, back = (np.vstack([matrix, [0, 0, 0, 1]]) for matrix in (planes.to_rgb, planes.from_rgb))
    assert np.allclose(there @ back, np.eye(4), atol=1e-9)


@pytest.mark.parametrize("even", [True, False])
@every_size
@every_format
@every_colour
def test_planes_are_written_as_they_are(tags: ColourTags, pixel_format: str, size: tuple[int, int], even: bool) -> None:
    planes = planes_of(decoded(size, pixel_format, tags), tags)
    frame = FromRgb(tags, size, even=even).of_planes(planes)
    width, height = size
    written = (width + width % 2, height + height % 2) if even else size
    assert (frame.width, frame.height, frame.format.name) == (*written, "yuv420p")
    assert ColourTags.of(frame) == tags
    luma, *chroma = codes(frame)
    assert np.array_equal(luma[:height, :width], planes.luma)
    assert np.array_equal(luma[height:, :width], planes.luma[-1:].repeat(written[1] - height, 0))
    assert np.array_equal(luma[:, width:], luma[:, width - 1 : width].repeat(written[0] - width, 1))
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(chroma, planes.chroma, strict=True))


@every_size
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p"])
def test_8_bit_planes_are_the_decoders_own_memory(pixel_format: str, size: tuple[int, int]) -> None:
    frame = av.VideoFrame(*size, pixel_format)
    planes = planes_of(frame, ColourTags(BT709_MATRIX, LIMITED))
    for plane, theirs in zip((planes.luma, *planes.chroma), codes(frame), strict=True):
        assert np.shares_memory(plane, theirs)


@every_colour
def test_planes_and_rgb_are_the_same_picture(tags: ColourTags) -> None:
    frame = decoded((128, 96), "yuv420p", tags)
    rgb = ToRgb(tags, (128, 96), (128, 96))(frame)
    ours = FromRgb(tags, (128, 96), even=True)
    for of_planes, of_rgb in zip(codes(ours.of_planes(planes_of(frame, tags))), codes(ours(rgb)), strict=True):
        assert deviation(of_planes, of_rgb).mean() < 1.5


@pytest.mark.parametrize("wanted", [(64, 48), (192, 144), (65, 49)], ids=str)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "yuv422p10le"])
def test_planes_are_scaled_to_the_wanted_size(pixel_format: str, wanted: tuple[int, int]) -> None:
    tags = ColourTags(BT709_MATRIX, LIMITED)
    planes = planes_of(decoded((128, 96), pixel_format, tags), tags, wanted)
    assert planes.size == wanted
    assert planes.chroma[0].shape == ((wanted[1] + 1) // 2, (wanted[0] + 1) // 2)
    assert deviation(small_copy_of_planes(planes, wanted), landscape(wanted)).mean() < 6


@pytest.mark.parametrize("pixel_format", ["rgb24", "gbrp", "bgra"])
def test_rgb_has_no_planes(pixel_format: str) -> None:
    frame = av.VideoFrame.from_ndarray(landscape((64, 48)).copy(), "rgb24").reformat(format=pixel_format)
    assert ToRgb(ColourTags.of(frame), (64, 48), (64, 48)).planes(frame) is None


def test_gray_has_planes_without_colour() -> None:
    frame = av.VideoFrame(64, 48, "gray")
    codes(frame)[0][:] = 200
    planes = planes_of(frame, ColourTags.of(frame))
    assert (planes.luma == 200).all()
    assert all((plane == 128).all() for plane in planes.chroma)
    assert (small_copy_of_planes(planes, (32, 24)) == 200).all()


@pytest.mark.parametrize("wanted", [(64, 48), (33, 57), (128, 96), (200, 150)], ids=str)
@every_colour
def test_a_small_copy_is_the_picture_in_rgb(tags: ColourTags, wanted: tuple[int, int]) -> None:
    copy: Pixels = small_copy_of_planes(planes_of(decoded((128, 96), "yuv444p", tags), tags), wanted)
    assert copy.shape == (wanted[1], wanted[0], 3)
    assert copy.flags.c_contiguous
    assert deviation(copy, landscape(wanted)).mean() < 6


def test_planes_say_what_is_wrong_with_them() -> None:
    matrix = np.zeros((3, 4))
    with pytest.raises(BadValue, match=r"planes are \[H, W\] and twice \[h, w\]"):
        Planes(np.zeros((4, 4), np.uint8), (np.zeros((2, 2), np.uint8), np.zeros((2, 1), np.uint8)), matrix, matrix)
    with pytest.raises(BadValue, match=r"planes are \[H, W\]"):
        Planes(np.zeros((4, 4, 1), np.uint8), (np.zeros((2, 2), np.uint8),) * 2, matrix, matrix)
