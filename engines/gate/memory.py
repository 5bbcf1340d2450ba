"""How much memory building and checking an engine takes, told before anything large is asked for.

A picture of 90 megapixels took 18 GB and ended in the killing of whatever the system chose. What grows with the picture
is the net's widest stage: while it runs, a runtime holds what goes in, a padded copy, and what comes out. A family of
networks has a formula for it, or the shapes in the graph are asked; some 50 bytes a pixel more are for the picture
itself as floats.

That is measured for the reference (OpenCV 5) with one frame in it. Of transform nets OpenVINO took half of it, ONNX
Runtime 1.0 to 1.3 times as much, torch 1.3 to 1.6 times. Building and checking the gallery's engine for 4000x3000 in
OpenVINO took 2.1 GiB, all counted, where the estimate is 2.3.
"""

import math
from typing import TYPE_CHECKING

from engines.errors import NotEnoughMemory
from engines.names import CALIBRATED
from engines.networks.family import config_of, family_of
from engines.spec import EngineSpec
from engines.style.styles import StyleFile

if TYPE_CHECKING:
    import onnx

FLOAT_BYTES = 4
# The picture as floats, its padded copy, its luma and chroma.
PICTURE_BYTES_PER_PX = 50
# What the gate itself holds a pixel: two golden frames and pictures, a frame that is being drawn, the comparison.
GATE_BYTES_PER_PX = 40
# Engines that take more than the reference; the others take less or run where the memory is not this machine's.
ENGINE_FACTOR = {"onnxruntime": 1.25, "torch": 1.6}
# What calibration adds: nncf itself, and ranges measured on small frames. 70 to 86 MiB were seen for the gallery's net
# and the paper's, less of it the larger the engine's own pictures are.
CALIBRATION_BYTES = 90 * 2**20
# Copies of the weights in a runtime's compiler.
WEIGHT_COPIES = 4
# What goes in and what comes out, of the reference and of the engine.
STATE_COPIES = 4
GIB = 2**30


def check_memory(style: StyleFile, spec: EngineSpec, size: tuple[int, int], available: int | None) -> None:
    """ImpastoError where checking the engine at `size` (height, width) takes more than the bytes that are available.

    `available` None means that nobody knows, and nothing is refused.
    """
    needed = build_bytes(style, spec, size)
    if available is not None and needed > available:
        raise NotEnoughMemory(
            f"an engine for {size[1]}x{size[0]} pixels needs about {needed / GIB:.1f} GiB of memory while it is "
            f"built and checked, and {available / GIB:.1f} GiB is free; choose a smaller --height"
        )


def build_bytes(style: StyleFile, spec: EngineSpec, size: tuple[int, int]) -> int:
    """About how many bytes it takes to build and check an engine whose largest picture is `size` (height, width)."""
    net = net_bytes(style, size) * ENGINE_FACTOR.get(spec.backend, 1.0)
    calibration = CALIBRATION_BYTES if spec.precision in CALIBRATED and not spec.ready else 0
    state = STATE_COPIES * sum(each.bytes_at(*size) for each in style.card.state)
    return int(net + GATE_BYTES_PER_PX * math.prod(size) + WEIGHT_COPIES * len(style.data) + calibration + state)


def net_bytes(style: StyleFile, size: tuple[int, int]) -> int:
    """About how many bytes of activations the fp32 reference holds at `size` (height, width); its time goes with it."""
    family = family_of(style)
    if family is None or family.bytes_per_px is None:
        return PICTURE_BYTES_PER_PX * math.prod(size) + _widest_node_bytes(style, size)
    with config_of(style) as config:
        return int((PICTURE_BYTES_PER_PX + family.bytes_per_px(config)) * math.prod(size))


def _widest_node_bytes(style: StyleFile, size: tuple[int, int]) -> int:
    """All that the node with the most data reads and writes, in float32 and twice; 0 where no shape is known.

    The picture is taken as large as the net's multiple makes it, and what grows it to that by paddings that the graph
    computes is left out: no shape is known behind those.
    """
    import onnx

    model = onnx.ModelProto()
    model.CopyFrom(style.model)
    multiple = max(1, style.card.size_multiple)
    size = size[0] + -size[0] % multiple, size[1] + -size[1] % multiple
    shapes = {"frame": (1, *size, 3)} | {each.name: each.shape_at(*size) for each in style.card.state}
    _leave_out_computed_paddings(model.graph)
    for value in model.graph.input:
        for dimension, side in zip(value.type.tensor_type.shape.dim, shapes.get(value.name, ()), strict=False):
            dimension.dim_value = side
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    values = {value.name: _elements(value) for value in (*graph.value_info, *graph.input, *graph.output)}
    widest = max(sum(values.get(name, 0) for name in (*node.input, *node.output)) for node in graph.node)
    return 2 * FLOAT_BYTES * widest


def _leave_out_computed_paddings(graph: "onnx.GraphProto") -> None:
    known = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Pad" and len(node.input) > 1 and node.input[1] not in known:
            node.op_type = "Identity"
            del node.input[1:], node.attribute[:]


def _elements(value: "onnx.ValueInfoProto") -> int:
    """0 where a side is not known."""
    return math.prod(dim.dim_value for dim in value.type.tensor_type.shape.dim)
