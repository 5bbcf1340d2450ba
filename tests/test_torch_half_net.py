"""The net of the torch-half engine against the net as it was trained: exact in float64, close in half precision."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from engines.backends.torch_half.build import compiled
from engines.kernels.instance_norm import torch_norm
from engines.networks.transform.config import TransformConfig
from engines.networks.transform.half_net import HalfNet
from engines.networks.transform.half_weights import balanced, convolutions, half_resolution, normed_weight
from engines.networks.transform.net import TransformNet
from engines.pictures import psnr

CONFIGS = {
    "paper-like": TransformConfig(widths=(4, 6, 8), blocks=1),
    "in blocks of 2": TransformConfig(widths=(4, 6), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3),
    "refined": TransformConfig(widths=(4, 5, 6), blocks=1, refine_blocks=2, unshuffle=2, stem_kernel=3, head_kernel=5),
    "skipping": TransformConfig(
        widths=(4, 5, 6), blocks=1, refine_blocks=1, skip=True, unshuffle=2, stem_kernel=3, head_kernel=3
    ),
    "skipping alone": TransformConfig(widths=(4, 6), blocks=0, skip=True, unshuffle=2, stem_kernel=3, head_kernel=3),
    "settled": TransformConfig(
        widths=(4, 5, 6), blocks=1, refine_blocks=1, skip=True, unshuffle=2, stem_kernel=3, head_kernel=3, settled=True
    ),
    "one level": TransformConfig(widths=(6,), blocks=1, unshuffle=4, stem_kernel=3, head_kernel=3),
    "with detail": TransformConfig(widths=(6,), blocks=1, unshuffle=4, stem_kernel=3, head_kernel=3, detail=True),
    "detail at full size": TransformConfig(widths=(4, 6), blocks=1, detail=True),
    "odd sizes at full size": TransformConfig(widths=(5,), blocks=1),
    "other kernels": TransformConfig(widths=(4, 6), blocks=0, stem_kernel=7, head_kernel=5),
    "seeded": TransformConfig(widths=(4, 6), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3, seed_amplitude=0.05),
    "seeded at full size": TransformConfig(widths=(4, 6), blocks=0, seed_amplitude=0.1),
    "seeded by several": TransformConfig(
        widths=(4, 6),
        blocks=1,
        unshuffle=2,
        stem_kernel=3,
        head_kernel=3,
        seed_amplitude=0.05,
        textures=("curls", "dabs"),
    ),
    "9x9 on blocks": TransformConfig(widths=(4, 6), blocks=0, unshuffle=2),
}
SIZES = [(16, 16), (19, 34)]
LUMA = (0.299, 0.587, 0.114)


def random_net(config: TransformConfig) -> TransformNet:
    generator = torch.Generator().manual_seed(3)
    net = TransformNet(config).eval()
    for name, parameter in net.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = parameter.data + 0.3 * noise if name == "styles" else 0.2 * noise
    return net


def half_net(net: TransformNet, size: tuple[int, int], dtype: torch.dtype) -> HalfNet:
    weights = {name: tensor for name, tensor in net.state_dict().items() if name != "styles"}
    return HalfNet(net.config, weights, size, dtype=dtype, norm=torch_norm)


def random_frame(size: tuple[int, int]) -> Tensor:
    return torch.randint(0, 256, (1, *size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def controls_of(net: TransformNet, strength: float, keep_colour: float) -> Tensor:
    style = net.styles[0].detach()
    return torch.cat([style, style.new_tensor([strength, keep_colour])])


def painted_by(net: TransformNet, frame: Tensor, strength: float, keep_colour: float) -> Tensor:
    """What a style file's graph does around the net, not rounded; [1, H, W, 3]."""
    picture = frame.permute(0, 3, 1, 2).to(net.styles.dtype)
    with torch.no_grad():
        painted = (255 * net(picture / 255, net.styles)).clamp(0, 255)
    change = painted - picture
    luma = (change * torch.tensor(LUMA, dtype=change.dtype)[:, None, None]).sum(1, keepdim=True)
    blended: Tensor = picture + strength * ((1 - keep_colour) * change + keep_colour * luma)
    return blended.permute(0, 2, 3, 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CONFIGS)
def test_it_is_the_trained_net_in_float64(name: str, size: tuple[int, int]) -> None:
    net, frame = random_net(CONFIGS[name]).double(), random_frame(size)
    ours, controls = half_net(net, size, torch.float64), controls_of(net, 0.7, 0.25)
    found = ours.blend(frame, ours.paint(frame, controls), controls)
    torch.testing.assert_close(found, painted_by(net, frame, 0.7, 0.25), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("dtype", "floor_db"), [(torch.float16, 50), (torch.bfloat16, 34)], ids=str)
