"""Costs are counted as one would by hand, and floors follow from them."""

from pathlib import Path

import numpy as np
import pytest
from counting_style import write_counting_style
from onnx import ModelProto, TensorProto, helper

from engines.gate.reference import reference_model
from engines.networks.graph import Graph
from engines.networks.transform.config import PRESETS
from engines.style.styles import load_style
from realtime.bench.inputs.random_net import write_random_style
from realtime.bench.roofline.ceilings import Ceiling
from realtime.bench.roofline.cost import NetCost, count_cost, frame_shapes, style_cost
from realtime.bench.roofline.roofline import Floor, net_costs


def net(kind: str, weights: tuple[int, ...], **attributes: object) -> ModelProto:
    """x [1, 3, H, W] → one product with constant weights."""
    g = Graph("one")
    x = g.input("x", TensorProto.FLOAT, [1, 3, "height", "width"])
    y = g.op(kind, x, g.constant(np.zeros(weights)), **attributes)
    g.output(y, "y", TensorProto.FLOAT, [1, "channels", "rows", "columns"])
    return g.model()


def test_a_convolution() -> None:
    """8 output channels of 5×7 pixels, each from 3×3 taps of 3 channels; the border falls away."""
    cost = count_cost(net("Conv", (8, 3, 3, 3)), {"x": (1, 3, 7, 9)})
    assert cost == NetCost(8 * 5 * 7 * 27, 8 * 27, 3 * 7 * 9 + 8 * 5 * 7)


def test_strides_and_groups_cost_less() -> None:
    cost = count_cost(net("Conv", (6, 1, 3, 3), group=3, strides=[2, 2], pads=[1, 1, 1, 1]), {"x": (1, 3, 8, 8)})
    assert cost.macs == 6 * 4 * 4 * 9


def test_a_transposed_convolution() -> None:
    cost = count_cost(net("ConvTranspose", (3, 5, 2, 2), strides=[2, 2]), {"x": (1, 3, 4, 6)})
    assert cost == NetCost(3 * 4 * 6 * 5 * 4, 3 * 5 * 4, 3 * 4 * 6 + 5 * 8 * 12)


def test_a_matrix_product() -> None:
    cost = count_cost(net("MatMul", (10, 4)), {"x": (1, 3, 2, 10)})
    assert cost == NetCost(3 * 2 * 4 * 10, 40, 3 * 2 * 10 + 3 * 2 * 4)


def test_kernels_that_are_computed_from_weights_cost_nothing() -> None:
    g = Graph("folded")
    x = g.input("x", TensorProto.FLOAT, [1, 2, "height", "width"])
    kernel = g.op("MatMul", g.constant(np.ones((4, 2, 1, 3))), g.constant(np.ones((3, 3))))
    g.output(g.op("Conv", x, kernel), "y", TensorProto.FLOAT, [1, 4, "rows", "columns"])
    cost = count_cost(g.model(), {"x": (1, 2, 5, 5)})
    assert cost == NetCost(4 * 5 * 3 * 6, 24, 2 * 25 + 4 * 15)


def test_a_pad_that_depends_on_the_size() -> None:
    """5 rows are padded to 8 by lengths that the graph computes from the shape."""
    g = Graph("padded")
    x = g.op("Relu", g.input("x", TensorProto.FLOAT, [1, 1, "height", 4]))
    rows = g.op("Shape", x, start=2, end=3)
    missing = g.op("Sub", g.ints(8), rows)
    padded = g.op("Pad", x, g.op("Concat", g.ints(0, 0, 0, 0, 0, 0), missing, g.ints(0), axis=0))
    g.output(g.op("Conv", padded, g.constant(np.ones((2, 1, 1, 1)))), "y", TensorProto.FLOAT, [1, 2, "rows", 4])
    assert count_cost(g.model(), {"x": (1, 1, 5, 4)}).macs == 2 * 8 * 4


def test_a_shape_that_depends_on_what_the_picture_holds_is_refused() -> None:
    g = Graph("dynamic")
    x = g.input("x", TensorProto.FLOAT, [1, 1, 4, 4])
    found = g.op("Compress", x, g.op("Cast", g.op("Reshape", x, g.ints(-1)), to=TensorProto.BOOL))
    square = g.op("Unsqueeze", found, g.ints(0))
    g.output(g.op("MatMul", square, g.op("Transpose", square, perm=[1, 0])), "y", TensorProto.FLOAT, [1, 1])
    with pytest.raises(ValueError, match="cannot be inferred"):
        count_cost(g.model(), {"x": (1, 1, 4, 4)})


def test_products_in_a_loop_are_refused_for_nobody_knows_how_often_it_runs() -> None:
    square = helper.make_node("MatMul", ["x", "x"], ["squared"])
    result = helper.make_tensor_value_info("squared", TensorProto.FLOAT, [4, 4])
    graph = helper.make_graph([square], "inner", [], [result])
    g = Graph("branching")
    g.input("x", TensorProto.FLOAT, [4, 4])
    chosen = g.op("If", g.input("wanted", TensorProto.BOOL, []), then_branch=graph, else_branch=graph)
    g.output(chosen, "y", TensorProto.FLOAT, [4, 4])
    with pytest.raises(ValueError, match="inside the If"):
        count_cost(g.model(), {"x": (4, 4), "wanted": ()})


def test_a_style_that_carries_state_is_counted(tmp_path: Path) -> None:
    """The count, a plane of 4x6, is an input of its own beside the picture."""
    plain, with_products = (
        style_cost(write_counting_style(tmp_path / f"{more}.onnx", convolutions=more), 32, 48).macs
        for more in (False, True)
    )
    assert plain == 0 < with_products


def test_the_papers_net_costs_what_the_literature_says(tmp_path: Path) -> None:
    """10.1 GMAC at 256×256; the exact rewrites take 2.25 times less in the two upsampling convolutions."""
    style = load_style(str(write_random_style(tmp_path / "paper.onnx", "paper")))
    rewritten, plain = net_costs(style, 256, 256)
    assert plain.macs / 1e9 == pytest.approx(10.1, abs=0.05)
    upsampling = 128 * 64 * 9 * 128**2 + 64 * 32 * 9 * 256**2
    saved = upsampling * (1 - 1 / 2.25)
    assert (plain.macs - rewritten.macs) / saved == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_drawn_and_counted_at_odd_sizes(tmp_path: Path, preset: str) -> None:
    style = load_style(str(write_random_style(tmp_path / f"{preset}.onnx", preset)))
    model = reference_model(style)
    odd, even = (count_cost(model, frame_shapes(model, *size)).macs for size in ((45, 79), (48, 80)))
    assert 0 < odd <= even


def test_the_floor_is_the_larger_of_the_two() -> None:
    cost = NetCost(macs=10**9, weight_values=10**6, moved_values=9 * 10**6)
    product, copy = Ceiling(1e12, "FLOP", ""), Ceiling(1e10, "B", "")
    floor = Floor.of(cost, "fp16", product, copy)
    assert (floor.compute_ms, floor.memory_ms, floor.ms, floor.bound_by) == (2.0, 2.0, 2.0, "compute")
    assert Floor.of(cost, "fp32", product, copy).bound_by == "memory"
    assert Floor.of(cost, "int8", product, copy).memory_ms == 1.0
