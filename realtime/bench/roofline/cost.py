"""What a net costs at one size, counted from its graph: multiply-adds, and the fewest bytes that must be moved.

Counted are convolutions and matrix products on the picture's way; norms, pads and the like have no products worth
counting. What depends on weights and sizes alone (rewritten kernels, lengths of pads) is computed first, as every
runtime does once when it loads the graph.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import onnx
from onnx import numpy_helper

from engines.errors import ImpastoError, in_one_line
from engines.failures import any_failure_as
from engines.networks.folding import Constants, Shapes, fold_nodes
from engines.style.styles import StyleFile

BYTES_OF = {"fp32": 4, "bf16": 2, "fp16": 2, "fp8": 1, "int8": 1}
CONVOLUTIONS = ("Conv", "ConvTranspose")
PRODUCTS = ("MatMul", "Gemm")


@dataclass(frozen=True, slots=True)
class NetCost:
    """Multiply-adds, and how many values the weights and the inputs and outputs of all products have, each once."""

    macs: int
    weight_values: int
    moved_values: int

    def bytes(self, precision: str) -> int:
        """The bytes that must be moved at least, where every product reads its input from memory and writes there."""
        return (self.weight_values + self.moved_values) * BYTES_OF[precision]


def style_cost(style: StyleFile, height: int, width: int) -> NetCost:
    """The cost of the style file's graph for a frame of that size; ImpastoError where it cannot be counted."""
    return cost_of_graph(style, style.model, height, width)


def cost_of_graph(style: StyleFile, model: onnx.ModelProto, height: int, width: int) -> NetCost:
    """The same of another graph of the style's net."""

    def told(error: Exception) -> str:
        return f"the operations of {style.path.name} cannot be counted: {in_one_line(error)}"

    state = {each.name: each.shape_at(height, width) for each in style.card.state}
    with any_failure_as(ImpastoError, told):  # graphs of others fail in ONNX's inference and evaluator in every way
        return count_cost(model, frame_shapes(model, height, width) | state)


def count_cost(model: onnx.ModelProto, inputs: Shapes) -> NetCost:
    """The cost of one run with inputs of these shapes.

    ValueError where a product's shapes cannot be inferred, or where how often it is run cannot be told.
    """
    folded, shapes = fold_for_shapes(model, inputs)
    constants = {tensor.name for tensor in folded.graph.initializer}
    macs = weights = moved = 0
    for node in folded.graph.node:
        if _has_products_inside(node):
            raise ValueError(f"how often the products inside the {node.op_type} {node.name} are run is not known")
        if node.op_type in (*CONVOLUTIONS, *PRODUCTS):
            operands = [_shape(shapes, name, node) for name in node.input if name]
            result = _shape(shapes, node.output[0], node)
            macs += _macs(node, operands, result)
            kept = [name in constants for name in node.input if name]
            weights += sum(prod(shape) for shape, constant in zip(operands, kept, strict=True) if constant)
            moved += sum(prod(shape) for shape, constant in zip(operands, kept, strict=True) if not constant)
            moved += prod(result)
    return NetCost(macs, weights, moved)


def frame_shapes(model: onnx.ModelProto, height: int, width: int) -> dict[str, tuple[int, ...]]:
    """The shapes of a style file's inputs for a frame of that size."""
    free = {"height": height, "width": width}
    stored = {tensor.name for tensor in model.graph.initializer}
    return {
        value.name: tuple(free.get(d.dim_param, d.dim_value) for d in value.type.tensor_type.shape.dim)
        for value in model.graph.input
        if value.name not in stored
    }


def fold_for_shapes(model: onnx.ModelProto, inputs: Shapes) -> tuple[onnx.ModelProto, Shapes]:
    """The graph for inputs of these shapes, with all computed that does not depend on what they hold, and its shapes.

    What the length of a pad is computed from may itself be the shape of a padded picture: the graph is folded again
    until no more shapes become known.
    """
    folded, shapes = model, inputs
    while True:
        folded = _with(folded, *fold_nodes(folded, folded.graph.node, shapes), inputs)
        found = _shapes(folded)
        if len(found.keys() | shapes.keys()) == len(shapes):
            return folded, {**shapes, **found}
        shapes = {**shapes, **found}


def _with(model: onnx.ModelProto, nodes: list[onnx.NodeProto], constants: Constants, inputs: Shapes) -> onnx.ModelProto:
    """The model with these nodes, the constants that they use, and fixed shapes of its inputs."""
    graph = onnx.GraphProto(name=model.graph.name, node=nodes)
    for value in model.graph.output:
        graph.output.append(onnx.helper.make_tensor_value_info(value.name, value.type.tensor_type.elem_type, None))
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    for value in model.graph.input:
        if value.name in inputs:
            kind = value.type.tensor_type.elem_type
            graph.input.append(onnx.helper.make_tensor_value_info(value.name, kind, inputs[value.name]))
    return onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in inferred.initializer}
    return shapes | _known_shapes([*inferred.input, *inferred.value_info, *inferred.output])


def _known_shapes(values: Iterable[onnx.ValueInfoProto]) -> dict[str, tuple[int, ...]]:
    found = {v.name: v.type.tensor_type.shape.dim for v in values if v.type.tensor_type.HasField("shape")}
    return {
        name: tuple(d.dim_value for d in dimensions)
        for name, dimensions in found.items()
        if all(d.HasField("dim_value") for d in dimensions)
    }


def _shape(shapes: Shapes, name: str, node: onnx.NodeProto) -> tuple[int, ...]:
    if name not in shapes:
        raise ValueError(f"the shape of {name} at the {node.op_type} {node.name} cannot be inferred")
    return shapes[name]


def _macs(node: onnx.NodeProto, operands: list[tuple[int, ...]], result: tuple[int, ...]) -> int:
    """For each value of the result (of the input, where a convolution is transposed) the taps that meet in it."""
    first, second = operands[:2]
    if node.op_type == "Conv":  # weights [out, in / groups, taps…]
        return prod(result) * prod(second[1:])
    if node.op_type == "ConvTranspose":  # weights [in, out / groups, taps…]
        return prod(first) * prod(second[1:])
    depth = first[0] if _attributes(node).get("transA") else first[-1]
    return prod(result) * depth


def _has_products_inside(node: onnx.NodeProto) -> bool:
    """Whether a loop or a condition has some in its graphs."""
    graphs = (graph for each in node.attribute for graph in (each.g, *each.graphs))
    inner = [each for graph in graphs for each in graph.node]
    return any(each.op_type in (*CONVOLUTIONS, *PRODUCTS) or _has_products_inside(each) for each in inner)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