@pytest.mark.parametrize("name", CONFIGS)
def test_it_is_close_in_half_precision(name: str, dtype: torch.dtype, floor_db: float) -> None:
    """These nets are random and small, and lose more than a trained one (test_torch_half.py has one of those)."""
    net, frame = random_net(CONFIGS[name]), random_frame((33, 40))
    found = half_net(net, (33, 40), dtype)(frame, controls_of(net, 1, 0))
    wanted = painted_by(net, frame, 1, 0).round().clamp(0, 255).to(torch.uint8)
    assert psnr(found.numpy(), wanted.numpy()) > floor_db


def test_no_weights_are_too_large_for_fp16() -> None:
    """The same net with weights that would overflow at once, were they taken as they are: a norm takes any factor."""
    net, frame = random_net(CONFIGS["paper-like"]), random_frame((24, 24))
    wanted = half_net(net, (24, 24), torch.float16)(frame, controls_of(net, 1, 0))
    for name, parameter in net.named_parameters():
        if name != "styles" and not name.startswith("head"):
            parameter.data *= 3e5
    found = half_net(net, (24, 24), torch.float16)(frame, controls_of(net, 1, 0))
    assert psnr(found.numpy(), wanted.numpy()) > 45


def test_weights_are_balanced_by_powers_of_two() -> None:
    weight = torch.randn(9, 5, 3, 3) * torch.logspace(-6, 6, 9)[:, None, None, None]
    weight[4] = 0
    found, factors = balanced(weight, 64.0)
    assert torch.equal(found, weight.double() * factors[:, None, None, None])
    assert all(float(factor).hex().startswith("0x1.0000000000000p") for factor in factors)
    norms = found.flatten(1).norm(dim=1) * 64
    assert float(norms[4]) == 0
    assert all(0.7 < float(norm) < 1.42 for norm in norms if norm > 0)


def test_what_comes_before_a_norm_has_a_deviation_of_about_1() -> None:
    config = CONFIGS["paper-like"]
    net = random_net(config)
    stem = convolutions(config)[0]
    kernels, *_ = normed_weight(stem, net.state_dict())
    picture = 128 + 64 * torch.randn(1, kernels.shape[1], 60, 60, dtype=torch.float64)
    deviations = torch.nn.functional.conv2d(picture, kernels).std((0, 2, 3))
    assert all(0.5 < float(each) < 2 for each in deviations)


def test_channels_of_the_picture_come_in_groups_of_8() -> None:
    """12 of the folded stem become 16, in and out of the net; what is added is zero."""
    net = random_net(CONFIGS["in blocks of 2"])
    ours = half_net(net, (16, 16), torch.float16)
    assert ours.get_buffer("weight_0").shape[1] == 16
    assert ours.get_buffer("head").shape[0] == 16
    assert not ours.get_buffer("weight_0")[:, 12:].any()


def test_a_kernel_of_9_on_blocks_is_one_of_5() -> None:
    """By itself, without the norms that would hide a constant factor."""
    weight, maps = torch.randn(2, 3, 9, 9).double(), torch.randn(1, 3, 20, 18).double()
    wanted = torch.nn.functional.conv2d(maps, weight)
    places = torch.nn.functional.pixel_unshuffle(maps, 2).reshape(1, 3, 4, 10, 9).transpose(1, 2).reshape(1, 12, 10, 9)
    found = torch.nn.functional.conv2d(places, half_resolution(weight)).reshape(1, 4, 2, 6, 5).transpose(1, 2)
    torch.testing.assert_close(torch.nn.functional.pixel_shuffle(found.reshape(1, 8, 6, 5), 2), wanted)


def test_no_style_returns_the_picture() -> None:
    net, frame = random_net(CONFIGS["with detail"]), random_frame((21, 35))
    found = half_net(net, (21, 35), torch.bfloat16)(frame, controls_of(net, 0, 0.5))
    assert np.array_equal(found.numpy(), frame.numpy())


def test_torch_compiles_it_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one graph, with no way back to Python; the kernels of another compiler are as torch's own to it."""
    net, frame = random_net(CONFIGS["with detail"]), random_frame((18, 21))
    ours, controls = half_net(net, (18, 21), torch.float16), controls_of(net, 0.7, 0.25)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    with torch.no_grad():
        assert torch.equal(compiled(ours)(frame, controls), ours(frame, controls))


def test_torch_compiles_nets_of_many_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself torch gives up after so many sizes or styles as its limit says; here that is one."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    net = random_net(TransformConfig(widths=(4,), blocks=0, unshuffle=4, stem_kernel=3, head_kernel=3))
    with torch.no_grad(), torch._dynamo.config.patch(recompile_limit=1):
        for side in (16, 18, 20):
            ours, frame = half_net(net, (side, 16), torch.float16), random_frame((side, 16))
            assert compiled(ours)(frame, controls_of(net, 1, 0)).shape == frame.shape
