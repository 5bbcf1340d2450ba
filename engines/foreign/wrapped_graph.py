"""A foreign graph inside a style file's: from a uint8 frame to what the net reads, and from what it gives to a frame.

The foreign nodes stand there as they are, under names that begin with `net.`, and strength and keep_colour go around
them as around our own nets. A net of one size alone gets the picture scaled to it; or the picture is scaled to what so
many overlapping tiles of that size cover, each goes through a copy of the graph with the same weights, and the tiles
are joined with ramps that fade into each other.

The style vector of such a net is one number, 1, which multiplies what the net gives: every input of a style file has a
part in its graph, for some runtimes drop those that have none.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engines.errors import BadValue
from engines.foreign.convention import BGR, Convention
from engines.foreign.onnx_file import COLOURS, ForeignNet
from engines.foreign.sizes import Size, Sizes, with_free_sides
from engines.networks.graph import Graph
from engines.networks.picture_graph import TO_PIXELS, TO_PLANES, PictureGraph
from engines.style.file import WEIGHT_PREFIX

FLOATS = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "float64": TensorProto.DOUBLE}
OVERSAMPLED = 2  # a picture that is made smaller is sampled so many times finer, and averaged
OVERLAP = 8  # a tile covers this part of the next one
MOST_TILES = 24
COPY_PREFIX = "copy"
NUMBERS = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}


@dataclass(frozen=True, slots=True)
class Tiles:
    """So many tiles beside each other and one above the other, each of the size (height, width) that a net takes."""

    columns: int = 1
    rows: int = 1

    @property
    def count(self) -> int:
        return self.columns * self.rows

    def covered(self, own: Size) -> Size:
        """The size of all of them together."""
        return _covered(self.rows, own[0]), _covered(self.columns, own[1])

    def corners(self, own: Size) -> list[Size]:
        """(top, left) of each, row by row."""
        steps = [side - side // OVERLAP for side in own]
        return [(row * steps[0], column * steps[1]) for row in range(self.rows) for column in range(self.columns)]

    def weights(self, number: int, own: Size) -> tuple[np.ndarray, np.ndarray]:
        """What a tile's rows and its columns count, [height] and [width]: of all that cover a place, 1 together."""
        row, column = divmod(number, self.columns)
        return _fades(row, self.rows, own[0]), _fades(column, self.columns, own[1])


