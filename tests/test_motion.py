"""Synthetic motion against motion that is known."""

from dataclasses import replace

import numpy as np
import torch

from engines.networks.transform.config import TEXTURES
from trainers.camera_noise import sensor_noise
from trainers.motion import (
    MotionOptions,
    carried,
    difference_loss,
    fresh_texture,
    random_flow,
    second_frame,
    warp,
)

SMOOTH = MotionOptions(noise=0, luminance=0, still=0, flow_px=1.5, shift_px=4)


def ramp(height: int = 40, width: int = 50) -> torch.Tensor:
    """[1, 3, H, W]: linear in both directions, so that bilinear reading is exact."""
    ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([xs / width, ys / height, (xs + ys) / (width + height)]).float()[None]


def test_warp_reads_at_the_offset() -> None:
    picture = torch.arange(12.0).view(1, 1, 3, 4)
    flow = torch.zeros(1, 2, 3, 4)
    flow[:, 0] = 1
    moved, inside = warp(picture, flow)
    torch.testing.assert_close(moved[..., :3], picture[..., 1:], atol=1e-5, rtol=1e-5)
    assert inside[0, 0].tolist() == [[1, 1, 1, 0]] * 3


def test_a_moved_picture_is_perfectly_stable() -> None:
    second = second_frame(ramp(), SMOOTH, torch.Generator().manual_seed(1))
    assert second.light.item() == 0
    assert second.instability(ramp(), second.frame).item() < 1e-5


def test_a_flicker_costs_what_it_is() -> None:
    second = second_frame(ramp(), SMOOTH, torch.Generator().manual_seed(1))
    loss = second.instability(ramp(), second.frame + 0.25)
    assert abs(loss.item() - 0.25) < 1e-4


def test_light_is_added_and_told() -> None:
    second = second_frame(ramp(), replace(SMOOTH, luminance=0.1), torch.Generator().manual_seed(2))
    assert second.light.abs().item() > 0
    assert second.instability(ramp(), second.frame).item() < 1e-5


def test_whoever_steps_in_is_not_counted() -> None:
    """And what is seen of the wall stays as it was."""
    pictures = torch.rand(8, 3, 40, 50, generator=torch.Generator().manual_seed(3))
    options = MotionOptions(noise=0, luminance=0, still=1, visited=1)
    second = second_frame(pictures, options, torch.Generator().manual_seed(1))
    hidden = (second.same == 0).flatten(1).float().mean(1)
    assert hidden.min() > 0.02
    assert hidden.max() < 0.6
    assert second.instability(pictures, second.frame).max().item() < 1e-4
    assert ((second.frame - pictures).abs() * (1 - second.same)).mean() > 0.01


def test_a_change_like_the_photos_costs_nothing_and_another_what_it_is() -> None:
    before, after = ramp() + 0.5, ramp() + 0.6
    painted = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(
        difference_loss(painted, painted + 0.1, before, after), torch.zeros(1), atol=1e-6, rtol=0
    )
    still = difference_loss(painted, painted, before, after)
    torch.testing.assert_close(still, 0.1 / before.mean()[None], atol=1e-5, rtol=0)


def test_flow_is_smooth_bounded_and_repeatable() -> None:
    options = MotionOptions()
    flow = random_flow(3, 128, 160, options, torch.Generator().manual_seed(4))
    assert flow.shape == (3, 2, 128, 160)
    assert (flow[..., 1:] - flow[..., :-1]).abs().max() < 1
    assert flow.mean((2, 3)).abs().max() < options.shift_px + 3 * options.flow_px
    torch.testing.assert_close(flow, random_flow(3, 128, 160, options, torch.Generator().manual_seed(4)))


def test_in_some_pairs_nothing_moves() -> None:
    """A webcam before a still wall: only noise and light differ."""
    pictures = ramp().repeat(64, 1, 1, 1)
    flow = second_frame(pictures, MotionOptions(still=0.25), torch.Generator().manual_seed(1)).flow
    still = (flow.abs().amax((1, 2, 3)) == 0).sum()
    assert 8 <= still <= 24
    alone = MotionOptions(still=1, visited=0, noise=0, luminance=0)
    second = second_frame(ramp(), alone, torch.Generator())
    torch.testing.assert_close(second.frame, ramp(), atol=1e-5, rtol=0)
    assert second.same.min() == 1


def test_the_texture_is_carried_as_the_picture_is() -> None:
    texture = torch.arange(64.0).view(1, 1, 8, 8)
    flow = torch.zeros(1, 2, 6, 7)
    flow[:, 0] = 1
    moved = carried(texture, flow)
    torch.testing.assert_close(moved[..., :6, :6], texture[..., :6, 1:7], atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[..., 6:, :], texture[..., 6:, :], rtol=0, atol=0)


def test_a_texture_that_is_not_wanted_is_not_drawn_and_moves_no_other() -> None:
    curls, dabs = TEXTURES.index("curls"), TEXTURES.index("dabs")
    size = torch.Size((2, 3, 20, 40))
    alone, both = (fresh_texture(size, np.random.default_rng(4), wanted) for wanted in (["dabs"], ["curls", "dabs"]))
    assert alone.shape == (2, len(TEXTURES), 64, 64)
    assert both[:, [curls, dabs]].isfinite().all()
    assert torch.equal(alone[:, dabs], both[:, dabs])
    assert alone[:, curls].isnan().all()


def test_sensor_noise_differs_in_strength_from_sample_to_sample() -> None:
    noise = sensor_noise(torch.full((400, 3, 32, 32), 0.45), 0.01, torch.Generator().manual_seed(2))
    strengths = noise.std((1, 2, 3))
    assert strengths.max() < 0.013
    assert abs(strengths.mean() - 0.005) < 5e-4


def test_light_has_more_noise_than_shade_and_neighbours_share_it() -> None:
    """Photons; and what a codec leaves are blotches: noise of its own in every pixel has no correlation."""
    picture = torch.linspace(0, 1, 64).expand(200, 3, 64, 64)
    noise = sensor_noise(picture, 0.02, torch.Generator().manual_seed(2))
    assert noise[..., 48:].std() > 1.15 * noise[..., :16].std()
    scaled = noise / noise.std((1, 2, 3), keepdim=True)
    beside = (scaled[..., 1:] * scaled[..., :-1]).mean((1, 2, 3))
    assert beside.max() > 0.3
    assert beside.min() < 0.05
