"""The Laplacian pyramid: nothing is lost, coarse bands move areas."""

import pytest
import torch

from trainers.laplacian import from_pyramid, to_pyramid


@pytest.mark.parametrize("size", [(64, 64), (37, 91), (16, 17), (5, 3)], ids=str)
@pytest.mark.parametrize("levels", [1, 2, 5])
def test_the_picture_comes_back(size: tuple[int, int], levels: int) -> None:
    picture = torch.rand(1, 3, *size, dtype=torch.float64)
    bands = to_pyramid(picture, levels)
    assert len(bands) <= levels
    torch.testing.assert_close(from_pyramid(bands), picture, rtol=0, atol=1e-14)


def test_bands_halve_down_to_the_smallest_worth_having() -> None:
    bands = to_pyramid(torch.rand(1, 3, 50, 90), 9)
    assert [band.shape[-2:] for band in bands] == [(50, 90), (25, 45), (12, 22)]


def test_a_flat_picture_lies_in_its_coarsest_band_alone() -> None:
    *details, coarse = to_pyramid(torch.full((1, 1, 48, 48), 0.25), 3)
    assert all(bool((band == 0).all()) for band in details)
    assert bool((coarse == 0.25).all())


def test_the_coarsest_band_moves_a_whole_area() -> None:
    bands = [torch.zeros_like(band) for band in to_pyramid(torch.rand(1, 1, 64, 64), 3)]
    bands[-1][..., 8, 8] = 1
    assert int((from_pyramid(bands) > 0.1).sum()) >= 16
