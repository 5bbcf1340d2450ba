"""OpenVINO's bf16 where the processor has none: the same net in fp32, with all rounded that would be stored as bf16.

A processor that multiplies bf16 adds the products up in fp32, so it is the rounding alone that differs from fp32. What
OpenVINO's plugin for processors stores in bf16 (`Graph::EnforceInferencePrecision` in its source) is rounded here by
arithmetic in the graph: a pair of conversions it takes away as if they changed nothing.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

# What it computes in bf16 for speed. What comes after the last of them, on the way to the output, stays in fp32.
PRODUCTS = {"Convolution", "GroupConvolution", "MatMul"}
# One after another these are one kernel, which stores what comes out at its end.
ELEMENTWISE = {"Add", "Clamp", "Divide", "Maximum", "Minimum", "Multiply", "Power", "Relu", "Sigmoid", "Subtract"}
ROUNDED = PRODUCTS | ELEMENTWISE | {"Interpolate", "MVN", "ReduceMean"}
# Its steps are wider than those of bf16, and in one kernel with what it reads it rounds once.
QUANTISER = "FakeQuantize"
# Dekker 1971 (doi 10.1007/BF01397083): with c = (2^16 + 1)·x, c − (c − x) is x in 24 − 16 bits, which is bf16.
SPLITTER = np.float32(2**16 + 1)


def nearest_bf16(values: np.ndarray) -> np.ndarray:
    """Finite float32 values as bf16 can tell them, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def round_as_bf16(model: Any) -> Any:
    """The openvino.Model as it would compute in bf16, in place."""
    tail, nodes = _tail(model), list(model.get_ordered_ops())
    for node in nodes:
        if _kind(node) in PRODUCTS:
            _round_operands(node, tail)
        elif _kind(node) == "Parameter":
            readers = [target for target in _targets(node) if _kind(target.get_node()) not in ELEMENTWISE]
            _round(node, [target for target in readers if _name(target.get_node()) not in tail])
        if _kind(node) in ROUNDED and _name(node) not in tail and not _ends_elsewhere(node):
            _round(node, _targets(node))
    model.validate_nodes_and_infer_types()
    return model


def _tail(model: Any) -> set[str]:
    """The names of what stays in fp32: all from which the output is reached with no product between."""
    found: set[str] = set()
    waiting = list(model.get_results())
    while waiting:
        for given in waiting.pop().input_values():
            node = given.get_node()
            if _kind(node) not in PRODUCTS and _name(node) not in found:
                found.add(_name(node))
                waiting.append(node)
    return found


def _ends_elsewhere(node: Any) -> bool:
    """Whether its kernel goes on in the only node that reads it."""
    if len(_targets(node)) != 1 or _kind(node) not in PRODUCTS | ELEMENTWISE:
        return False
    reader = _targets(node)[0].get_node()
    others = [value.get_node() for value in reader.input_values() if _name(value.get_node()) != _name(node)]
    constant = all(_kind(other) == "Constant" for other in others)
    return _kind(reader) in ELEMENTWISE and (constant or _kind(node) in ELEMENTWISE)


def _round_operands(product: Any, tail: set[str]) -> None:
    """Weights, where they are not in 8 bits already, and what is read from the part that stays in fp32."""
    from openvino import opset13

    for operand in product.inputs():
        given = operand.get_source_output().get_node()
        if _kind(given) == "Constant":
            operand.replace_source_output(opset13.constant(nearest_bf16(given.data)).output(0))
        elif _name(given) in tail:
            _round(given, [operand])


def _round(node: Any, readers: Iterable[Any]) -> None:
    """Lets these readers of the node's only output have it rounded, quantisers excepted; integers are left."""
    from openvino import Type, opset13

    value = node.output(0)
    readers = [reader for reader in readers if _kind(reader.get_node()) != QUANTISER]
    if value.get_element_type() != Type.f32 or not readers:
        return
    large = opset13.multiply(value, opset13.constant(SPLITTER))
    rounded = opset13.subtract(large, opset13.subtract(large, value))
    for reader in readers:
        reader.replace_source_output(rounded.output(0))


def _targets(node: Any) -> list[Any]:
    return [target for output in node.outputs() for target in output.get_target_inputs()]


def _kind(node: Any) -> str:
    kind: str = node.get_type_name()
    return kind


def _name(node: Any) -> str:
    name: str = node.get_friendly_name()
    return name
