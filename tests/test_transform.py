"""The transform net against formulas, and its ONNX graph against the net."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch.nn import functional

from engines.networks.family import PLAIN, Rewrites
from engines.networks.transform.config import NORM_EPSILON, PRESETS, TransformConfig
from engines.networks.transform.graph import build_model
from engines.networks.transform.net import StyledNorm, TransformNet

SMALL = {
    "classic": TransformConfig(widths=(4, 6, 8), blocks=1),
    "folded": TransformConfig(widths=(4, 6), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3),
    "refined": TransformConfig(widths=(4, 5, 6), blocks=1, refine_blocks=1, unshuffle=2, stem_kernel=3, head_kernel=5),
    "skipping": TransformConfig(
        widths=(4, 5, 6), blocks=1, refine_blocks=1, skip=True, unshuffle=2, stem_kernel=3, head_kernel=3
    ),
    "skipping alone": TransformConfig(widths=(4, 6), blocks=0, skip=True, unshuffle=2, stem_kernel=3, head_kernel=3),
    "settled": TransformConfig(
        widths=(4, 5, 6), blocks=1, refine_blocks=1, skip=True, unshuffle=2, stem_kernel=3, head_kernel=3, settled=True
    ),
    "flat": TransformConfig(widths=(6,), blocks=1, unshuffle=4, stem_kernel=3, head_kernel=3),
    "with detail": TransformConfig(widths=(4,), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3, detail=True),
    "detail alone": TransformConfig(widths=(4, 5), blocks=0, unshuffle=1, stem_kernel=3, head_kernel=3, detail=True),
    "no rewrite of its stem": TransformConfig(widths=(4, 6), blocks=0, stem_kernel=7, head_kernel=5),
}


def random_net(config: TransformConfig, styles: int = 2) -> TransformNet:
    generator = torch.Generator().manual_seed(3)
    net = TransformNet(config, styles).eval()
    with torch.no_grad():
        net.styles.add_(torch.randn(net.styles.shape, generator=generator) * 0.3)
        for name, parameter in net.named_parameters():
            if name != "styles":
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return net


def weights_of(net: TransformNet) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in net.state_dict().items() if name != "styles"}


def test_styled_norm_is_the_formula_in_float64() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 3, 5, 7)) * 4 + 2
    style = rng.standard_normal((2, 8))
    mean, variance = x.mean((2, 3), keepdims=True), x.var((2, 3), keepdims=True)
    expected = style[:, 2:5, None, None] * (x - mean) / np.sqrt(variance + NORM_EPSILON) + style[:, 5:8, None, None]
    found = StyledNorm(3, offset=2)(torch.from_numpy(x), torch.from_numpy(style))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-10)


def test_a_settled_norm_scales_and_shifts_whatever_comes() -> None:
    rng = np.random.default_rng(1)
    x, style = rng.standard_normal((2, 3, 5, 7)) * 4 + 2, rng.standard_normal((2, 8))
    expected = style[:, 2:5, None, None] * x / 32 + style[:, 5:8, None, None]
    found = StyledNorm(3, offset=2, settled=True)(torch.from_numpy(x), torch.from_numpy(style))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_behind_the_way_down_no_place_of_a_settled_net_changes_another_far_from_it() -> None:
    """Of two pictures whose far ends differ the near ends are the same, if the way down measures nothing either."""
    for settled in (True, False):
        net = random_net(replace(SMALL["settled"], settled=settled)).double()
        for norm in net.modules():
            if isinstance(norm, StyledNorm):
                norm.settled = norm.settled or norm.scale_at.start < 2 * sum(net.config.widths)
        one = torch.rand(1, 3, 32, 160, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        other = one.clone()
        other[..., 128:] = 1 - other[..., 128:]
        with torch.no_grad():
            near = [net(x, net.styles[:1])[..., :64] for x in (one, other)]
        assert torch.equal(*near) == settled


@pytest.mark.parametrize("name", SMALL)
def test_a_style_vector_is_used_whole_and_in_order(name: str) -> None:
    net = TransformNet(SMALL[name])
    norms = [module for module in net.modules() if isinstance(module, StyledNorm)]
    places = sorted(
        place for norm in norms for at in (norm.scale_at, norm.shift_at) for place in range(*at.indices(10**6))
    )
    assert places == list(range(net.config.style_size))
    assert net.styles.shape == (1, net.config.style_size)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("size", [(16, 16), (17, 23)])
def test_any_size_comes_back(name: str, size: tuple[int, int]) -> None:
    net = random_net(SMALL[name])
    with torch.no_grad():
        assert net(torch.rand(2, 3, *size), net.styles).shape == (2, 3, *size)


@pytest.mark.parametrize("name", ["folded", "flat", "with detail"])
def test_a_level_net_paints_flat_ground_flat(name: str) -> None:
    """The net alone as bright as before; detail is a product of what is levelled, so there only about so."""
    net = random_net(SMALL[name])
    grey = torch.tensor([0.2, 0.5, 0.9])[:, None, None].expand(1, 3, 16, 16)
    with torch.no_grad():
        before = net(grey, net.styles[:1])
        net.level()
        after = net(grey, net.styles[:1])
    assert before.std((2, 3)).min() > 0.01
    assert after.std((2, 3)).max() < 1e-6
    if not net.config.detail:
        torch.testing.assert_close(after.mean((2, 3)), before.mean((2, 3)))


@pytest.mark.parametrize("name", SMALL)
def test_a_level_net_stays_as_it_is(name: str) -> None:
    net = random_net(SMALL[name])
    if SMALL[name].unshuffle > 1:
        net.level()
    weights = {key: value.clone() for key, value in net.state_dict().items()}
    net.level()
    for key, value in net.state_dict().items():
        torch.testing.assert_close(value, weights[key])


def test_presets_survive_json() -> None:
    for config in PRESETS.values():
        assert TransformConfig.from_dict({**config.to_dict(), "widths": list(config.widths)}) == config


@pytest.mark.parametrize(
    ("values", "word"),
    [({"unshuffle": 3}, "unshuffle"), ({"widths": ()}, "widths"), ({"head_kernel": 4}, "head_kernel"),
     ({"widths": (8,), "refine_blocks": 1}, "refine_blocks"), ({"widths": (8,), "skip": True}, "skip")],
)  # fmt: skip
def test_impossible_shapes_are_refused(values: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        TransformConfig(**values)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown"):
        TransformConfig.from_dict({"depth": 3})


def in_float64(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph in double precision, with a result that is not rounded to uint8."""
    graph = model.graph
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i in (TensorProto.FLOAT, TensorProto.UINT8):
                attribute.i = TensorProto.DOUBLE
    for value in graph.input:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    rounding = next(node for node in graph.node if node.op_type == "Round")
    rounding.op_type = "Identity"
    graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    return model


