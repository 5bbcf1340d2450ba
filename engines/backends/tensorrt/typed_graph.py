"""A style's graph in half precision, with a type written on every value, as strongly typed TensorRT asks for.

What lies between the net's first convolution and its last is given the narrow type. The two ends stay float32: there a
pixel's 8 bits are exact, so that strength 0 still returns the picture, and a mean over the whole picture is taken. Both
are elementwise, and a compiler merges them into what follows.

Two things keep the norms that measure the picture from overflowing, the known cause of black frames in fp16 (settled
ones are a scale and a shift, elementwise like what is around them):

- every such norm is computed in float32 between two Casts. Its sums run over all pixels, and how a runtime adds them up
  in fp16 is its own affair; a type in the graph is an order. Casts merge into the norm's own reading and writing;
- a convolution without bias before one is scaled by a power of two, so that its output deviates by about 1 whatever
  the size of the weights, and the norm's epsilon by its square. That is exact, and what is stored between the two can
  neither overflow nor vanish.

What a style carries from frame to frame goes in and comes out in the type that its card says, and is no narrower on the
way out: what is rounded there adds up.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engines.export.export import graph_of
from engines.networks.family import PLAIN, Rewrites, family_of
from engines.networks.folding import Constants, constants_derived_from, fold_constants
from engines.style.file import WEIGHT_PREFIX
from engines.style.state import StateInput
from engines.style.styles import StyleFile

CAST_FIRST = Rewrites(bytes_first=False)
NARROW = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
CONVOLUTIONS = ("Conv", "ConvTranspose")
# Kinds that may run in half precision where they stand between two convolutions; sums over many values may not.
ELEMENTWISE = {
    "Add", "Clip", "Concat", "DepthToSpace", "Identity", "LeakyRelu", "MaxPool", "Mul", "PRelu", "Pad", "Relu",
    "Reshape", "Resize", "Sigmoid", "Slice", "SpaceToDepth", "Sub", "Tanh", "Transpose",
}  # fmt: skip
LAYOUT = {"DepthToSpace", "Slice", "Transpose"}
# How much a centred picture of 0..255 deviates; what other convolutions read has been through a norm.
PICTURE_DEVIATION, NORMED_DEVIATION = 64.0, 1.0


@dataclass(slots=True)
class NetGraph:
    """A style's graph with its constants worked out: nodes in order, and the net's convolutions among them.

    `size` (height, width) is that of the frame, None where it is free; `state` is what the style carries.
    """

    model: onnx.ModelProto
    size: tuple[int, int] | None
    nodes: list[onnx.NodeProto]
    constants: Constants
    convolutions: list[onnx.NodeProto] = field(default_factory=list)
    state: tuple[StateInput, ...] = ()


def read_net(style: StyleFile, size: tuple[int, int] | None, rewrites: Rewrites = CAST_FIRST) -> NetGraph:
    """The graph of a style file in float32; ValueError where it has no convolution, or parts that are not plain ONNX.

    A net whose family is known is written anew from its weights, so that the frame goes into a Cast first, which
    TensorRT demands; another is taken as it is.
    """
    model = graph_of(style, rewrites)
    _hand_out_copies(model, [each.output for each in style.card.state if each.kind == "float32"])
    derived = constants_derived_from(model, WEIGHT_PREFIX)
    nodes, constants = fold_constants(model, size, _shapes_of_state(style.card.state, size))
    candidates = [node for node in nodes if node.op_type in CONVOLUTIONS and node.input[1] in constants]
    ours = [node for node in candidates if node.input[1] in derived]
    if not candidates:
        raise ValueError("it has no convolution with constant weights")
    wide = _wide_constants(style, model)
    narrow = [node for node in ours or candidates if node.input[1] not in wide]
    return NetGraph(model, size, nodes, constants, narrow, style.card.state)


def half_precision_nodes(net: NetGraph) -> set[str]:
    """The first output of every node that gets the narrow type: the convolutions and what lies between them.

    What the graph hands out never does.
    """
    between = values_after(net.nodes, net.convolutions) & values_before(net.nodes, net.convolutions)
    narrow = between & {node.output[0] for node in net.nodes if node.op_type in ELEMENTWISE}
    return (narrow | {node.output[0] for node in net.convolutions}) - {value.name for value in net.model.graph.output}


def values_after(nodes: list[onnx.NodeProto], convolutions: list[onnx.NodeProto]) -> set[str]:
    """What the convolutions write, and all values that depend on it."""
    reached = {node.output[0] for node in convolutions}
    for node in nodes:
        if reached.intersection(node.input):
            reached.update(node.output)
    return reached


def values_before(nodes: list[onnx.NodeProto], convolutions: list[onnx.NodeProto]) -> set[str]:
    """What the convolutions read, and all values on which it depends."""
    wanted = {node.input[0] for node in convolutions}
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
    return wanted


def scale_before_norms(net: NetGraph) -> None:
    """Scales the weights of every convolution that has no bias and feeds a norm alone, and the norm's epsilon with it.

    norm(s · x; s² · epsilon) = norm(x; epsilon), exactly so for s a power of two.
    """
    for index, convolution in enumerate(net.convolutions):
        norm = _norm_after(net.nodes, convolution)
        if norm is None or len([name for name in convolution.input if name]) > 2:
            continue
        name = convolution.input[1]
        weight = net.constants[name].astype(np.float32)
        scale = _power_of_two(weight, PICTURE_DEVIATION if index == 0 else NORMED_DEVIATION)
        net.constants[scaled := f"{name}_scaled"] = weight * np.float32(scale)
        convolution.input[1] = scaled
        epsilon = next(attribute for attribute in norm.attribute if attribute.name == "epsilon")
        epsilon.f = epsilon.f * scale**2


def typed_model(style: StyleFile, precision: str, size: tuple[int, int] | None) -> onnx.ModelProto:
    """The style's graph in fp32, fp16 or bf16, for frames of one size (height, width) or of any.

    ValueError where the graph cannot be converted.
    """
    net = read_net(style, size)
    if precision == "fp32":
        return assemble(net, net.nodes, net.constants)
    scale_before_norms(net)
    return typed_net(net, Typing(net, NARROW[precision]))


def plain_fp16_model(style: StyleFile, size: tuple[int, int]) -> onnx.ModelProto:
    """The graph in fp16 as most would make it: without our rewrites and rescaling. Something to compare with."""
    net = read_net(style, size, PLAIN)
    return typed_net(net, Typing(net, NARROW["fp16"]))


class Typing:
    """Gives the nodes of a net their types, one after another, with a Cast wherever two of them do not meet."""

    def __init__(self, net: NetGraph, narrow: int) -> None:
        self.narrow = narrow
        self.constants: Constants = {}
        self._wide_constants = net.constants
        self._narrow_nodes = half_precision_nodes(net)
        self._types: dict[str, int] = dict.fromkeys(_float_values(net), TensorProto.FLOAT)
        self._casts: dict[tuple[str, int], str] = {}

    def typed(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """The node with inputs of its own type, and before it the Casts that takes."""
        typed, before = onnx.NodeProto(), []
        typed.CopyFrom(node)
        kind = self.narrow if node.output[0] in self._narrow_nodes else TensorProto.FLOAT
        for slot, name in enumerate(node.input):
            # Resize reads its scales as float32 always.
            wanted = TensorProto.FLOAT if node.op_type == "Resize" and slot else kind
            typed.input[slot], casts = self.value(name, wanted)
            before += casts
        self._types.update({name: kind for name in node.output if name in self._types})
        return [*before, typed]

    def value(self, name: str, kind: int) -> tuple[str, list[onnx.NodeProto]]:
        """The name under which a value is there in that type, and the Cast that makes it so where there was none."""
        if name in self._wide_constants:
            return self._constant(name, kind), []
        if self._types.get(name, kind) == kind:
            return name, []
        if (name, kind) in self._casts:
            return self._casts[name, kind], []
        cast = self._casts[name, kind] = f"{name}_{TensorProto.DataType.Name(kind).lower()}"
        return cast, [helper.make_node("Cast", [name], [cast], name=cast, to=kind)]

    def _constant(self, name: str, kind: int) -> str:
        value = self._wide_constants[name]
        if value.dtype != np.float32 or kind == TensorProto.FLOAT:
            self.constants[name] = value
            return name
        typed = f"{name}_{TensorProto.DataType.Name(kind).lower()}"
        self.constants[typed] = value.astype(helper.tensor_dtype_to_np_dtype(kind))
        return typed


def assemble(net: NetGraph, nodes: Iterable[onnx.NodeProto], constants: Constants) -> onnx.ModelProto:
    """The checked model of these nodes and constants."""
    stored = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "impasto", net.model.graph.input, net.model.graph.output, stored)
    pictures = {} if net.size is None else dict.fromkeys(("frame", "stylized"), (1, *net.size, 3))
    shapes = pictures | _shapes_of_state(net.state, net.size)
    for end in (*graph.input, *graph.output):
        for dimension, value in zip(end.type.tensor_type.shape.dim, shapes.get(end.name, ()), strict=False):
            dimension.dim_value = value
    made = helper.make_model(graph, opset_imports=net.model.opset_import, ir_version=net.model.ir_version)
    onnx.checker.check_model(made)
    return made


def typed_net(net: NetGraph, typing: Typing) -> onnx.ModelProto:
    """The graph of a net whose nodes are given their types."""
    nodes = [typed for node in net.nodes for typed in typing.typed(node)]
    return assemble(net, nodes, typing.constants)


def _wide_constants(style: StyleFile, model: onnx.ModelProto) -> set[str]:
    """The weights that the net's family wants in float32, and what is computed from them."""
    family = family_of(style)
    layers = () if family is None else family.wide_layers
    return set[str]().union(*(constants_derived_from(model, f"{WEIGHT_PREFIX}{layer}") for layer in layers))


