"""Synthetic motion against motion that is known."""

import torch

from trainers.motion import MotionOptions, random_flow, second_frame, stability_loss, warp


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
    options = MotionOptions(noise=0, luminance=0, flow_px=1.5, shift_px=4)
    moved, flow, light = second_frame(ramp(), options, torch.Generator().manual_seed(1))
    assert light.item() == 0
    assert stability_loss(ramp(), moved, flow).item() < 1e-5


def test_a_flicker_costs_what_it_is() -> None:
    options = MotionOptions(noise=0, luminance=0, flow_px=1.5, shift_px=4)
    moved, flow, _ = second_frame(ramp(), options, torch.Generator().manual_seed(1))
    loss = stability_loss(ramp(), moved + 0.25, flow)
    assert abs(loss.item() - 0.25) < 1e-4


def test_light_is_added_and_told() -> None:
    options = MotionOptions(noise=0, luminance=0.1, flow_px=1.5, shift_px=4)
    moved, flow, light = second_frame(ramp(), options, torch.Generator().manual_seed(2))
    assert light.abs().item() > 0
    assert stability_loss(ramp() + light, moved, flow).item() < 1e-5


def test_flow_is_smooth_bounded_and_repeatable() -> None:
    options = MotionOptions()
    flow = random_flow(3, 128, 160, options, torch.Generator().manual_seed(4))
    assert flow.shape == (3, 2, 128, 160)
    assert (flow[..., 1:] - flow[..., :-1]).abs().max() < 1
    assert flow.mean((2, 3)).abs().max() < options.shift_px + 3 * options.flow_px
    torch.testing.assert_close(flow, random_flow(3, 128, 160, options, torch.Generator().manual_seed(4)))