def _covered(count: int, side: int) -> int:
    return count * side - (count - 1) * (side // OVERLAP)


def _fades(number: int, count: int, side: int) -> np.ndarray:
    """One side of a tile: it comes in over the one before it, and goes out where the next one comes in."""
    weights, overlap = np.ones(side), side // OVERLAP
    ramp = (np.arange(overlap) + 0.5) / overlap if overlap else np.ones(0)
    if number > 0:
        weights[:overlap] = ramp
    if number < count - 1:
        weights[side - overlap :] = 1 - ramp
    return weights


ONE_TILE = Tiles()


def read_tiles(text: str | None) -> Tiles:
    """`3x2` → three columns and two rows; one tile of None. BadValue for what is no such text."""
    found = re.fullmatch(r"([1-9]\d?)x([1-9]\d?)", text or "1x1")
    if found is None or int(found[1]) * int(found[2]) > MOST_TILES:
        raise BadValue(f"--tile is {text!r}; give columns and rows, as 3x2, and at most {MOST_TILES} tiles")
    return Tiles(int(found[1]), int(found[2]))


def wrapped(net: ForeignNet, convention: Convention, sizes: Sizes, layout_out: str, tiles: Tiles) -> onnx.ModelProto:
    """The graph of a style file; `layout_out` is `chw` or `hwc` of what the net gives."""
    return _Wrapping(net, convention, sizes, layout_out).build(tiles)


class _Wrapping:
    def __init__(self, net: ForeignNet, convention: Convention, sizes: Sizes, layout_out: str) -> None:
        self.net, self.convention, self.sizes, self.layout_out = net, convention, sizes, layout_out
        self.graph = Graph("impasto", net.opset)

    def build(self, tiles: Tiles) -> onnx.ModelProto:
        g = self.graph
        frame = g.input("frame", TensorProto.UINT8, [1, "height", "width", 3])
        for name in ("style", "strength", "keep_colour"):
            g.input(name, TensorProto.FLOAT, [1])
        around = PictureGraph(g, 1, self.sizes.multiple, bytes_first=False)
        picture = around.read(frame)
        if self.sizes.own is None:
            painted = self._painted(picture)
            painted = painted if self.sizes.scale == 1 else self._resized(painted, picture)
        else:
            painted = self._resized(self._tiled(picture, self.sizes.own, tiles), picture)
        stylized = around.write(around.blended(picture, painted), frame)
        g.output(stylized, "stylized", TensorProto.UINT8, [1, "height", "width", 3])
        return g.model()

    def _painted(self, picture: str, copy: int = 0) -> str:
        """Planes float32 [1, 3, h, w] in 0..255 RGB → the same of what the net makes of it."""
        return self._from_net(self._inlined(self._to_net(picture), copy))

    def _to_net(self, picture: str) -> str:
        g, layout = self.graph, self.convention.layout
        value = self._scaled(self._ordered(picture), *self.convention.going_in())
        if self.net.kind_in == "uint8":
            value = g.cast(g.op("Round", value), TensorProto.UINT8)
        elif self.net.kind_in != "float32":
            value = g.cast(value, FLOATS[self.net.kind_in])
        if layout.endswith("c"):
            value = g.op("Transpose", value, perm=TO_PIXELS)
        return value if "n" in layout else g.op("Squeeze", value, g.ints(0))

    def _from_net(self, value: str) -> str:
        g = self.graph
        if self.net.kind_out != "float32":
            value = g.cast(value)
        if "n" not in self.convention.layout:
            value = g.op("Unsqueeze", value, g.ints(0))
        if self.layout_out == "hwc":
            value = g.op("Transpose", value, perm=TO_PLANES)
        return self._ordered(self._from_range(value))

    def _from_range(self, value: str) -> str:
        """To 0..255; here the style's one number comes in."""
        g, (factor, addend) = self.graph, self.convention.coming_out()
        louder = g.op("Mul", value, g.op("Mul", self._row(factor), "style"))
        return g.op("Add", louder, self._row(addend)) if np.any(addend) else louder

    def _scaled(self, value: str, factor: np.ndarray, addend: np.ndarray) -> str:
        """factor · value + addend, of each colour; what does nothing is left out."""
        g = self.graph
        value = g.op("Mul", value, self._row(factor)) if np.any(factor != 1) else value
        return g.op("Add", value, self._row(addend)) if np.any(addend) else value

    def _row(self, values: np.ndarray) -> str:
        """One value for each plane."""
        return self.graph.constant(values.reshape(1, COLOURS, 1, 1))

    def _ordered(self, planes: str) -> str:
        """Red first ↔ the net's order."""
        swapped = self.convention.channels == BGR
        return self.graph.op("Gather", planes, self.graph.ints(2, 1, 0), axis=1) if swapped else planes

    def _inlined(self, value: str, copy: int) -> str:
        """The foreign nodes, reading `value`. Copies after the first share its weights."""
        model = self.net.model
        if self.sizes.own is None:
            model = with_free_sides(model, self.net.input, self.convention.layout)
        prefix = f"{COPY_PREFIX}{copy}." if copy else WEIGHT_PREFIX
        nodes, weights = renamed(model.graph, prefix)
        g = self.graph
        g.nodes.append(helper.make_node("Identity", [value], [prefix + self.net.input], name=f"{prefix}in"))
        g.nodes.extend(nodes)
        g.initialisers.extend(() if copy else weights)
        return g.op("Identity", prefix + self.net.output)

    def _tiled(self, picture: str, own: Size, tiles: Tiles) -> str:
        """The picture scaled to what the tiles cover, painted tile by tile."""
        covered = tiles.covered(own)
        small = self._shrunk(picture, covered)
        if tiles.count == 1:
            return self._painted(small)
        parts = [
            self._weighted_tile(small, number, corner, own, tiles) for number, corner in enumerate(tiles.corners(own))
        ]
        return self.graph.op("Sum", *parts)

    def _weighted_tile(self, picture: str, number: int, corner: Size, own: Size, tiles: Tiles) -> str:
        """A painted tile at its place in an otherwise black picture, fading out where others cover it too."""
        g, (top, left) = self.graph, corner
        cut = g.slice(g.slice(picture, top, top + own[0], 2), left, left + own[1], 3)
        painted = self._painted(cut, number)
        if self.sizes.scale != 1:
            painted = self._to_size(painted, g.ints(1, COLOURS, *own))
        down, across = tiles.weights(number, own)
        faded = g.op("Mul", g.op("Mul", painted, g.constant(down[:, None])), g.constant(across))
        rest = [whole - side - start for whole, side, start in zip(tiles.covered(own), own, corner, strict=True)]
        return g.op("Pad", faded, g.ints(0, 0, top, left, 0, 0, *rest))

    def _shrunk(self, picture: str, size: Size) -> str:
        """To that size, by the mean of finer samples: single samples of a larger picture would flicker."""
        g = self.graph
        finer = self._to_size(picture, g.ints(1, COLOURS, *(OVERSAMPLED * side for side in size)))
        return g.op("AveragePool", finer, kernel_shape=[OVERSAMPLED] * 2, strides=[OVERSAMPLED] * 2)

    def _resized(self, planes: str, picture: str) -> str:
        """To the size of the picture."""
        g = self.graph
        return self._to_size(planes, g.op("Concat", g.ints(1, COLOURS), g.op("Shape", picture, start=2, end=4), axis=0))

    def _to_size(self, planes: str, shape: str) -> str:
        return self.graph.op(
            "Resize", planes, "", "", shape, mode="linear", coordinate_transformation_mode="half_pixel"
        )


def renamed(graph: onnx.GraphProto, prefix: str) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    """Copies of the nodes, whose values begin with the prefix, and of the weights, whose names begin with `net.`.

    Nodes that are constants become weights.
    """
    kept = onnx.GraphProto()
    kept.CopyFrom(graph)
    del kept.node[:]
    for node in graph.node:
        weight = _constant(node)
        if weight is None:
            kept.node.append(node)
        else:
            kept.initializer.append(weight)
    shared = {tensor.name for tensor in kept.initializer}
    for tensor in kept.initializer:
        tensor.name = WEIGHT_PREFIX + tensor.name
    _rename_nodes(kept, lambda name: f"{WEIGHT_PREFIX if name in shared else prefix}{name}" if name else "")
    return list(kept.node), list(kept.initializer)


def _rename_nodes(graph: onnx.GraphProto, rename: Callable[[str], str]) -> None:
    """And what stands in the graphs inside them."""
    for node in graph.node:
        node.name, node.doc_string = rename(node.name), ""  # there exporters keep their own source
        for values in (node.input, node.output):
            values[:] = [rename(value) for value in values]
        for attribute in node.attribute:
            inner_graphs = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
            for inner in inner_graphs:
                for value in (*inner.input, *inner.output, *inner.value_info, *inner.initializer):
                    value.name = rename(value.name)
                _rename_nodes(inner, rename)


def _constant(node: onnx.NodeProto) -> TensorProto | None:
    """What a node of the kind Constant gives, under its output's name."""
    if node.op_type != "Constant":
        return None
    (attribute,) = node.attribute
    value = helper.get_attribute_value(attribute)
    if attribute.name == "value":
        tensor = TensorProto()
        tensor.CopyFrom(value)
        tensor.name = node.output[0]
        return tensor
    if attribute.name in NUMBERS:
        return numpy_helper.from_array(np.array(value, NUMBERS[attribute.name]), node.output[0])
    return None
