"""A style that counts: each picture is the frame, brighter by the number of frames since the beginning.

So a painted picture tells how many frames its engine has painted since it was reset. The count is a plane of the
picture's size over 8, rounded up, that goes from frame to frame; every value of it is the count.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto

from engines.networks.graph import Graph
from engines.style.state import StateInput
from engines.style.styles import NamedStyle, StyleCard, StyleFile, load_style, save_style

COUNTED = StateInput("counted", "float32", (1, 1, "H/8", "W/8"), 0.0, (0.0, 1000.0))
LAST = StateInput("last", "uint8", (1, "H", "W", 3), 7, (0, 255))
CARD = StyleCard(
    name="counting",
    network={"name": "counting"},
    styles=(NamedStyle("plain", np.zeros(1)), NamedStyle("brighter", np.full(1, 50.0))),
    size_multiple=1,
    preprocessing={},
    licence="CC0-1.0",
    training={},
    figures={},
)
BESIDE = 1 / 64  # how much a convolution adds at most: nothing that is left after rounding


def write_counting_style(
    path: Path, *, convolutions: bool = False, remembers: bool = False, step: float = 1.0, start: float = 0.0
) -> StyleFile:
    """The style in a file: its styles are `plain`, and `brighter` by 50.

    With `convolutions` three of them are in the net, one of which reads the count. With `remembers` the frame before is
    carried as well, in bytes, and a hundredth of its red is added; before the first one that is 7.
    """
    counted = StateInput(COUNTED.name, COUNTED.kind, COUNTED.shape, start, COUNTED.range)
    state = (counted, *([LAST] if remembers else []))
    card = StyleCard(**{name: getattr(CARD, name) for name in CARD.__dataclass_fields__} | {"state": state})
    save_style(path, _graph(convolutions, remembers, step).model(), card)
    return load_style(str(path))


def frames_painted(picture: np.ndarray, frame: np.ndarray) -> int:
    """How many frames were painted since the reset, this one with them; the same for every pixel."""
    counts = set(np.unique(picture.astype(int) - frame).tolist())
    assert len(counts) == 1, f"the picture was painted with several counts: {sorted(counts)}"
    return int(counts.pop())


def counts_of(pictures: Sequence[np.ndarray], frame: np.ndarray) -> list[int]:
    return [frames_painted(picture, frame) for picture in pictures]


def _graph(convolutions: bool, remembers: bool, step: float) -> Graph:
    graph = Graph("counting")
    size: list[int | str] = [1, "height", "width", 3]
    frame = graph.input("frame", TensorProto.UINT8, size)
    style = graph.input("style", TensorProto.FLOAT, [1])
    strength = graph.input("strength", TensorProto.FLOAT, [1])
    keep_colour = graph.input("keep_colour", TensorProto.FLOAT, [1])
    plane: list[int | str] = [1, 1, "height_8", "width_8"]
    counted = graph.input("counted", TensorProto.FLOAT, plane)
    picture = graph.cast(frame)
    count = graph.op("Add", counted, graph.constant(step))
    graph.output(count, "next_counted", TensorProto.FLOAT, plane)
    shown = graph.op("ReduceMean", "next_counted", graph.ints(1, 2, 3), keepdims=0)
    total = graph.op("Add", picture, graph.op("Mul", shown, strength))
    total = graph.op("Add", graph.op("Add", total, style), keep_colour)
    if convolutions:
        total = graph.op("Add", total, _convolved(graph, picture, "next_counted"))
    if remembers:
        last = graph.cast(graph.input("last", TensorProto.UINT8, size))
        red = graph.slice(last, 0, 1, axis=3)
        total = graph.op("Add", total, graph.op("Mul", red, graph.constant(0.01)))
        kept = graph.cast(graph.op("Mul", picture, graph.constant(1.0)), TensorProto.UINT8)
        graph.output(kept, "next_last", TensorProto.UINT8, size)
    rounded = graph.op("Clip", graph.op("Round", total), graph.constant(0.0), graph.constant(255.0))
    graph.output(graph.cast(rounded, TensorProto.UINT8), "stylized", TensorProto.UINT8, size)
    return graph


def _convolved(graph: Graph, picture: str, count: str) -> str:
    """[1, H, W, 3], some thousandths: convolutions of the picture, and one of the count."""
    random = np.random.default_rng(5)

    def convolution(value: str, channels: int, made: int, name: str) -> str:
        weight = graph.weight(f"net.{name}", random.normal(0, 0.1, (made, channels, 3, 3)).astype(np.float32))
        return graph.op("Conv", value, weight, pads=[1, 1, 1, 1])

    planes = graph.op("Transpose", graph.op("Mul", picture, graph.constant(1 / 255)), perm=[0, 3, 1, 2])
    inner = graph.op("Relu", convolution(planes, 3, 4, "stem"))
    inner = graph.op("Relu", convolution(inner, 4, 4, "inner"))
    of_count = graph.op("ReduceMean", convolution(count, 1, 4, "of_count"), graph.ints(2, 3))
    head = convolution(graph.op("Add", inner, of_count), 4, 3, "head")
    small = graph.op("Mul", graph.op("Tanh", head), graph.constant(BESIDE))
    return graph.op("Transpose", small, perm=[0, 2, 3, 1])
