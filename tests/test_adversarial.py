"""The contest of CycleGAN and CUT, each part against its formula."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from trainers.losses.adversarial import (
    PatchContrast,
    PatchDiscriminator,
    PicturePool,
    judge_loss,
    painter_loss,
    patch_nce,
)

CHANCE = torch.Generator().manual_seed(1)


def test_one_verdict_sees_70_pixels() -> None:
    """Of a convolutional net: a change of one pixel reaches verdicts at most 35 pixels away, and those it reaches."""
    judge = PatchDiscriminator(4).eval()
    stages = [nn.Identity() if isinstance(each, nn.InstanceNorm2d) else each for each in judge.net]
    judge.net = nn.Sequential(*stages)  # a norm sees the whole picture
    picture = torch.zeros(1, 3, 256, 256, requires_grad=True)
    verdicts = judge(picture)
    assert verdicts.shape == (1, 1, 30, 30)
    verdicts[0, 0, 15, 15].backward()
    assert picture.grad is not None
    seen = picture.grad[0].abs().sum(0).nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [70, 70]


def test_the_paper_s_judge_has_the_paper_s_layers() -> None:
    shapes = [tuple(p.shape) for name, p in PatchDiscriminator().named_parameters() if name.endswith("weight")]
    assert shapes == [(64, 3, 4, 4), (128, 64, 4, 4), (256, 128, 4, 4), (512, 256, 4, 4), (1, 512, 4, 4)]


def test_least_squares() -> None:
    real, painted = torch.tensor([0.5, 1.0]), torch.tensor([0.25, -1.0])
    assert float(painter_loss(painted)) == pytest.approx((0.75**2 + 2**2) / 2)
    assert float(judge_loss(real, painted)) == pytest.approx(((0.5**2 + 0) / 2 + (0.25**2 + 1) / 2) / 2)


class TestPool:
    def test_what_it_shows_came_in_before_or_just_now(self) -> None:
        pool, chance = PicturePool(5), np.random.default_rng(0)
        shown = [float(pool(torch.full((1, 3, 2, 2), float(number)), chance)[0, 0, 0, 0]) for number in range(400)]
        assert shown[:5] == [0, 1, 2, 3, 4], "as long as it fills, everything is shown at once"
        assert all(value <= number for number, value in enumerate(shown))
        old = sum(value < number for number, value in enumerate(shown[5:], start=5)) / len(shown[5:])
        assert 0.4 < old < 0.6, "half of what is shown is from before"

    def test_each_picture_leaves_it_once(self) -> None:
        pool, chance = PicturePool(3), np.random.default_rng(1)
        shown = [float(pool(torch.full((1, 3, 2, 2), float(number)), chance)[0, 0, 0, 0]) for number in range(3, 200)]
        from_before = [value for number, value in enumerate(shown, start=3) if value < number]
        assert len(from_before) == len(set(from_before))

    def test_without_room_it_hands_on(self) -> None:
        picture = torch.rand(2, 3, 4, 4)
        assert torch.equal(PicturePool(0)(picture, np.random.default_rng(0)), picture)

    def test_its_state_goes_on(self) -> None:
        one, other = PicturePool(2), PicturePool(2)
        for number in range(4):
            one(torch.full((1, 3, 2, 2), float(number)), np.random.default_rng(number))
        other.load_state_dict(one.state_dict())
        new = torch.full((1, 3, 2, 2), 9.0)
        for seed in range(6):
            assert torch.equal(one(new, np.random.default_rng(seed)), other(new, np.random.default_rng(seed)))

    def test_a_restored_one_gives_pictures_on_the_device_where_they_are_painted(self) -> None:
        """`meta` stands for a GPU: a checkpoint is read into main memory."""
        pool = PicturePool(1)
        pool.load_state_dict({"kept": [torch.ones(3, 2, 2)]})
        painted = torch.rand(4, 3, 2, 2, device="meta")
        assert pool(painted, np.random.default_rng(0)).device == painted.device

    def test_nobody_learns_through_it(self) -> None:
        picture = torch.rand(1, 3, 2, 2, requires_grad=True)
        assert not PicturePool(1)(picture, np.random.default_rng(0)).requires_grad


class TestContrast:
    def test_against_its_formula(self) -> None:
        query, key = (nn.functional.normalize(torch.randn(2, 5, 8, generator=CHANCE), dim=2) for _ in range(2))
        terms = []
        for picture in range(2):
            for place in range(5):
                likeness = [math.exp(float(query[picture, place] @ key[picture, other]) / 0.07) for other in range(5)]
                terms.append(-math.log(likeness[place] / sum(likeness)))
        assert float(patch_nce(query, key, 0.07)) == pytest.approx(sum(terms) / len(terms), rel=1e-4)

    def test_a_picture_that_keeps_its_places_costs_less_than_one_that_mixes_them(self) -> None:
        torch.manual_seed(0)
        contrast = PatchContrast([6, 4], units=16)
        photo = [torch.randn(1, 6, 8, 8), torch.randn(1, 4, 8, 8)]
        mixed = [features.flip(3) for features in photo]
        costs = [contrast(each, photo, 64, torch.Generator().manual_seed(3)).item() for each in (photo, mixed)]
        assert costs[0] < costs[1]

    def test_only_the_painted_side_learns(self) -> None:
        torch.manual_seed(0)
        painted, photo = (torch.randn(1, 3, 4, 4, requires_grad=True) for _ in range(2))
        PatchContrast([3], units=4)([painted], [photo], 16, CHANCE).backward()
        assert painted.grad is not None
        assert photo.grad is None or not photo.grad.any()
