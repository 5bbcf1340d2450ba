"""What a guided join makes of a painting: its colours from the small copy, its edges from the full picture."""

from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from joined_pictures import deviation, landscape

from realtime.frames.frame import Pixels, Plane
from realtime.media.colour.small_copy import small_copy
from realtime.painting.full_size.guided_join import Floats, Guide, Scratch, enlarged

SMALL = (96, 64)
SIZES = [(96, 64), (97, 65), (191, 127), (288, 192), (401, 263)]
SCRATCH = Scratch()


@cache
def luma(size: tuple[int, int]) -> Plane:
    return np.asarray(cv2.cvtColor(landscape(size), cv2.COLOR_RGB2GRAY), np.uint8)


def guide_of(full: Plane, size: tuple[int, int] = SMALL) -> Floats:
    return small_copy(full, size).astype(np.float32)


def joined(full: Plane, painting: Floats, size: tuple[int, int] = SMALL) -> Pixels:
    """The painting, [h, w, C], at the size of `full`, [H, W, C] or [H, W]."""
    guide = Guide(guide_of(full, size), SCRATCH)
    channels = [np.ascontiguousarray(painting[..., number]) for number in range(painting.shape[2])]
    planes = [enlarged(guide.coefficients(channel), full, SCRATCH) for channel in channels]
    return planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_painting_that_is_the_small_copy_is_nearly_the_full_picture(size: tuple[int, int]) -> None:
    """Edges come from the picture; the finest texture is taken for flat ground and smoothed."""
    full = luma(size)
    found = joined(full, guide_of(full)[..., None])
    assert deviation(found, full).mean() < 2


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_smooth_picture_is_given_back(size: tuple[int, int]) -> None:
    across, down = np.meshgrid(np.linspace(20, 200, size[0]), np.linspace(0, 40, size[1]))
    full = (across + down).astype(np.uint8)
    assert deviation(joined(full, guide_of(full)[..., None]), full).max() <= 2


@given(level=some.integers(0, 255), size=some.tuples(some.integers(33, 200), some.integers(33, 200)))
@settings(max_examples=30, deadline=None)
def test_one_colour_stays_that_colour_at_any_size(level: int, size: tuple[int, int]) -> None:
    painting = np.full((SMALL[1], SMALL[0], 3), level, np.float32)
    full = np.asarray(cv2.resize(luma((401, 263)), size), np.uint8)
    found = joined(full, painting)
    assert found.shape == (size[1], size[0], 3)
    assert (found == level).all()


@given(
    slope=some.floats(-0.9, 0.9),
    offset=some.floats(-100, 355),
    size=some.sampled_from(SIZES),
)
@settings(max_examples=40, deadline=None)
def test_what_goes_with_the_picture_gets_its_edges(slope: float, offset: float, size: tuple[int, int]) -> None:
    """Of a·Y + b at the small size it makes a·Y + b at the full one, as far as the slope is seen past the epsilon."""
    full = edges(size)
    found = joined(full, slope * guide_of(full)[..., None] + np.float32(offset))
    wanted = np.clip(slope * full.astype(np.float32) + offset, 0, 255)
    away = deviation(found, wanted)
    assert away.mean() <= 1.5
    assert np.percentile(away, 99) <= 0.1 * 255 * abs(slope) + 2


@cache
def edges(size: tuple[int, int]) -> Plane:
    """Fields of two levels, whose edges lie at the same places at any size."""
    across, down = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    disc = (across - 0.5) ** 2 + (down - 0.5) ** 2 < 0.09
    return np.where(disc, 190, 40).astype(np.uint8)


@pytest.mark.parametrize("size", [(288, 192), (401, 263)], ids=str)
def test_edges_are_as_sharp_as_the_pictures(size: tuple[int, int]) -> None:
    """Enlarged alone, the same painting has edges as wide as a pixel of the small copy."""
    full = edges(size)
    painting = 255 - guide_of(full)[..., None] * 0.9
    found = joined(full, painting)
    enlarged = np.clip(cv2.resize(painting, size, interpolation=cv2.INTER_CUBIC), 0, 255)
    wanted = 255 - 0.9 * full
    assert deviation(found, wanted).mean() < 0.6 * deviation(enlarged, wanted).mean()
    assert steepest(found) > 1.3 * steepest(enlarged)


def steepest(picture: np.ndarray) -> float:
    return float(np.abs(np.diff(picture.astype(np.float32), axis=1)).max())