def _hand_out_copies(model: onnx.ModelProto, outputs: Sequence[str]) -> None:
    """Lets nodes of their own write these outputs, so that what the net reads of them may be narrower inside."""
    for name in outputs:
        inside = f"{name}_inside"
        for node in model.graph.node:
            for names in (node.input, node.output):
                names[:] = [inside if each == name else each for each in names]
        model.graph.node.append(helper.make_node("Identity", [inside], [name], name=f"{name}_copy"))


def _shapes_of_state(state: Iterable[StateInput], size: tuple[int, int] | None) -> dict[str, tuple[int, ...]]:
    """Of the ends of the graph, by name, for frames of `size` (height, width); none where that is free."""
    return {name: each.shape_at(*size) for each in state if size for name in (each.name, each.output)}


def _float_values(net: NetGraph) -> set[str]:
    """The names of all values that are float32."""
    inferred = onnx.shape_inference.infer_shapes(assemble(net, net.nodes, net.constants)).graph
    values = (*inferred.input, *inferred.value_info, *inferred.output)
    return {value.name for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT}


def _norm_after(nodes: list[onnx.NodeProto], convolution: onnx.NodeProto) -> onnx.NodeProto | None:
    """The norm that alone reads what the convolution writes, in whatever order of pixels; None where there is none."""
    name = convolution.output[0]
    while True:
        readers = [node for node in nodes if name in node.input]
        if len(readers) != 1:
            return None
        if readers[0].op_type == "InstanceNormalization" and readers[0].input[0] == name:
            return readers[0]
        if readers[0].op_type not in LAYOUT:
            return None
        name = readers[0].output[0]


def _power_of_two(weight: np.ndarray, deviation: float) -> float:
    """The power of two that brings the output's deviation nearest to 1, from inputs of that deviation."""
    largest = float(np.sqrt(np.square(weight.reshape(len(weight), -1)).sum(axis=1)).max())
    return 2.0 ** -round(math.log2(largest * deviation)) if 0 < largest < math.inf else 1.0
