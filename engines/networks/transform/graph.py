"""The transform net's graph, from a uint8 frame to a uint8 frame. Needs no torch.

The initialisers `net.*` are the net's own weights, in half precision and under its own names, so that a style file can
be turned back into the net. What is rewritten for speed is computed from them by nodes of constants, which every
runtime folds once when it loads the file. The rewrites are exact:

- nearest ×2, reflection pad 1 and a 3×3 convolution are four 2×2 convolutions of the small map with replicate padding:
  2.25× fewer products and no upsampled tensor;
- a 9×9 convolution at full resolution is a 5×5 one of pixel_unshuffle(2), shaped as vector units like it;
- the frame is folded into blocks while it is bytes (engines/networks/picture_graph.py).
"""

import numpy as np
import onnx
from onnx import TensorProto

from engines.networks.family import REWRITTEN, Config, Rewrites, Weights
from engines.networks.graph import Graph
from engines.networks.picture_graph import WHITE, PictureGraph
from engines.networks.transform.config import NORM_EPSILON, TransformConfig
from engines.networks.transform.texture_graph import stem_of_texture


def build_model(
    config: Config, weights: Weights, *, rewrites: Rewrites = REWRITTEN, weight_type: type = np.float16
) -> onnx.ModelProto:
    """The graph of a style file: frame, style, strength and keep_colour in, stylized out."""
    return _TransformGraph(TransformConfig.from_dict(config), weights, rewrites, weight_type).build()