@given(seed=some.integers(0, 2**16), size=some.sampled_from(SIZES), contrast=some.integers(1, 255))
@settings(max_examples=30, deadline=None)
def test_no_sum_leaves_its_16_bits(seed: int, size: tuple[int, int], contrast: int) -> None:
    """Noise against noise, black and white at worst: what wrapped round would be far from the same sum in floats."""
    random = np.random.default_rng(seed)
    full = (random.integers(0, 2, (size[1], size[0])) * contrast).astype(np.uint8)
    painting = (random.integers(0, 2, (SMALL[1], SMALL[0])) * 255).astype(np.float32)
    guide = Guide(guide_of(full), SCRATCH)
    found = guide.coefficients(painting, guide.lost_detail(painting))
    slope = cv2.resize(found.slope.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) / 128
    offset = cv2.resize(found.offset.astype(np.float32), size, interpolation=cv2.INTER_CUBIC) / 8
    wanted = np.clip(slope * full + offset, 0, 255)
    assert deviation(enlarged(found, full, SCRATCH), wanted).max() <= 2.5


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_painted_edge_that_the_picture_lacks_hardly_overshoots(size: tuple[int, int]) -> None:
    """A stroke 80 levels brighter on a flat ground: taking off the comb and enlarging by a curve leave a small ring."""
    full = np.full((size[1], size[0]), 120, np.uint8)
    painting = np.full((SMALL[1], SMALL[0], 1), 90, np.float32)
    painting[20:40, 30:60] = 170
    found = joined(full, painting)
    assert int(found.min()) >= 90 - 80 / 6
    assert int(found.max()) <= 170 + 80 / 6
    assert abs(int(found[size[1] // 2 - 2, size[0] // 2 - 2]) - 170) <= 2


@pytest.mark.parametrize("width_px", [0.6, 1.0, 1.5])
def test_halos_beside_edges_are_taken_off(width_px: float) -> None:
    """A net's output overshoots beside edges, and the picture does not; enlarging alone makes that worse."""
    full = edges((384, 256))
    painting = guide_of(full)[..., None]
    halo = painting + 1.5 * (painting - cv2.GaussianBlur(painting, (0, 0), width_px)[..., None])
    enlarged = cv2.resize(halo, (384, 256), interpolation=cv2.INTER_CUBIC)
    found = joined(full, halo)
    assert int(found.max()) - 190 < 0.5 * (float(halo.max()) - 190)
    assert int(found.max()) - 190 < 0.4 * (float(enlarged.max()) - 190)


def test_the_comb_of_a_pixel_shuffle_is_not_enlarged() -> None:
    """Every second column 10 brighter: the finest there is in the small copy, and nothing of the picture's."""
    full = np.full((256, 384), 120, np.uint8)
    painting = np.full((64, 96, 1), 120, np.float32)
    painting[:, ::2] += 10
    assert np.ptp(joined(full, painting)[8:-8, 8:-8].astype(int)) <= 1


def test_brushwork_on_flat_ground_is_kept() -> None:
    full = np.full((256, 384), 120, np.uint8)
    strokes = 120 + 40 * np.sin(np.arange(96) / 96 * 2 * np.pi * 8)
    painting = np.broadcast_to(strokes, (64, 96))[..., None].astype(np.float32)
    assert float(joined(full, painting).std()) > 0.85 * float(painting.std())


def test_detail_under_a_stroke_comes_back_where_the_picture_has_much() -> None:
    """Lines of one pixel of the full picture, gone from a copy a fourth as large and from what was painted of it."""
    full = edges((384, 256)).copy()
    full[100:150:8, 120:260] -= 60
    copy = guide_of(full)
    painting = np.asarray(cv2.GaussianBlur(copy, (0, 0), 2.0), np.float32)
    guide = Guide(copy, SCRATCH)
    without = enlarged(guide.coefficients(painting), full, SCRATCH)
    found = enlarged(guide.coefficients(painting, guide.lost_detail(painting)), full, SCRATCH)
    assert contrast_of_lines(found) > 2 * contrast_of_lines(without)
    assert deviation(found[:40], without[:40]).mean() < 0.5  # nothing on flat ground


def contrast_of_lines(picture: np.ndarray) -> float:
    return float((picture[104:150:8, 140:240].astype(np.float32) - picture[100:146:8, 140:240]).mean())


def test_what_was_painted_before_is_not_changed_by_the_next() -> None:
    """The buffers are the thread's; what is handed out is not."""
    full = luma((191, 127))
    painting = guide_of(full)[..., None]
    first = joined(full, painting)
    before = first.copy()
    joined(full, 255 - painting)
    assert np.array_equal(first, before)
