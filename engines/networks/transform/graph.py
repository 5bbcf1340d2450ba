"""The transform net's graph, from a uint8 frame to a uint8 frame. Needs no torch.

What is rewritten for speed is computed from the net's own weights by nodes of constants, which every runtime folds once
when it loads the file. The rewrites are exact:

- nearest ×2, reflection pad 1 and a 3×3 convolution are four 2×2 convolutions of the small map with replicate padding:
  2.25× fewer products and no upsampled tensor;
- a 9×9 convolution at full resolution is a 5×5 one of pixel_unshuffle(2), shaped as vector units like it;
- the frame is folded into blocks while it is bytes (engines/networks/picture_graph.py);
- the seed textures are not added to the picture: a convolution is linear, so the stem reads the frame's bytes as they
  are, and what it makes of a single texture depends on the size alone. A runtime that knows the size computes that
  once; where a style takes a share of several, it keeps the textures, and the stem reads their sum.
"""

from functools import partial, reduce

import numpy as np
import onnx

from engines.networks.family import REWRITTEN, Config, Rewrites, Weights
from engines.networks.graph import Graph
from engines.networks.picture_graph import WHITE, PictureGraph
from engines.networks.styled_graph import StyledGraph
from engines.networks.transform.config import TransformConfig
from engines.networks.transform.seed_texture import PERIOD_PX, STEPS, seed_tile


def build_model(
    config: Config, weights: Weights, *, rewrites: Rewrites = REWRITTEN, weight_type: type = np.float16
) -> onnx.ModelProto:
    """The graph of a style file: frame, style, strength and keep_colour in, stylized out."""
    return _TransformGraph(TransformConfig.from_dict(config), weights, rewrites, weight_type).build()


