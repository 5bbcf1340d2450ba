"""The picture that is shown, from the captured and the painted one."""

import numpy as np
import pytest

from realtime.frames.frame import Pixels
from realtime.live.picture import before_and_after, mirrored
from realtime.media.framing import filling, fit, framed

RED, BLUE = (255, 0, 0), (0, 0, 255)


def plain(width: int, height: int, colour: tuple[int, int, int]) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def test_a_picture_that_fits_is_left_alone() -> None:
    picture = plain(32, 16, RED)
    assert fit(picture, (32, 16)) is picture


@pytest.mark.parametrize("size", [(16, 8), (64, 32), (66, 34)])
def test_a_picture_of_the_same_shape_fills_the_size(size: tuple[int, int]) -> None:
    fitted = fit(plain(32, 16, RED), size)
    assert fitted.shape == (size[1], size[0], 3)
    assert (fitted == RED).all()


def test_a_picture_of_another_shape_gets_bars() -> None:
    fitted = fit(plain(16, 16, RED), (64, 32))
    assert (fitted[:, :16] == 0).all()
    assert (fitted[:, 16:48] == RED).all()
    assert (fitted[:, 48:] == 0).all()


def test_a_picture_of_one_line_is_a_line() -> None:
    fitted = fit(plain(2000, 2, RED), (32, 32))
    assert (fitted == RED).all(axis=2).sum() == 32


@pytest.mark.parametrize("size", [(64, 32), (16, 16), (32, 17), (2000, 2), (31, 33)], ids=str)
@pytest.mark.parametrize("wanted", [(64, 32), (63, 35), (320, 180)], ids=str)
def test_a_picture_fills_one_direction_and_is_framed_in_the_other(
    size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    filled = filling(plain(*size, RED), wanted)
    height, width = filled.shape[:2]
    assert width == wanted[0] or height == wanted[1]
    whole = framed(filled, wanted)
    assert whole.shape == (wanted[1], wanted[0], 3)
    assert (whole == RED).all(axis=2).sum() == width * height
    assert framed(whole, wanted) is whole
    assert filling(whole, wanted) is whole


def test_before_stands_left_and_after_right_of_a_white_line() -> None:
    before, after = plain(64, 32, RED), plain(64, 32, BLUE)
    joined = before_and_after(before, after)
    assert (joined[:, :31] == RED).all()
    assert (joined[:, 31:33] == 255).all()
    assert (joined[:, 33:] == BLUE).all()
    assert (after == BLUE).all()


def test_a_mirror_exchanges_left_and_right() -> None:
    picture = before_and_after(plain(64, 32, RED), plain(64, 32, BLUE))
    flipped = mirrored(picture)
    assert (flipped[:, :31] == BLUE).all()
    assert flipped.flags.c_contiguous
