"""The typed graphs that TensorRT compiles: they paint what the style file paints, in every precision."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from small_styles import SMALL, random_frame, write_small_style

from engines.backends.tensorrt.typed_graph import (
    NARROW,
    Typing,
    assemble,
    read_net,
    scale_before_norms,
    typed_model,
    typed_net,
)
from engines.export.export import export_style
from engines.gate.golden_cases import GOLDEN
from engines.gate.reference import open_reference
from engines.networks.family import Rewrites
from engines.networks.transform.graph import build_model
from engines.pictures import psnr
from engines.spec import FLOOR_DB, Controls, EngineSpec
from engines.style.styles import NamedStyle, StyleFile, list_gallery, load_style, save_style

SIZE, LARGE = (61, 83), (240, 320)
FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture(scope="module")
def foreign(small: StyleFile, tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    """The same net as another package might write it: of a kind that we do not know, so that its graph is taken."""
    path = tmp_path_factory.mktemp("foreign") / "foreign.onnx"
    model = build_model(SMALL.to_dict(), small.weights(), rewrites=Rewrites(bytes_first=False))
    save_style(path, model, replace(small.card, network={"name": "another"}))
    return load_style(str(path))


def paint(model: onnx.ModelProto, frame: np.ndarray, controls: Controls) -> np.ndarray:
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    painted: np.ndarray = session.run(["stylized"], controls.graph_inputs(frame[None]))[0][0]
    return painted


def least_psnr(style: StyleFile, model: onnx.ModelProto) -> float:
    """As the gate asks: golden frames with styles and controls in turn, against the fp32 reference."""
    _, reference = open_reference(style, EngineSpec("tensorrt", "fp32", *SIZE, "CUDA", "0"))
    least = math.inf
    for index, name in enumerate(GOLDEN.names[:5]):
        frame = GOLDEN.frame(name, *SIZE)
        vector = style.card.styles[index % len(style.card.styles)].vector
        controls = Controls(vector, 1 - 0.1 * index, 0.2 * index)
        least = min(least, psnr(paint(model, frame, controls), reference(frame, controls)))
    return least


def rounded_to_bf16(model: onnx.ModelProto) -> onnx.ModelProto:
    """The bf16 graph in float32, with every value rounded to bf16 where the graph says so: runtimes on CPUs lack it."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    del wide.graph.node[:]
    for tensor in wide.graph.initializer:
        if tensor.data_type == TensorProto.BFLOAT16:
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor).astype("f4"), tensor.name))
    inferred = onnx.shape_inference.infer_shapes(model)
    narrow = {v.name for v in inferred.graph.value_info if v.type.tensor_type.elem_type == TensorProto.BFLOAT16}
    for node in model.graph.node:
        copy = wide.graph.node.add()
        copy.CopyFrom(node)
        if node.output[0] not in narrow:
            continue
        for attribute in copy.attribute:
            if node.op_type == "Cast" and attribute.name == "to":
                attribute.i = TensorProto.FLOAT
        exact, short = f"{node.output[0]}_exact", f"{node.output[0]}_short"
        copy.output[0] = exact
        wide.graph.node.add().CopyFrom(helper.make_node("Cast", [exact], [short], to=TensorProto.BFLOAT16))
        wide.graph.node.add().CopyFrom(helper.make_node("Cast", [short], [node.output[0]], to=TensorProto.FLOAT))
    return wide


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("number", range(len(list_gallery())))
def test_every_gallery_file_passes_the_gate(number: int, precision: str) -> None:
    style = list_gallery()[number]
    model = typed_model(style, precision, SIZE)
    runnable = rounded_to_bf16(model) if precision == "bf16" else model
    assert least_psnr(style, runnable) >= FLOOR_DB[precision]


@pytest.mark.parametrize("precision", NARROW)
def test_a_net_of_another_package_is_converted_as_it_is(foreign: StyleFile, precision: str) -> None:
    model = typed_model(foreign, precision, SIZE)
    runnable = rounded_to_bf16(model) if precision == "bf16" else model
    assert least_psnr(foreign, runnable) >= FLOOR_DB[precision]
    assert NARROW[precision] in {tensor.data_type for tensor in model.graph.initializer}


