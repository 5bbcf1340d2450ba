"""The join of a GPU, on torch's processor: the same picture as the join of main memory."""

import numpy as np
import pytest
from joined_pictures import deviation, in_oils, landscape
from small_styles import one_thread_for_torch

torch = pytest.importorskip("torch", reason="frames on a GPU are torch's")

from engines.spec import Controls  # noqa: E402
from realtime.frames.frame import Frame, Pixels  # noqa: E402
from realtime.media.colour.small_copy import small_copy  # noqa: E402
from realtime.painting.full_size.device_join import join_on_device, small_device_copy  # noqa: E402
from realtime.painting.full_size.join import Join  # noqa: E402

SMALL = (128, 72)
SIZES = [(256, 144), (383, 215), (128, 72), (97, 201)]
ASKED = [(1.0, 0.0), (0.6, 0.0), (1.0, 1.0), (0.5, 0.5)]


def on_device(full: Pixels, small: Pixels, painted: Pixels, controls: Controls) -> Pixels:
    tensors = (torch.from_numpy(each.copy()) for each in (full, small, painted))
    with one_thread_for_torch():
        joined = join_on_device(controls, *tensors)
    assert joined.dtype == torch.uint8
    assert joined.is_contiguous()
    return np.asarray(joined.numpy(), np.uint8)


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: f"strength {asked[0]} colour {asked[1]}")
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_is_the_join_of_main_memory(size: tuple[int, int], asked: tuple[float, float]) -> None:
    """To rounding; one in a thousand values is off by more, where colours are clipped before they are mixed."""
    full, controls = landscape(size), Controls(np.zeros(1, np.float32), *asked)
    small = small_copy(full, SMALL)
    wanted = Join().rgb(full, small, in_oils(small), controls)
    away = deviation(on_device(full, small, in_oils(small), controls), wanted)
    assert np.percentile(away, 99.9) <= 3
    assert away.mean() < 0.9


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_strength_0_gives_back_every_byte(size: tuple[int, int]) -> None:
    full, controls = landscape(size), Controls(np.zeros(1, np.float32), 0.0)
    small = small_copy(full, SMALL)
    assert np.array_equal(on_device(full, small, in_oils(small), controls), full)


def test_one_colour_stays_that_colour() -> None:
    full = landscape((256, 144))
    painted = np.full((72, 128, 3), (200, 30, 90), np.uint8)
    assert (on_device(full, small_copy(full, SMALL), painted, Controls(np.zeros(1, np.float32))) == (200, 30, 90)).all()


@pytest.mark.parametrize("size", [(64, 36), (100, 60), (128, 72)], ids=str)
def test_the_small_copy_averages_areas(size: tuple[int, int]) -> None:
    full = landscape((256, 144))
    copy = small_device_copy(torch.from_numpy(full.copy()), size)
    assert deviation(copy.numpy(), small_copy(full, size)).mean() < 2.5
    assert abs(float(copy.float().mean()) - full.mean()) < 0.5


def test_a_copy_of_the_same_size_is_the_picture_itself() -> None:
    full = torch.from_numpy(landscape((64, 48)).copy())
    assert small_device_copy(full, (64, 48)) is full


def test_the_stylizer_joins_tensors_at_full_size() -> None:
    """The engine of these tests paints negatives of 64x48."""
    from tensor_engine import stylizer

    full = landscape((256, 192))
    frame = Frame(torch.from_numpy(full.copy()), 0.0, 0.0)
    painted: object = stylizer()(frame).data
    assert isinstance(painted, torch.Tensor)
    small = small_copy(full, (64, 48))
    wanted = Join().rgb(full, small, 255 - small, Controls(np.zeros(1, np.float32)))
    assert deviation(painted.numpy(), wanted).mean() < 3
