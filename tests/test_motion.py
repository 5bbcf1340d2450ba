"""Synthetic motion against motion that is known."""

import torch

from trainers.motion import MotionOptions, carried, random_flow, second_frame, sensor_noise, stability_loss, warp


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
    options = MotionOptions(noise=0, luminance=0, still=0, flow_px=1.5, shift_px=4)
    moved, flow, light = second_frame(ramp(), options, torch.Generator().manual_seed(1))
    assert light.item() == 0
    assert stability_loss(ramp(), moved, flow).item() < 1e-5


def test_a_flicker_costs_what_it_is() -> None:
    options = MotionOptions(noise=0, luminance=0, still=0, flow_px=1.5, shift_px=4)
    moved, flow, _ = second_frame(ramp(), options, torch.Generator().manual_seed(1))
    loss = stability_loss(ramp(), moved + 0.25, flow)
    assert abs(loss.item() - 0.25) < 1e-4


def test_light_is_added_and_told() -> None:
    options = MotionOptions(noise=0, luminance=0.1, still=0, flow_px=1.5, shift_px=4)
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


def test_in_some_pairs_nothing_moves() -> None:
    """A webcam before a still wall: only noise and light differ."""
    pictures = ramp().repeat(64, 1, 1, 1)
    _, flow, _ = second_frame(pictures, MotionOptions(still=0.25), torch.Generator().manual_seed(1))
    still = (flow.abs().amax((1, 2, 3)) == 0).sum()
    assert 8 <= still <= 24
    moved, flow, _ = second_frame(ramp(), MotionOptions(still=1, noise=0, luminance=0), torch.Generator())
    torch.testing.assert_close(moved, ramp(), atol=1e-5, rtol=0)


def test_the_texture_is_carried_as_the_picture_is() -> None:
    texture = torch.arange(64.0).view(1, 1, 8, 8)
    flow = torch.zeros(1, 2, 6, 7)
    flow[:, 0] = 1
    moved = carried(texture, flow)
    torch.testing.assert_close(moved[..., :6, :6], texture[..., :6, 1:7], atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[..., 6:, :], texture[..., 6:, :], rtol=0, atol=0)


def test_sensor_noise_differs_in_strength_from_sample_to_sample() -> None:
    noise = sensor_noise(torch.zeros(400, 3, 8, 8), 0.01, torch.Generator().manual_seed(2))
    strengths = noise.std((1, 2, 3))
    assert strengths.max() < 0.013
    assert abs(strengths.mean() - 0.005) < 5e-4
