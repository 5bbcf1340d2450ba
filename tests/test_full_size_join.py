"""Full-size pictures joined with their painting: strength, kept colours, and planes beside RGB."""

from functools import cache
from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from joined_pictures import deviation, in_oils, landscape

from engines.spec import Controls
from realtime.frames.frame import RGB_TO_LUMA, Pixels, Planes
from realtime.media.colour.rgb import BT709_MATRIX, FULL, LIMITED, SMPTE170M_MATRIX, ColourTags, FromRgb, ToRgb
from realtime.media.colour.small_copy import small_copy, small_copy_of_planes
from realtime.painting.full_size.join import Join

SMALL = (128, 72)
SIZES = [(256, 144), (383, 215), (128, 72), (97, 201)]
TAGS = [ColourTags(matrix, range_) for matrix, range_ in product((SMPTE170M_MATRIX, BT709_MATRIX), (LIMITED, FULL))]
JOIN = Join()


def controls(strength: float = 1.0, keep_colour: float = 0.0) -> Controls:
    return Controls(np.zeros(1, np.float32), strength, keep_colour)


@cache
def planes_of(size: tuple[int, int], tags: ColourTags = TAGS[2]) -> Planes:
    frame = FromRgb(tags, size, even=False)(landscape(size))
    planes = ToRgb(tags, size, size).planes(frame)
    assert planes is not None
    return planes


def rgb_of(planes: Planes) -> Pixels:
    return small_copy_of_planes(planes, planes.size)


def same(one: Planes, other: Planes) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(codes(one), codes(other), strict=True))


def codes(planes: Planes) -> tuple[np.ndarray, ...]:
    return planes.luma, *planes.chroma


