"""The part of a style file's graph around the net: from a uint8 frame to the picture that the net sees, and back.

A picture is folded: a pixel of the small map holds a block of `factor` × `factor` pixels, place by place in RGB. Where
the pixels are still bytes, that moves a quarter of the memory, and rows of a block lie together in the frame as the
decoder gives it. So by default the frame is folded as it is, channels last, and the blend is done there as well: in
OpenVINO the rest of the graph then needs no reordering, which for a net of pixel_unshuffle(4) takes a sixth of the
time. Runtimes that take bytes only into a Cast (TensorRT), or cannot reshape to sizes that the graph computes (OpenCV),
get the same arithmetic in planes.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from engines.networks.graph import Graph

WHITE = 255.0
# Every eighth pixel in both directions tells a picture's mean well enough.
SAMPLE_STEP = 8
FAR = 2**31 - 1
# BT.601 luma of gamma-coded RGB.
LUMA = (0.299, 0.587, 0.114)
FRAME = (1, "height", "width", 3)
TO_PLANES, TO_PIXELS = [0, 3, 1, 2], [0, 2, 3, 1]


@dataclass(frozen=True, slots=True)
class PictureGraph:
    """Adds nodes to `graph` for frames of any size, padded to `multiple`. `bytes_first`: folded before the Cast."""

    graph: Graph
    factor: int
    multiple: int
    bytes_first: bool

    def inputs(self, style_size: int) -> str:
        """The inputs of a style file's graph, `style`, `strength`, `keep_colour` and the frame, which is given back."""
        frame = self.graph.input("frame", TensorProto.UINT8, FRAME)
        for name, length in (("style", style_size), ("strength", 1), ("keep_colour", 1)):
            self.graph.input(name, TensorProto.FLOAT, [length])
        return frame

    def model(self, picture: str, painted: str, frame: str) -> onnx.ModelProto:
        """The style file's graph, whose output is what was painted of the picture, blended by the controls."""
        stylized = self.write(self.blended(picture, painted), frame)
        self.graph.output(stylized, "stylized", TensorProto.UINT8, FRAME)
        return self.graph.model()

    def read(self, frame: str) -> str:
        """uint8 [1, H, W, 3] → the folded picture, float32 0..255: [1, h, w, 3·f²], or in planes [1, 3·f², h, w]."""
        g = self.graph
        if self.bytes_first:
            return g.cast(self._fold_rows(self._pad(frame)))
        planes = g.op("Transpose", self._pad(g.cast(frame)), perm=TO_PLANES)
        return g.op("SpaceToDepth", planes, blocksize=self.factor) if self.factor > 1 else planes

    def centred(self, picture: str, rim: int) -> str:
        """[1, 3·f², h + 2·rim, w + 2·rim]: the picture less the mean of each channel, as a coarse sample tells it.

        The stem has no bias and an instance norm follows, which takes any constant away: the result is the same. But
        where a large picture is bright and even, sums in single precision would drown what little it varies.
        The rim for the stem's kernel is a reflection. It is put on before the picture becomes planes, since OpenVINO
        then reads it channels last and copies it once less.
        """
        g, axes = self.graph, self._axes
        step = g.ints(SAMPLE_STEP, SAMPLE_STEP)
        coarse = g.op("Slice", picture, g.ints(0, 0), g.ints(FAR, FAR), axes, step)
        centred = g.op("Sub", picture, g.op("ReduceMean", coarse, axes, keepdims=1))
        if rim:
            sides = [0, rim, rim, 0] if self.bytes_first else [0, 0, rim, rim]
            centred = g.op("Pad", centred, g.ints(*sides, *sides), mode="reflect")
        return self.planes(centred)

    def size(self, frame: str) -> str:
        """int64 [2]: height and width of the folded picture that `read` makes of a frame."""
        g = self.graph
        grown = g.op("Add", g.op("Shape", frame, start=1, end=3), g.ints(self.multiple - 1))
        whole = g.op("Div", grown, g.ints(self.multiple))
        return g.op("Mul", whole, g.ints(self.multiple // self.factor))

    def planes(self, picture: str) -> str:
        """A folded picture as `read` returns it → [1, 3·f², h, w]."""
        return self.graph.op("Transpose", picture, perm=TO_PLANES) if self.bytes_first else picture

    def from_net(self, painted: str) -> str:
        """The net's output, [1, 3·f², h, w], as `read` returns a picture."""
        return self.graph.op("Transpose", painted, perm=TO_PIXELS) if self.bytes_first else painted

    def row(self, values: str) -> str:
        """One value for each channel of the folded picture, [3·f²], in the shape in which it meets a picture."""
        if self.bytes_first:
            return values
        return self.graph.op("Reshape", values, self.graph.ints(3 * self.factor**2, 1, 1))

    def blended(self, picture: str, painted: str) -> str:
        """picture + strength · ((1 − keep) · d + keep · luma(d)), d what the style changes; all of it folded.

        With keep_colour 1 only the luma changes and the chroma is the input's. Both controls are linear in d, so that
        strength 0 returns the picture exactly.
        """
        g = self.graph
        change = g.op("Sub", self._clipped(painted), picture)
        luma = self._luma(change)
        kept = g.op("Mul", "strength", "keep_colour")
        coloured = g.op("Mul", change, g.op("Sub", "strength", kept))
        return g.op("Add", picture, g.op("Add", coloured, g.op("Mul", luma, kept)))

    def write(self, blended: str, frame: str) -> str:
        """The folded result → uint8 of the frame's own shape."""
        g = self.graph
        rounded = self._clipped(g.op("Round", blended))
        if self.bytes_first:
            return self._crop(self._unfold_rows(g.cast(rounded, TensorProto.UINT8)), frame)
        planes = g.op("DepthToSpace", rounded, blocksize=self.factor) if self.factor > 1 else rounded
        return g.cast(self._crop(g.op("Transpose", planes, perm=TO_PIXELS), frame), TensorProto.UINT8)

    def _luma(self, picture: str) -> str:
        """The luma of every pixel of the folded picture, three times: for each of its colours."""
        g, channels = self.graph, 3 * self.factor**2
        weights = np.kron(np.eye(self.factor**2), np.tile(LUMA, (3, 1)))
        if self.bytes_first:
            return g.op("MatMul", picture, g.constant(weights.T))
        return g.op("Conv", picture, g.constant(weights.reshape(channels, channels, 1, 1)))

    @property
    def _axes(self) -> str:
        return self.graph.ints(1, 2) if self.bytes_first else self.graph.ints(2, 3)

    def _clipped(self, value: str) -> str:
        return self.graph.op("Clip", value, self.graph.constant(0.0), self.graph.constant(WHITE))

    def _fold_rows(self, frame: str) -> str:
        """[1, H, W, 3] → [1, H/f, W/f, 3·f²]: the f pixels of a block's row lie together and are moved at once.

        They are gathered in the order of the blocks, which runtimes do faster than a transposition of small pieces.
        """
        g, f = self.graph, self.factor
        if f == 1:
            return frame
        height, width = (g.op("Div", g.op("Shape", frame, start=axis, end=axis + 1), g.ints(f)) for axis in (1, 2))
        rows_of_blocks = g.op("Reshape", frame, g.ints(-1, 3 * f))
        zero, one = g.constant(0, np.int64), g.constant(1, np.int64)
        count = g.op("Gather", g.op("Mul", g.op("Mul", height, width), g.ints(f)), zero)
        places = g.op("Range", zero, count, one)
        by_row = g.op("Reshape", places, g.op("Concat", height, g.ints(f), width, axis=0))
        by_block = g.op("Reshape", g.op("Transpose", by_row, perm=[0, 2, 1]), g.ints(-1))
        gathered = g.op("Gather", rows_of_blocks, by_block, axis=0)
        return g.op("Reshape", gathered, g.op("Concat", g.ints(1), height, width, g.ints(3 * f * f), axis=0))

    def _unfold_rows(self, folded: str) -> str:
        """[1, h, w, 3·f²] → [1, f·h, f·w, 3]: the blocks' first rows become a row of the frame, then their second."""
        g, f = self.graph, self.factor
        if f == 1:
            return folded
        height, width = (g.op("Shape", folded, start=axis, end=axis + 1) for axis in (1, 2))
        row = g.op("Concat", height, g.ints(1), g.op("Mul", width, g.ints(3 * f)), axis=0)
        rows = g.op("Concat", *(g.op("Reshape", part, row) for part in g.split(folded, f, 3)), axis=1)
        size = (g.op("Mul", side, g.ints(f)) for side in (height, width))
        return g.op("Reshape", rows, g.op("Concat", g.ints(1), *size, g.ints(3), axis=0))

    def _pad(self, frame: str) -> str:
        """[1, H, W, 3], grown to the right and below by reflection."""
        if self.multiple == 1:
            return frame
        g = self.graph
        over = g.op("Mod", g.op("Shape", frame, start=1, end=3), g.ints(self.multiple))
        missing = g.op("Mod", g.op("Sub", g.ints(self.multiple), over), g.ints(self.multiple))
        pads = g.op("Concat", g.ints(0, 0, 0, 0, 0), missing, g.ints(0), axis=0)
        return g.op("Pad", frame, pads, mode="reflect")

    def _crop(self, stylized: str, frame: str) -> str:
        if self.multiple == 1:
            return stylized
        g = self.graph
        return g.op("Slice", stylized, g.ints(0, 0), g.op("Shape", frame, start=1, end=3), g.ints(1, 2))