@pytest.mark.parametrize("precision", NARROW)
def test_the_net_is_narrow_its_norms_and_both_ends_are_not(small: StyleFile, precision: str) -> None:
    model = onnx.shape_inference.infer_shapes(typed_model(small, precision, SIZE), strict_mode=True)
    types = {v.name: v.type.tensor_type.elem_type for v in (*model.graph.value_info, *model.graph.output)}
    types |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    kinds = {kind: [node for node in model.graph.node if node.op_type == kind] for kind in ("Conv", "Round")}
    *net, luma = [types[node.output[0]] for node in kinds["Conv"]]
    assert set(net) == {NARROW[precision]}
    assert luma == types[kinds["Round"][0].output[0]] == TensorProto.FLOAT
    for node in model.graph.node:
        if node.op_type in ("InstanceNormalization", "ReduceMean"):
            assert types[node.output[0]] == TensorProto.FLOAT
        if node.op_type not in ("Cast", "Resize", "QuantizeLinear", "DequantizeLinear"):
            used = {types[name] for name in (*node.input, *node.output) if types.get(name) in FLOATS}
            assert len(used) <= 1, node.name


@pytest.mark.parametrize("size", [SIZE, None])
def test_the_frame_goes_into_a_cast_alone_and_comes_out_of_one(small: StyleFile, size: tuple[int, int] | None) -> None:
    """TensorRT parses no other use of uint8."""
    graph = typed_model(small, "fp16", size).graph
    assert [node.op_type for node in graph.node if "frame" in node.input] == ["Cast"]
    assert [node.op_type for node in graph.node if "stylized" in node.output] == ["Cast"]
    sides = [dimension.dim_value for dimension in graph.output[0].type.tensor_type.shape.dim]
    assert sides == ([1, *size, 3] if size else [1, 0, 0, 3])
    assert any(node.op_type == "Shape" for node in graph.node) == (size is None)


def test_a_graph_for_any_size_paints_any_size(small: StyleFile) -> None:
    model, controls = typed_model(small, "fp16", None), Controls(small.vector("waves"), 0.7, 0.3)
    for size in ((16, 16), SIZE):
        frame = random_frame(*size)
        assert np.array_equal(paint(model, frame, controls), paint(typed_model(small, "fp16", size), frame, controls))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_strength_0_returns_the_picture_exactly(small: StyleFile, precision: str) -> None:
    model, frame = typed_model(small, precision, SIZE), random_frame(*SIZE)
    runnable = rounded_to_bf16(model) if precision == "bf16" else model
    assert np.array_equal(paint(runnable, frame, Controls(small.vector("night"), 0, 1)), frame)


def evaluate(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """By ONNX's own evaluator, which computes fp16 as fp16."""
    evaluator: Any = ReferenceEvaluator(model)
    painted: np.ndarray = evaluator.run(["stylized"], inputs)[0][0]
    return painted


def unscaled_fp16(style: StyleFile) -> onnx.ModelProto:
    """The same types without the rescaling."""
    net = read_net(style, LARGE)
    return typed_net(net, Typing(net, TensorProto.FLOAT16))


def test_large_weights_and_a_large_bright_picture_do_not_overflow_fp16(tmp_path: Path, small: StyleFile) -> None:
    """A norm makes the size of the weights before it irrelevant, so that a net may well be trained to have large ones.

    Without the rescaling fp16 overflows: the case is one.
    """
    weights = {name: array if name.startswith("head") else array * 2.0**15 for name, array in small.weights().items()}
    styles = [NamedStyle("one", small.vector("waves"))]
    path = tmp_path / "large.onnx"
    export_style(
        path,
        network="transform",
        config=SMALL.to_dict(),
        weights=weights,
        styles=styles,
        name="x",
        licence="CC0-1.0",
        training={"steps": 0},
    )
    style = load_style(str(path))
    frame = GOLDEN.frame("bright", *LARGE)
    inputs = Controls(style.vector("one")).graph_inputs(frame[None])
    wanted = paint(typed_model(style, "fp32", LARGE), frame, Controls(style.vector("one")))
    with np.errstate(all="ignore"):
        ours, theirs = (evaluate(model, inputs) for model in (typed_model(style, "fp16", LARGE), unscaled_fp16(style)))
    assert psnr(ours, wanted) >= FLOOR_DB["fp16"]
    assert psnr(theirs, wanted) < 20


def test_rescaling_is_exact(small: StyleFile) -> None:
    """Powers of two round nothing: in float32 the picture is the same to the bit."""
    net = read_net(small, SIZE)
    scale_before_norms(net)
    scaled, controls, frame = (
        assemble(net, net.nodes, net.constants),
        Controls(small.vector("night")),
        random_frame(*SIZE),
    )
    epsilons = {attribute.f for node in net.nodes for attribute in node.attribute if attribute.name == "epsilon"}
    assert len(epsilons) > 1
    assert np.array_equal(paint(scaled, frame, controls), paint(typed_model(small, "fp32", SIZE), frame, controls))