@pytest.mark.parametrize("keep_colour", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_strength_0_gives_back_every_byte(size: tuple[int, int], keep_colour: float) -> None:
    full, small = landscape(size), small_copy(landscape(size), SMALL)
    asked = controls(0.0, keep_colour)
    assert np.array_equal(JOIN.rgb(full, small, in_oils(small), asked), full)
    assert np.array_equal(JOIN.moving(full, small, in_oils(small), asked), full)
    assert same(JOIN.planes(planes_of(size), small, in_oils(small), asked), planes_of(size))


def test_a_picture_in_rgb_is_never_handed_out_twice() -> None:
    """Overlays are drawn on what comes out, and the captured picture must not get them."""
    full = landscape((256, 144)).copy()
    small = small_copy(full, SMALL)
    for strength in (0.0, 0.5, 1.0):
        assert not np.shares_memory(JOIN.rgb(full, small, in_oils(small), controls(strength)), full)
        assert not np.shares_memory(JOIN.moving(full, small, in_oils(small), controls(strength)), full)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_planes_keep_their_shapes(size: tuple[int, int]) -> None:
    full = planes_of(size)
    small = small_copy_of_planes(full, SMALL)
    for keep_colour in (0.0, 1.0):
        painted = JOIN.planes(full, small, in_oils(small), controls(keep_colour=keep_colour))
        assert [plane.shape for plane in codes(painted)] == [plane.shape for plane in codes(full)]
        assert all(plane.dtype == np.uint8 for plane in codes(painted))
        assert painted.size == size


@given(strength=some.floats(0, 1), size=some.sampled_from(SIZES))
@settings(max_examples=25, deadline=None)
def test_a_part_of_the_strength_lies_in_between(strength: float, size: tuple[int, int]) -> None:
    """In every value, and as far along as the strength says."""
    full = planes_of(size)
    small = small_copy_of_planes(full, SMALL)
    whole, part = (JOIN.planes(full, small, in_oils(small), controls(each)) for each in (1.0, strength))
    for was, between, now in zip(codes(full), codes(part), codes(whole), strict=True):
        assert deviation(between, was.astype(float) + strength * (now.astype(float) - was)).max() <= 1
    pixels = landscape(size)
    rgb, half = (JOIN.rgb(pixels, small, in_oils(small), controls(each)) for each in (1.0, strength))
    assert deviation(half, pixels.astype(float) + strength * (rgb.astype(float) - pixels)).max() <= 1


@pytest.mark.parametrize("strength", [0.4, 1.0])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_planes_that_keep_their_colour_keep_every_byte_of_it(size: tuple[int, int], strength: float) -> None:
    full = planes_of(size)
    small = small_copy_of_planes(full, SMALL)
    kept = JOIN.planes(full, small, in_oils(small), controls(strength, 1.0))
    assert all(np.array_equal(a, b) for a, b in zip(kept.chroma, full.chroma, strict=True))
    assert np.array_equal(kept.luma, JOIN.planes(full, small, in_oils(small), controls(strength)).luma)
    assert deviation(kept.luma, full.luma).mean() > 2


def test_kept_colour_in_rgb_is_the_chroma_of_the_picture() -> None:
    full = landscape((256, 144))
    small = small_copy(full, SMALL)
    kept, plain = (JOIN.rgb(full, small, in_oils(small), controls(keep_colour=each)) for each in (1.0, 0.0))
    ours, its, painted = (cv2.cvtColor(each, cv2.COLOR_RGB2YCrCb).astype(int) for each in (kept, full, plain))
    unclipped = (kept > 0).all(axis=2) & (kept < 255).all(axis=2)
    assert deviation(ours[..., 1:], its[..., 1:])[unclipped].max() <= 2
    assert deviation(ours[..., 0], painted[..., 0])[unclipped].max() <= 2


@pytest.mark.parametrize("tags", TAGS, ids=lambda tags: f"matrix {tags.matrix} range {tags.range}")
@pytest.mark.parametrize("asked", [controls(), controls(0.6), controls(1.0, 0.7)], ids=["whole", "part", "coloured"])
@pytest.mark.parametrize("size", [(256, 144), (383, 215)], ids=str)
def test_planes_and_rgb_look_alike(size: tuple[int, int], asked: Controls, tags: ColourTags) -> None:
    """They differ by the resolution of chroma, and by what is clipped in the one and not in the other."""
    full = planes_of(size, tags)
    pixels = rgb_of(full)
    small = small_copy_of_planes(full, SMALL)
    of_planes = rgb_of(JOIN.planes(full, small, in_oils(small), asked))
    away = deviation(of_planes, JOIN.rgb(pixels, small, in_oils(small), asked))
    assert away.mean() < 2.5
    assert np.percentile(away, 95) < 10


@pytest.mark.parametrize("asked", [controls(), controls(0.6), controls(1.0, 0.7)], ids=["whole", "part", "coloured"])
@pytest.mark.parametrize("size", [(256, 144), (254, 146), (383, 215), (256, 215)], ids=str)
def test_a_moving_picture_looks_like_a_still_one(size: tuple[int, int], asked: Controls) -> None:
    full = landscape(size)
    small = small_copy(full, SMALL)
    moving, still = (join(full, small, in_oils(small), asked) for join in (JOIN.moving, JOIN.rgb))
    assert moving.shape == still.shape
    if any(side % 2 for side in size):
        assert np.array_equal(moving, still)
    away = deviation(moving, still)
    assert away.mean() < 2.5
    assert np.percentile(away, 95) < 10


def test_colours_lie_where_the_luma_lies() -> None:
    """A red field of a grey picture, on every side of which grey stays grey but for a chroma pixel."""
    pixels = np.full((144, 256, 3), 128, np.uint8)
    pixels[40:100, 60:190] = (200, 40, 40)
    frame = FromRgb(TAGS[2], (256, 144), even=True)(pixels)
    full = ToRgb(TAGS[2], (256, 144), (256, 144)).planes(frame)
    assert full is not None
    small = small_copy_of_planes(full, SMALL)
    red = JOIN.planes(full, small, small, controls()).chroma[1].astype(int)
    found = np.argwhere(red > (red.min() + red.max()) / 2)
    assert np.abs(found.min(axis=0) - (20, 30)).max() <= 1
    assert np.abs(found.max(axis=0) - (49, 94)).max() <= 1


def test_a_painting_as_large_as_the_picture_is_hardly_changed() -> None:
    """Where nothing is enlarged, the comb of two pixels is what goes."""
    full = landscape((256, 144))
    painted = in_oils(full)
    assert deviation(JOIN.rgb(full, full, painted, controls()), painted).mean() < 4


@pytest.mark.parametrize("size", [SMALL, (256, 144)], ids=str)
@pytest.mark.parametrize("lies", [0, 1], ids=["level", "upright"])
def test_rims_of_other_colours_are_softened_as_films_have_them(size: tuple[int, int], lies: int) -> None:
    """What is as thin as a net's pixels; light and dark stay."""
    full = landscape(size)
    small = small_copy(full, SMALL)
    rims = np.resize([24.0, -24.0, 0.0], small.shape[lies])  # a period of three
    lines = np.expand_dims(rims, (1 - lies, 2)) * (1.0, -0.7, 1.0)
    plain = np.full_like(small, 120)
    striped = np.clip(plain + lines - (lines @ RGB_TO_LUMA)[..., None], 0, 255).astype(np.uint8)
    codes_of = (cv2.cvtColor(JOIN.rgb(full, small, each, controls()), cv2.COLOR_RGB2YCrCb) for each in (plain, striped))
    before, after = (each.astype(float) for each in codes_of)
    painted = np.asarray(cv2.cvtColor(striped, cv2.COLOR_RGB2YCrCb), float)
    assert (after - before)[..., 1:].std() < 0.25 * (painted - 120)[..., 1:].std()
    assert deviation(after[..., 0], before[..., 0]).mean() < 1