class _TransformGraph:
    """Writes `engines.networks.transform.TransformNet` node by node."""

    def __init__(self, config: TransformConfig, weights: Weights, rewrites: Rewrites, weight_type: type) -> None:
        self.config = config
        self.rewrites = rewrites
        self.graph = Graph("impasto")
        self.layers = StyledGraph(self.graph, weights, weight_type)

    def build(self) -> onnx.ModelProto:
        g = self.graph
        around = PictureGraph(g, self.config.unshuffle, self.config.size_multiple, self.rewrites.bytes_first)
        frame = around.inputs(self.config.style_size)
        picture = around.read(frame)
        stem = self._stem(around.centred(picture, self.config.stem_kernel // 2))
        if self.config.seed_amplitude:
            stem = self._seeded(stem, around.size(frame))
        painted = around.from_net(self._net(stem))
        if self.config.detail:
            painted = g.op("Add", painted, self._detail(around, picture))
        return around.model(picture, painted, frame)

    def _seeded(self, stem: str, size: str) -> str:
        """With what the stem makes of the seed textures for a folded picture of this size."""
        config = self.config
        made = stem_of_texture(
            self.graph, self._texture(size), self.layers.weight("down.0.weight"), factor=config.unshuffle,
            kernel=config.stem_kernel, amplitude=config.seed_amplitude,
        )  # fmt: skip
        return self.graph.op("Add", stem, made)

    def _texture(self, size: str) -> str:
        """The seed textures as the style shares them, folded, with the rim that the stem reads.

        They are shared before the stem: kept behind it, each would take as many channels as the stem has.
        """
        g, config = self.graph, self.config
        told = [rimmed_texture(g, name, size, config.unshuffle, config.stem_kernel // 2) for name in config.textures]
        if len(told) == 1:
            return told[0]
        first = config.shares_at.start
        parts = [g.op("Mul", each, g.slice("style", at, at + 1, 0)) for at, each in enumerate(told, start=first)]
        return reduce(partial(g.op, "Add"), parts)

    def _net(self, stem: str) -> str:
        """What the stem makes of the picture → the stylized one, folded and in planes, not clamped."""
        config, layers = self.config, self.layers
        widths, settled = config.widths, config.settled
        beside = x = layers.relu(layers.norm(stem, widths[0]))
        for level, width in enumerate(widths[1:], start=1):
            beside, x = x, layers.relu(layers.norm(layers.conv(x, f"down.{level}", stride=2), width))
        for number in range(config.blocks):
            x = layers.residual(x, f"blocks.{number}", widths[-1], settled=settled)
        for level, width in enumerate(widths[-2::-1]):
            x = layers.resize_conv(x, f"up.{level}", rewritten=self.rewrites.net)
            x = layers.norm(x, width, settled=settled)
            skips = config.skip and level == 0
            x = self.graph.op("Add", beside, x) if skips else layers.relu(x)
            for number in range(config.refine_blocks if level == 0 else 0):
                x = layers.residual(x, f"refine.{number}", width, settled=settled)
        return self._head(x)

    def _detail(self, around: PictureGraph, picture: str) -> str:
        """What the folded picture, 0..255, adds to the painted one.

        The style's scale comes after the convolution, not into its kernel: a kernel of constants can be quantised.
        """
        g, channels = self.graph, self.config.picture_channels
        by_place = np.arange(channels).reshape(3, -1).T.ravel()  # of torch's channels, which count the colour first
        order = g.constant(by_place, np.int64)
        scale, shift = (around.row(g.op("Gather", part, order)) for part in self.layers.style(channels))
        weight = g.op("Gather", g.op("Gather", self.layers.weight("detail.weight"), order, axis=0), order, axis=1)
        styled = g.op("Mul", around.from_net(g.op("Conv", around.planes(picture), weight)), scale)
        return g.op("Add", styled, g.op("Mul", shift, g.constant(WHITE)))

    def _stem(self, picture: str) -> str:
        """The first convolution, of a folded picture in planes that has its rim; it also brings 0..255 to 0..1."""
        g, factor = self.graph, self.config.unshuffle
        weight = self.layers.weight("down.0.weight", factor=1 / WHITE)
        out, channels, kernel, _ = self.layers.shape("down.0")
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
        weight, bias = (self.layers.weight(f"head.{part}", factor=WHITE) for part in ("weight", "bias"))
        out, channels, kernel, _ = self.layers.shape("head")
        if factor == 1 and kernel == 9 and self.rewrites.net:
            small = g.op("SpaceToDepth", self.layers.reflect(x, 4), blocksize=2)
            bias = g.op("Tile", bias, g.ints(4))
            return g.op(
                "DepthToSpace", g.op("Conv", small, self._half_resolution(weight, out, channels), bias), blocksize=2
            )
        if factor > 1:
            by_colour = g.op("Reshape", weight, g.ints(3, factor**2, channels, kernel, kernel))
            by_place = g.op("Transpose", by_colour, perm=[1, 0, 2, 3, 4])
            weight = g.op("Reshape", by_place, g.ints(out, channels, kernel, kernel))
            bias = g.op("Reshape", g.op("Transpose", g.op("Reshape", bias, g.ints(3, -1)), perm=[1, 0]), g.ints(out))
        return g.op("Conv", self.layers.reflect(x, kernel // 2), weight, bias)

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


def stem_of_texture(g: Graph, texture: str, weight: str, *, factor: int, kernel: int, amplitude: float) -> str:
    """[1, out, h, w]: the stem's convolution of a seed texture as `rimmed_texture` gives it.

    `weight` [out, 3·f², k, k] is the net's own, colour first, for pictures in 0..1 folded by `factor`. The texture is
    grey: it meets the sum over the colours.
    """
    by_colour = g.op("Reshape", weight, g.ints(0, 3, factor**2, kernel, kernel))
    grey = g.op("ReduceSum", by_colour, g.ints(1), keepdims=0)
    return g.op("Conv", texture, g.op("Mul", grey, g.constant(amplitude / STEPS)))


def rimmed_texture(g: Graph, name: str, size: str, factor: int, rim: int) -> str:
    """[1, f², h + 2·rim, w + 2·rim]: a seed texture at the size int64 [2] of the folded picture, reflected around."""
    texture = _cut(g, _folded_tile(g, name, factor), size, PERIOD_PX // factor)
    return g.op("Pad", texture, g.ints(0, 0, rim, rim, 0, 0, rim, rim), mode="reflect")


def _folded_tile(g: Graph, name: str, factor: int) -> str:
    """float32 [1, f², P/f, P/f]: the tile as pixel_unshuffle folds it; kept in the file as bytes."""
    side = PERIOD_PX // factor
    blocks = seed_tile(name).reshape(side, factor, side, factor).transpose(1, 3, 0, 2)
    return g.cast(g.constant(blocks.reshape(1, factor**2, side, side), np.int8))


def _cut(g: Graph, tile: str, size: str, period: int) -> str:
    """The tile repeated from its corner over the whole of a picture of this size."""
    times = g.op("Div", g.op("Add", size, g.ints(period - 1)), g.ints(period))
    repeated = g.op("Tile", tile, g.op("Concat", g.ints(1, 1), times, axis=0))
    return g.op("Slice", repeated, g.ints(0, 0), size, g.ints(2, 3))