@pytest.mark.parametrize("rewrites", [PLAIN, Rewrites()], ids=["plain", "rewritten"])
@pytest.mark.parametrize("name", SMALL)
def test_the_graph_is_the_net_in_float64(name: str, rewrites: Rewrites) -> None:
    net = random_net(SMALL[name]).double()
    model = in_float64(build_model(net.config.to_dict(), weights_of(net), rewrites=rewrites, weight_type=np.float32))
    weights = {
        key: torch.from_numpy(value.astype(np.float32).astype(np.float64)) for key, value in weights_of(net).items()
    }
    net.load_state_dict({**weights, "styles": net.styles})
    frame = np.random.default_rng(2).integers(0, 256, (1, 18, 21, 3), dtype=np.uint8)
    style = net.styles[1].detach().numpy()
    inputs = {"frame": frame, "style": style, "strength": np.array([0.7]), "keep_colour": np.array([0.25])}
    found = np.asarray(ReferenceEvaluator(model).run(None, inputs))[0]
    np.testing.assert_allclose(found, blended_by_hand(net, frame, style, 0.7, 0.25), rtol=0, atol=1e-4)


def blended_by_hand(
    net: TransformNet, frame: np.ndarray, style: np.ndarray, strength: float, keep: float
) -> np.ndarray:
    picture = torch.from_numpy(frame).permute(0, 3, 1, 2).double()
    with torch.no_grad():
        painted = (net(picture / 255, torch.from_numpy(style)[None]) * 255).clamp(0, 255)
    red, green, blue = (painted - picture).unbind(1)
    luma = (0.299 * red + 0.587 * green + 0.114 * blue)[:, None]
    blended = picture + strength * ((1 - keep) * (painted - picture) + keep * luma)
    clipped: np.ndarray = blended.clamp(0, 255).permute(0, 2, 3, 1).numpy()
    return clipped


def test_nearest_upsampling_convolution_is_four_small_ones_in_float64() -> None:
    """The rewrite by itself, without the norms that would hide a constant factor."""
    rng = np.random.default_rng(5)
    x, kernel = rng.standard_normal((1, 3, 6, 7)), rng.standard_normal((2, 3, 3, 3))
    big = functional.interpolate(torch.from_numpy(x), scale_factor=2, mode="nearest")
    expected = functional.conv2d(functional.pad(big, (1, 1, 1, 1), mode="reflect"), torch.from_numpy(kernel)).numpy()
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    found = np.zeros_like(expected)
    taps = {0: np.array([[1, 0, 0], [0, 1, 1]]), 1: np.array([[1, 1, 0], [0, 0, 1]])}
    for row in range(2):
        for column in range(2):
            small = torch.from_numpy(taps[row] @ kernel @ taps[column].T)
            place = torch.from_numpy(padded[:, :, row : row + 7, column : column + 8])
            found[:, :, row::2, column::2] = functional.conv2d(place, small).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_the_stored_weights_are_the_net() -> None:
    net = random_net(SMALL["refined"])
    model = build_model(net.config.to_dict(), weights_of(net))
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for name, value in weights_of(net).items():
        assert stored[f"net.{name}"].dtype == np.float16
        np.testing.assert_allclose(stored[f"net.{name}"], value, rtol=1e-3, atol=1e-6)
