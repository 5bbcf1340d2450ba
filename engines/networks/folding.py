"""What is constant in a graph, worked out once: weights as the runtime meets them, and shapes where the size is fixed.

A style file keeps the net's own weights, and nodes of constants rewrite them for speed. Who gives the weights another
type has to see what comes out of those nodes.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

Constants = dict[str, np.ndarray]
Shapes = Mapping[str, tuple[int, ...]]


def fold_constants(
    model: onnx.ModelProto, size: tuple[int, int] | None, others: Shapes | None = None
) -> tuple[list[onnx.NodeProto], Constants]:
    """The nodes, in order, that depend on the graph's inputs, and the value of every constant that they read.

    With a `size` (height, width) the shape of the frame is a constant too. Without one it is read from the frame as
    floating point, for TensorRT takes a uint8 frame in a Cast alone. `others` are inputs beside the frame whose shapes
    are known. ValueError where the graph has inner graphs.
    """
    _check_flat(model)
    nodes = [_reading_the_cast(model, node) for node in model.graph.node]
    pictures = {"frame"} | {node.output[0] for node in nodes if _is_cast_of_frame(node)}
    known = {} if size is None else dict.fromkeys(pictures, (1, *size, 3))
    return fold_nodes(model, nodes, {**known, **(others or {})})


def fold_nodes(
    model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto], shapes: Shapes
) -> tuple[list[onnx.NodeProto], Constants]:
    """The same of these nodes of the model, where `shapes` are known by the names of the values.

    A node with inner graphs is never constant: what those read is not among its inputs.
    """
    values = _initial_values(model)
    constant: list[onnx.NodeProto] = []
    dynamic: list[onnx.NodeProto] = []
    known = set(values)
    for node in nodes:
        if node.op_type == "Shape" and node.input[0] in shapes:
            values[node.output[0]] = _part_of_shape(node, shapes[node.input[0]])
        elif _has_graph(node) or not all(name in known for name in node.input if name):
            dynamic.append(node)
            continue
        else:
            constant.append(node)
        known.update(node.output)
    values.update(_evaluated(model, constant, values, _read_by(dynamic)))
    return dynamic, {name: values[name] for name in _read_by(dynamic) if name in values}


def constants_derived_from(model: onnx.ModelProto, prefix: str) -> set[str]:
    """The names of the initialisers that begin with `prefix`, and of all constants that are computed from them."""
    initial = {tensor.name for tensor in model.graph.initializer}
    derived = {name for name in initial if name.startswith(prefix)}
    for node in model.graph.node:
        if all(name in initial for name in node.input if name):
            initial.update(node.output)
            if derived.intersection(node.input):
                derived.update(node.output)
    return derived


def _check_flat(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or _has_graph(node):
            raise ValueError(f"the node {node.name or node.op_type!r} is not plain ONNX")


def _has_graph(node: onnx.NodeProto) -> bool:
    return any(attribute.type == onnx.AttributeProto.GRAPH for attribute in node.attribute)


def _initial_values(model: onnx.ModelProto) -> Constants:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _is_cast_of_frame(node: onnx.NodeProto) -> bool:
    return node.op_type == "Cast" and node.input[0] == "frame"


def _reading_the_cast(model: onnx.ModelProto, node: onnx.NodeProto) -> onnx.NodeProto:
    """The node; one that reads the shape of the uint8 frame reads that of the frame as floating point instead."""
    if node.op_type != "Shape" or node.input[0] != "frame":
        return node
    moved = onnx.NodeProto()
    moved.CopyFrom(node)
    moved.input[0] = next((n.output[0] for n in model.graph.node if _is_cast_of_frame(n)), "frame")
    return moved


def _part_of_shape(node: onnx.NodeProto, shape: tuple[int, ...]) -> np.ndarray:
    bounds = {attribute.name: attribute.i for attribute in node.attribute}
    return np.array(shape[bounds.get("start", 0) : bounds.get("end", len(shape))], np.int64)


def _read_by(nodes: Iterable[onnx.NodeProto]) -> list[str]:
    return sorted({name for node in nodes for name in node.input if name})


def _evaluated(
    model: onnx.ModelProto, nodes: list[onnx.NodeProto], values: Mapping[str, np.ndarray], wanted: Iterable[str]
) -> Constants:
    """What the constant nodes come to, by ONNX's own evaluator."""
    from onnx.reference import ReferenceEvaluator

    made = {name for node in nodes for name in node.output}
    outputs = [name for name in wanted if name in made]
    if not outputs:
        return {}
    stored = [numpy_helper.from_array(values[name], name) for name in _read_by(nodes) if name in values]
    results = [onnx.ValueInfoProto(name=name) for name in outputs]
    graph = helper.make_graph(nodes, "constants", [], results, stored)
    folded = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    return dict(zip(outputs, map(np.asarray, ReferenceEvaluator(folded).run(None, {})), strict=True))
