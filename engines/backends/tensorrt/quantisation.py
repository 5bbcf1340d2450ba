"""A style's graph with its convolutions in 8 bits, int8 or fp8 (E4M3), by explicit QuantizeLinear and DequantizeLinear.

Weights are quantised ahead with one scale a channel; what a convolution reads is quantised while it runs, with one
scale a tensor, so large that the values seen on frames like those to come fit. The rest is the fp16 graph. The
convolutions at the two ends stay in fp16: the first reads a picture, the last writes one, and both cost little.

Symmetric quantisation to nearest as in arXiv 2004.09602.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper

from engines.backends.tensorrt.typed_graph import (
    NARROW,
    NetGraph,
    Typing,
    read_net,
    scale_before_norms,
    typed_net,
    values_after,
    values_before,
)
from engines.networks.folding import Constants
from engines.style.styles import StyleFile

# The smallest scale: fp16 holds it exactly, and no channel of zeros is divided by zero.
LEAST_SCALE = 2.0**-14
ValueRanges = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type of 8 bits and the largest value that the scale maps to the edge of the range."""

    dtype: type[np.generic]
    largest: float


KINDS = {"int8": _Kind(np.int8, 127.0), "fp8": _Kind(ml_dtypes.float8_e4m3fn, 448.0)}


def quantised_model(
    style: StyleFile, precision: str, size: tuple[int, int] | None, ranges: ValueRanges
) -> onnx.ModelProto:
    """The style's graph in int8 or fp8, for frames of one size (height, width) or of any.

    `ranges` tells, for what each convolution to be quantised reads, the largest value to represent. The others stay in
    fp16. ValueError where the graph cannot be converted.
    """
    net = read_net(style, size)
    scale_before_norms(net)
    return typed_net(net, _Quantising(net, precision, ranges))


def switched_model(
    style: StyleFile, precision: str, size: tuple[int, int] | None, ranges: ValueRanges
) -> onnx.ModelProto:
    """As `quantised_model`, with each of these convolutions both in 8 bits and in fp16: an input of the graph chooses.

    The inputs are bool [1], and `switch_of` names them. It is for those who would try many choices: to compile a graph
    takes much longer than to run it.
    """
    net = read_net(style, size)
    scale_before_norms(net)
    switches = [helper.make_tensor_value_info(switch_of(name), TensorProto.BOOL, [1]) for name in ranges]
    net.model.graph.input.extend(switches)
    return typed_net(net, _Switching(net, precision, ranges))


def switch_of(name: str) -> str:
    """The input that chooses 8 bits for the convolutions that read `name`."""
    return f"{name}_in_8_bits"


def quantised_convolutions(net: NetGraph) -> list[onnx.NodeProto]:
    """The convolutions that read what another one made, and are read by another: not those at the two ends.

    Nor those that read the state with none in between: what is rounded in what goes from frame to frame adds up.
    """
    made = values_after(net.nodes, net.convolutions) - _made_of_state(net)
    read = values_before(net.nodes, net.convolutions)
    return [
        node for node in net.convolutions if node.op_type == "Conv" and node.input[0] in made and node.output[0] in read
    ]


def _made_of_state(net: NetGraph) -> set[str]:
    """The state, and what is made of it without a convolution."""
    made, convolved = {each.name for each in net.state}, {node.output[0] for node in net.convolutions}
    for node in net.nodes:
        if made.intersection(node.input) and node.output[0] not in convolved:
            made.update(node.output)
    return made


class _Quantising(Typing):
    """Types a net as fp16, and puts what the quantised convolutions read through 8 bits."""

    def __init__(self, net: NetGraph, precision: str, ranges: ValueRanges) -> None:
        super().__init__(net, NARROW["fp16"])
        self._kind = KINDS[precision]
        self._ranges = ranges
        chosen = [node for node in quantised_convolutions(net) if node.input[0] in ranges]
        self._weights = {node.output[0]: net.constants[node.input[1]] for node in chosen}

    def typed(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        weight = self._weights.get(node.output[0])
        if weight is None:
            return super().typed(node)
        read, before = self.value(node.input[0], self.narrow)
        added = [*before, *self._quantised_values(node.input[0], read), self._quantised_weight(node.input[1], weight)]
        convolution = onnx.NodeProto()
        convolution.CopyFrom(node)
        convolution.input[0], convolution.input[1] = added[-2].output[0], added[-1].output[0]
        if len(node.input) > 2:
            convolution.input[2], _ = self.value(node.input[2], self.narrow)
        self._types[node.output[0]] = self.narrow
        return [*added, convolution]

    def _quantised_values(self, name: str, read: str) -> list[onnx.NodeProto]:
        scale = np.float16(max(self._ranges[name] / self._kind.largest, LEAST_SCALE))
        inputs = self._scale_and_zero(name, np.array(scale))
        return [
            helper.make_node("QuantizeLinear", [read, *inputs], [f"{name}_8"], name=f"{name}_8"),
            helper.make_node("DequantizeLinear", [f"{name}_8", *inputs], [f"{name}_back"], name=f"{name}_back"),
        ]

    def _quantised_weight(self, name: str, weight: np.ndarray) -> onnx.NodeProto:
        """The weight [out, …] in 8 bits with a scale for each output."""
        largest = np.abs(weight).reshape(len(weight), -1).max(axis=1)
        scales = np.maximum(largest / self._kind.largest, LEAST_SCALE).astype(np.float16)
        divided = weight / scales.astype(np.float32).reshape(-1, *[1] * (weight.ndim - 1))
        clipped = np.clip(divided, -self._kind.largest, self._kind.largest)
        whole = np.rint(clipped) if self._kind.dtype is np.int8 else clipped
        self.constants[f"{name}_8"] = whole.astype(self._kind.dtype)
        inputs = [f"{name}_8", *self._scale_and_zero(name, scales)]
        return helper.make_node("DequantizeLinear", inputs, [f"{name}_back"], name=f"{name}_back", axis=0)

    def _scale_and_zero(self, name: str, scale: np.ndarray) -> list[str]:
        new: Constants = {f"{name}_scale": scale, f"{name}_zero": np.zeros(scale.shape, self._kind.dtype)}
        self.constants.update(new)
        return list(new)


class _Switching(_Quantising):
    """Types a net as fp16, with the quantised convolutions beside the others: a Where takes the one or the other."""

    def typed(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        quantised = super().typed(node)
        if node.output[0] not in self._weights:
            return quantised
        plain = Typing.typed(self, node)
        taken, either = node.output[0], (f"{node.output[0]}_8_bits", f"{node.output[0]}_16_bits")
        for nodes, output in zip((quantised, plain), either, strict=True):
            nodes[-1].output[0] = nodes[-1].name = output
        switch = helper.make_node("Where", [switch_of(node.input[0]), *either], [taken], name=taken)
        return [*quantised, *plain, switch]
