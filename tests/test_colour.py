"""Colour conversion against the formulas of ITU-T H.273 in float64, and the tags that are written."""

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.frames.frame import Pixels
from realtime.media.colour.rgb import BT601, BT709, FULL, LIMITED, SDR_TAGS, ColourTags, FromRgb, ToRgb

SIZE = (64, 48)
WEIGHTS = {5: (0.299, 0.114), 6: (0.299, 0.114), 1: (0.2126, 0.0722), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
PALETTE = np.array([(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128), (200, 90, 30)])


def to_codes(rgb: NDArray[np.float64], matrix: int, full: bool) -> NDArray[np.float64]:
    """Equations 31 to 40 of ITU-T H.273, written out apart from the code under test."""
    kr, kb = WEIGHTS[matrix]
    red, green, blue = np.moveaxis(rgb / 255, -1, 0)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    pb, pr = 0.5 * (blue - luma) / (1 - kb), 0.5 * (red - luma) / (1 - kr)
    if full:
        return np.stack([255 * luma, 255 * pb + 128, 255 * pr + 128], axis=-1)
    return np.stack([219 * luma + 16, 224 * pb + 128, 224 * pr + 128], axis=-1)


def flat(codes: NDArray[np.float64], pixel_format: str = "yuv420p") -> av.VideoFrame:
    frame = av.VideoFrame(*SIZE, pixel_format)
    deep = "10le" in pixel_format
    for plane, code in zip(frame.planes, codes, strict=True):
        values = np.frombuffer(plane, np.uint16 if deep else np.uint8)  # type: ignore[call-overload]
        values[:] = round(min(float(code), 255) * (4 if deep else 1))
    return frame


def planes(frame: av.VideoFrame) -> list[Pixels]:
    return [
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]  # type: ignore[call-overload]
        for plane in frame.planes
    ]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le"])
@pytest.mark.parametrize("range_", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", WEIGHTS)
def test_flat_colours_to_rgb(matrix: int, range_: int, pixel_format: str) -> None:
    convert = ToRgb(ColourTags(matrix, range_), SIZE, SIZE)
    for colour in PALETTE.astype(float):
        codes = to_codes(colour, matrix, range_ == FULL)
        if pixel_format == "nv12":
            frame = flat(codes).reformat(format="nv12", src_color_range=range_, dst_color_range=range_)
        else:
            frame = flat(codes, pixel_format)
        assert np.abs(convert(frame).astype(float) - colour).max() <= 2


@pytest.mark.parametrize("range_", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", WEIGHTS)
def test_flat_colours_from_rgb(matrix: int, range_: int) -> None:
    convert = FromRgb(ColourTags(matrix, range_), SIZE, even=True)
    for colour in PALETTE:
        rgb = np.broadcast_to(colour.astype(np.uint8), (SIZE[1], SIZE[0], 3)).copy()
        expected = to_codes(colour.astype(float), matrix, range_ == FULL)
        for plane, code in zip(planes(convert(rgb)), expected, strict=True):
            assert np.abs(plane.astype(float) - code).max() <= 1


@pytest.mark.parametrize("range_", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", WEIGHTS)
def test_gradients_there_and_back(matrix: int, range_: int) -> None:
    tags = ColourTags(matrix, range_)
    across, down = np.meshgrid(np.linspace(0, 255, SIZE[0]), np.linspace(0, 255, SIZE[1]))
    smooth = np.stack([across, down, 255 - across], axis=-1).astype(np.uint8)
    back = ToRgb(tags, SIZE, SIZE)(FromRgb(tags, SIZE, even=True)(smooth))
    inner = np.s_[2:-2, 2:-2]
    assert np.abs(back[inner].astype(float) - smooth[inner]).max() <= 5
    assert abs(float(np.mean(back[inner].astype(float) - smooth[inner]))) < 0.5


def test_gray_gradients_are_exact_within_two_levels() -> None:
    gray = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 32, axis=0).repeat(3, axis=2)
    for range_ in (LIMITED, FULL):
        tags = ColourTags(1, range_)
        back = ToRgb(tags, (256, 32), (256, 32))(FromRgb(tags, (256, 32), even=True)(gray.copy()))
        assert np.abs(back.astype(float) - gray).max() <= 2


@pytest.mark.parametrize("pixel_format", ["rgb24", "gbrp", "bgra"])
def test_rgb_video_is_taken_as_it_is(pixel_format: str) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pixel_format)
    assert np.abs(ToRgb(ColourTags.of(frame), SIZE, SIZE)(frame).astype(int) - rgb).max() <= 1


def test_gray_video_is_full_range() -> None:
    frame = av.VideoFrame(*SIZE, "gray")
    np.frombuffer(frame.planes[0], np.uint8)[:] = 255  # type: ignore[call-overload]
    tags = ColourTags.of(frame)
    assert tags.range == FULL
    assert (ToRgb(tags, SIZE, SIZE)(frame) >= 254).all()


def test_frames_are_scaled_to_the_wanted_size() -> None:
    frame = flat(to_codes(np.array([200.0, 90, 30]), 1, False))
    for size in ((32, 24), (128, 96), (30, 50)):
        rgb = ToRgb(ColourTags(1, LIMITED), SIZE, size)(frame)
        assert rgb.shape == (size[1], size[0], 3)
        assert rgb.flags.c_contiguous
        assert np.abs(rgb.astype(int) - (200, 90, 30)).max() <= 2


@pytest.mark.parametrize("size", [(63, 47), (63, 48), (64, 47)])
def test_odd_sizes_repeat_the_last_row_and_column(size: tuple[int, int]) -> None:
    width, height = size
    rgb = np.full((height, width, 3), 40, np.uint8)
    rgb[-1], rgb[:, -1] = 200, 200
    padded, exact = FromRgb(SDR_TAGS, size, even=True), FromRgb(SDR_TAGS, size, even=False)
    assert padded.written_size == (width + width % 2, height + height % 2)
    assert exact.written_size == size
    luma = planes(padded(rgb))[0]
    assert luma.shape == padded.written_size[::-1]
    assert (luma[-1] == luma[-2]).all() or height % 2 == 0
    assert planes(exact(rgb))[0].shape == (height, width)


def test_untagged_colours_are_guessed_by_size() -> None:
    tags = ColourTags()
    assert tags.luma(640, 360) == BT601
    assert tags.luma(1280, 720) == BT709
    assert tags.luma(1920, 800) == BT709
    assert ColourTags(5).luma(1920, 1080) == BT601


def test_tags_are_kept_unless_they_cannot_stand() -> None:
    tagged = ColourTags(6, LIMITED, 6, 1)
    assert tagged.written((640, 360), (320, 180)) == tagged
    assert ColourTags().written((640, 360), (320, 180)) == ColourTags()
    assert ColourTags().written((1920, 1080), (640, 360)).matrix == 1
    assert ColourTags().written((640, 360), (1920, 1080)).matrix == 6
    assert ColourTags(0, FULL, 1, 13).written((64, 48), (64, 48)) == ColourTags(1, LIMITED, 1, 13)
    assert ColourTags(9, LIMITED, 9, 16).written((64, 48), (64, 48)) == SDR_TAGS