class _TransformGraph:
    """Writes `engines.networks.transform.TransformNet` node by node."""

    def __init__(self, config: TransformConfig, weights: Weights, rewrites: Rewrites, weight_type: type) -> None:
        self.config = config
        self.weights = weights
        self.rewrites = rewrites
        self.weight_type = weight_type
        self.graph = Graph("impasto")
        self.style_at = 0
        self.stored: dict[str, str] = {}

    def build(self) -> onnx.ModelProto:
        g = self.graph
        frame = g.input("frame", TensorProto.UINT8, [1, "height", "width", 3])
        style_shape = [self.config.style_size]
        for name, shape in (("style", style_shape), ("strength", [1]), ("keep_colour", [1])):
            g.input(name, TensorProto.FLOAT, shape)
        around = PictureGraph(g, self.config.unshuffle, self.config.size_multiple, self.rewrites.bytes_first)
        picture = around.read(frame)
        stem = self._stem(around.centred(picture, self.config.stem_kernel // 2))
        if self.config.seed_amplitude:
            stem = g.op("Add", stem, self._texture(around.size(frame)))
        painted = around.from_net(self._net(stem))
        if self.config.detail:
            painted = g.op("Add", painted, self._detail(around, picture))
        stylized = around.write(around.blended(picture, painted), frame)
        g.output(stylized, "stylized", TensorProto.UINT8, [1, "height", "width", 3])
        return g.model()

    def _texture(self, size: str) -> str:
        """What the stem makes of the seed texture for a folded picture of this size."""
        return stem_of_texture(
            self.graph, size, self._weight("down.0.weight"), factor=self.config.unshuffle,
            kernel=self.config.stem_kernel, amplitude=self.config.seed_amplitude,
        )  # fmt: skip

    def _net(self, stem: str) -> str:
        """What the stem makes of the picture → the stylized one, folded and in planes, not clamped."""
        widths, refine = self.config.widths, self.config.refine_blocks
        x = self._relu(self._norm(stem, widths[0]))
        for level, width in enumerate(widths[1:], start=1):
            x = self._relu(self._norm(self._conv(x, f"down.{level}", stride=2), width))
        for number in range(self.config.blocks):
            x = self._residual(x, f"blocks.{number}", widths[-1])
        for level, width in enumerate(widths[-2::-1]):
            x = self._relu(self._norm(self._upsample(x, f"up.{level}"), width))
            for number in range(refine if level == 0 else 0):
                x = self._residual(x, f"refine.{number}", width)
        return self._head(x)

    def _detail(self, around: PictureGraph, picture: str) -> str:
        """What the folded picture, 0..255, adds to the painted one.

        The style's scale comes after the convolution, not into its kernel: a kernel of constants can be quantised.
        """
        g, channels = self.graph, self.config.picture_channels
        by_place = np.arange(channels).reshape(3, -1).T.ravel()  # of torch's channels, which count the colour first
        order = g.constant(by_place, np.int64)
        scale, shift = (around.row(g.op("Gather", part, order)) for part in self._style(channels))
        weight = g.op("Gather", g.op("Gather", self._weight("detail.weight"), order, axis=0), order, axis=1)
        styled = g.op("Mul", around.from_net(g.op("Conv", around.planes(picture), weight)), scale)
        return g.op("Add", styled, g.op("Mul", shift, g.constant(WHITE)))

    def _residual(self, x: str, place: str, width: int) -> str:
        y = self._relu(self._norm(self._conv(x, f"{place}.conv1"), width))
        return self.graph.op("Add", x, self._norm(self._conv(y, f"{place}.conv2"), width))

    def _relu(self, x: str) -> str:
        return self.graph.op("Relu", x)

    def _norm(self, x: str, width: int) -> str:
        return self.graph.op("InstanceNormalization", x, *self._style(width), epsilon=NORM_EPSILON)

    def _style(self, width: int) -> tuple[str, str]:
        """Scale and shift of the next norm, each float32 [width]."""
        start, self.style_at = self.style_at, self.style_at + 2 * width
        middle = start + width
        return self.graph.slice("style", start, middle, 0), self.graph.slice("style", middle, self.style_at, 0)

    def _weight(self, place: str, *, factor: float = 1.0) -> str:
        """The net's weight as float32, times a factor."""
        if place not in self.stored:
            stored = self.graph.weight(f"net.{place}", self.weights[place].astype(self.weight_type))
            self.stored[place] = self.graph.cast(stored) if self.weight_type is not np.float32 else stored
        value = self.stored[place]
        return value if factor == 1.0 else self.graph.op("Mul", value, self.graph.constant(factor))

    def _reflect(self, x: str, by: int) -> str:
        return self.graph.op("Pad", x, self.graph.ints(0, 0, by, by, 0, 0, by, by), mode="reflect") if by else x

    def _conv(self, x: str, place: str, *, stride: int = 1) -> str:
        kernel = self.weights[f"{place}.weight"].shape[-1]
        weight = self._weight(f"{place}.weight")
        return self.graph.op("Conv", self._reflect(x, kernel // 2), weight, strides=[stride, stride])

    def _stem(self, picture: str) -> str:
        """The first convolution, of a folded picture in planes that has its rim; it also brings 0..255 to 0..1."""
        g, factor = self.graph, self.config.unshuffle
        weight = self._weight("down.0.weight", factor=1 / WHITE)
        out, channels, kernel, _ = self.weights["down.0.weight"].shape
        if factor == 1 and kernel == 9 and self.rewrites.net:
            small = g.op("SpaceToDepth", picture, blocksize=2)
            return g.op("DepthToSpace", g.op("Conv", small, self._half_resolution(weight, out, channels)), blocksize=2)
        if factor > 1:
            # torch's pixel_unshuffle counts the colour first, the folded picture the place in the block.
            by_colour = g.op("Reshape", weight, g.ints(out, 3, factor**2, kernel, kernel))
            by_place = g.op("Transpose", by_colour, perm=[0, 2, 1, 3, 4])
            weight = g.op("Reshape", by_place, g.ints(out, channels, kernel, kernel))
        return g.op("Conv", picture, weight)

    def _head(self, x: str) -> str:
        """The last convolution, which also brings 0..1 to 0..255; its channels are those of the folded picture."""
        g, factor = self.graph, self.config.unshuffle
        weight, bias = (self._weight(f"head.{part}", factor=WHITE) for part in ("weight", "bias"))
        out, channels, kernel, _ = self.weights["head.weight"].shape
        if factor == 1 and kernel == 9 and self.rewrites.net:
            small = g.op("SpaceToDepth", self._reflect(x, 4), blocksize=2)
            bias = g.op("Tile", bias, g.ints(4))
            return g.op(
                "DepthToSpace", g.op("Conv", small, self._half_resolution(weight, out, channels), bias), blocksize=2
            )
        if factor > 1:
            by_colour = g.op("Reshape", weight, g.ints(3, factor**2, channels, kernel, kernel))
            by_place = g.op("Transpose", by_colour, perm=[1, 0, 2, 3, 4])
            weight = g.op("Reshape", by_place, g.ints(out, channels, kernel, kernel))
            bias = g.op("Reshape", g.op("Transpose", g.op("Reshape", bias, g.ints(3, -1)), perm=[1, 0]), g.ints(out))
        return g.op("Conv", self._reflect(x, kernel // 2), weight, bias)

    def _upsample(self, x: str, place: str) -> str:
        """Nearest ×2, reflection pad 1, 3×3 convolution."""
        g = self.graph
        weight = self._weight(f"{place}.weight")
        out, channels, _, _ = self.weights[f"{place}.weight"].shape
        if not self.rewrites.net:
            scales = g.constant([1.0, 1.0, 2.0, 2.0])
            big = g.op(
                "Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )  # fmt: skip
            return g.op("Conv", self._reflect(big, 1), weight)
        padded = g.op("Pad", x, g.ints(0, 0, 1, 1, 0, 0, 1, 1), mode="edge")
        phases = g.op("Conv", padded, self._phase_kernels(weight, out, channels))
        shifted = g.op("DepthToSpace", phases, blocksize=2)
        return g.op("Slice", shifted, g.ints(1, 1), g.ints(-1, -1), g.ints(2, 3))

    def _phase_kernels(self, weight: str, out: int, channels: int) -> str:
        """[out, in, 3, 3] → [4·out, in, 2, 2]: what each of the four places of a doubled pixel sees of the small map.

        Output row 2i sees rows i−1, i with taps k0 | k1+k2 and row 2i+1 sees i, i+1 with k0+k1 | k2. The rows come out
        one late (the first is cut off), so the odd ones take place 0 of the block.
        """
        g = self.graph
        taps = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 1]], np.float32)
        kernels = g.op("MatMul", g.op("MatMul", g.constant(taps), weight), g.constant(taps.T))
        parts = g.op("Reshape", kernels, g.ints(out, channels, 2, 2, 2, 2))
        return g.op("Reshape", g.op("Transpose", parts, perm=[2, 4, 0, 1, 3, 5]), g.ints(4 * out, channels, 2, 2))

    def _half_resolution(self, weight: str, out: int, channels: int) -> str:
        """[out, in, 9, 9] → [4·out, 4·in, 5, 5] between pictures folded by SpaceToDepth(2).

        Place a of the block sees full-resolution tap t at offset t + a = 2·(small tap) + (place of the input).
        """
        g = self.graph
        taps = np.zeros((2, 5, 2, 9), np.float32)
        for place in range(2):
            for tap in range(9):
                taps[place, (tap + place) // 2, (tap + place) % 2, tap] = 1
        flat = taps.reshape(20, 9)
        kernels = g.op("MatMul", g.op("MatMul", g.constant(flat), weight), g.constant(flat.T))
        parts = g.op("Reshape", kernels, g.ints(out, channels, 2, 5, 2, 2, 5, 2))
        # out, in, (place, tap, input place) of rows, then of columns → places·out, input places·in, tap, tap
        ordered = g.op("Transpose", parts, perm=[2, 5, 0, 4, 7, 1, 3, 6])
        return g.op("Reshape", ordered, g.ints(4 * out, 4 * channels, 5, 5))
