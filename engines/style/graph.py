"""The graph in a style file: parsed, and checked before any runtime sees it."""

from collections.abc import Iterable, Iterator, Sequence

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, ValueInfoProto
from onnx.external_data_helper import uses_external_data

from engines.failures import failure_as
from engines.style.state import StateInput

UINT8, FLOAT = TensorProto.UINT8, TensorProto.FLOAT
FRAME_DIMENSIONS = (1, None, None, 3)
KINDS = {"uint8": UINT8, "float32": FLOAT}
Signature = dict[str, tuple[int, tuple[int | None, ...]]]


def parse_style_graph(data: bytes, style_size: int, state: Sequence[StateInput] = ()) -> onnx.ModelProto:
    """The ONNX model; ValueError where it is none, refers to other files, or has other inputs than a style file's.

    inputs: frame uint8 [1, H, W, 3], style float32 [S], strength float32 [1], keep_colour float32 [1];
    output: stylized uint8 [1, H, W, 3]. H and W are free. Each declared state is one more input, and one more output
    named `next_` and its name; sides that depend on H or W are free as well.
    """
    with failure_as(ValueError, lambda error: "it is not an ONNX file", DecodeError):
        model = onnx.load_model_from_string(data)
    if any(uses_external_data(tensor) for tensor in tensors_of_graph(model.graph)) or model.functions:
        raise ValueError("its weights lie in other files, or it has functions; a style is one file")
    initialisers = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in initialisers]
    carried: Signature = {each.name: (KINDS[each.kind], each.dimensions) for each in state}
    fed_back: Signature = {each.output: carried[each.name] for each in state}
    _check_signature("input", inputs, {**_expected_inputs(style_size), **carried})
    _check_signature("output", model.graph.output, {"stylized": (UINT8, FRAME_DIMENSIONS), **fed_back})
    return model


def _expected_inputs(style_size: int) -> Signature:
    return {
        "frame": (UINT8, FRAME_DIMENSIONS),
        "style": (FLOAT, (style_size,)),
        "strength": (FLOAT, (1,)),
        "keep_colour": (FLOAT, (1,)),
    }


def _check_signature(kind: str, values: Iterable[ValueInfoProto], expected: Signature) -> None:
    found = {value.name: value.type.tensor_type for value in values}
    if set(found) != set(expected):
        raise ValueError(f"its graph has the {kind}s {sorted(map(str, found))}, a style file has {sorted(expected)}")
    for name, (element, dimensions) in expected.items():
        tensor = found[name]
        actual = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
        if tensor.elem_type != element or not _fits(actual, dimensions):
            type_name = TensorProto.DataType.Name(element)
            raise ValueError(f"its {kind} {name!r} has the shape {actual}, a style file's is {type_name} {dimensions}")


def _fits(actual: tuple[int | None, ...], expected: tuple[int | None, ...]) -> bool:
    """A side that must be free is free; a fixed one may also be left open."""
    pairs = zip(actual, expected, strict=False)
    return len(actual) == len(expected) and all(found in (None, wanted) for found, wanted in pairs)


def tensors_of_graph(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """Every tensor that is stored in the graph: weights, and the attributes of nodes down to inner graphs."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from _tensors_of_attribute(attribute)


def _tensors_of_attribute(attribute: onnx.AttributeProto) -> Iterator[TensorProto]:
    yield from (attribute.t, *attribute.tensors)
    for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
        yield from (sparse.values, sparse.indices)
    for graph in (attribute.g, *attribute.graphs):
        yield from tensors_of_graph(graph)
