"""The graphs of a variational autoencoder. Needs no torch.

Three are written from the same weights: the one of a style file, from a uint8 frame to a uint8 frame; `statistics`,
from a picture to its style vector; and `dream`, from a latent to a picture.
"""

import numpy as np
import onnx
from onnx import TensorProto

from engines.networks.family import PLAIN, REWRITTEN, Config, Rewrites, Weights
from engines.networks.graph import Graph
from engines.networks.picture_graph import FRAME, TO_PIXELS, WHITE, PictureGraph
from engines.networks.styled_graph import StyledGraph
from engines.networks.transform.config import NORM_EPSILON
from engines.networks.vae.config import STEM_KERNEL, VaeConfig

GREY = WHITE / 2
PARTS = ("weight", "bias")


def build_model(
    config: Config, weights: Weights, *, rewrites: Rewrites = REWRITTEN, weight_type: type = np.float16
) -> onnx.ModelProto:
    """The graph of a style file: frame, style, strength and keep_colour in, stylized out; by the latent's means."""
    return _VaeGraph(VaeConfig.from_dict(config), weights, rewrites, weight_type).painting()


def build_statistics(config: Config, weights: Weights) -> onnx.ModelProto:
    """frame uint8 [1, H, W, 3] → style float32 [S]; ValueError for a net whose decoder takes no statistics."""
    shape = VaeConfig.from_dict(config)
    if not shape.statistics:
        raise ValueError("this net takes no statistics of pictures")
    return _VaeGraph(shape, weights, PLAIN, np.float32).statistics()


def build_dream(config: Config, weights: Weights) -> onnx.ModelProto:
    """latent float32 [1, Z, h, w] → picture uint8 [1, factor·h, factor·w, 3]."""
    return _VaeGraph(VaeConfig.from_dict(config), weights, Rewrites(bytes_first=False), np.float32).dream()


class _VaeGraph:
    """Writes `engines.networks.vae.net.Vae` node by node."""

    def __init__(self, config: VaeConfig, weights: Weights, rewrites: Rewrites, weight_type: type) -> None:
        self.config = config
        self.rewrites = rewrites
        self.graph = Graph("impasto")
        self.layers = StyledGraph(self.graph, weights, weight_type)
        self.around = PictureGraph(self.graph, 1, config.factor, rewrites.bytes_first)
        self._found: list[str] = []

    def painting(self) -> onnx.ModelProto:
        g = self.graph
        frame = self.around.inputs(self.config.style_size)
        picture = self.around.read(frame)
        latent = self._encoded(picture)
        styled = bool(self.config.statistics)
        if not styled:
            latent = g.op("Mul", latent, g.op("Reshape", "style", g.ints(1, 1, 1, 1)))
        painted = self.around.from_net(self._decoded(latent, styled=styled))
        return self.around.model(picture, painted, frame)

    def statistics(self) -> onnx.ModelProto:
        g = self.graph
        picture = self.around.read(g.input("frame", TensorProto.UINT8, FRAME))
        self._decoded(self._encoded(picture), styled=False, until=self.config.statistics[-1])
        g.output(g.op("Concat", *self._found, axis=0), "style", TensorProto.FLOAT, [self.config.style_size])
        return g.model()

    def dream(self) -> onnx.ModelProto:
        g = self.graph
        latent = g.input("latent", TensorProto.FLOAT, [1, self.config.latent, "height", "width"])
        drawn = g.op("Round", self._decoded(latent, styled=False))
        clipped = g.op("Clip", drawn, g.constant(0.0), g.constant(WHITE))
        pixels = g.cast(g.op("Transpose", clipped, perm=TO_PIXELS), TensorProto.UINT8)
        g.output(pixels, "picture", TensorProto.UINT8, [1, "picture_height", "picture_width", 3])
        return g.model()

    def _encoded(self, picture: str) -> str:
        """A picture as `read` returns it → the means of its latent."""
        g, layers = self.graph, self.layers
        x = self.around.planes(g.op("Sub", picture, g.constant(GREY)))
        weight = layers.weight("down.0.weight", factor=1 / WHITE)
        padded = layers.reflect(x, STEM_KERNEL // 2)
        x = layers.relu(g.op("Conv", padded, weight, layers.weight("down.0.bias"), strides=[2, 2]))
        for level in range(1, len(self.config.widths)):
            x = layers.relu(layers.conv(x, f"down.{level}", stride=2))
        for number in range(self.config.blocks):
            x = layers.relu(layers.conv(x, f"deep.{number}"))
        weight, bias = (g.slice(layers.weight(f"moments.{part}"), 0, self.config.latent, 0) for part in PARTS)
        return g.op("Conv", x, weight, bias)

    def _decoded(self, x: str, *, styled: bool, until: int | None = None) -> str:
        """A latent → the picture in planes, 0..255 and beyond; what is taken `until` a depth has no picture yet."""
        layers = self.layers
        for depth, channels in enumerate(self.config.depths):
            place = f"up.{depth}"
            x = layers.resize_conv(x, place, rewritten=self.rewrites.net) if depth else layers.conv(x, place)
            if depth in self.config.statistics:
                if styled:
                    x = self._normed(x, channels)
                else:
                    self._found += self._deviations_and_means(x, channels)
            if depth == until:
                return x
            x = layers.relu(x)
            for number in range(self.config.blocks if depth == 0 else 0):
                x = layers.relu(layers.conv(x, f"drawn.{number}"))
        drawn = layers.resize_conv(x, "head", rewritten=self.rewrites.net, factor=WHITE)
        return self.graph.op("Add", drawn, self.graph.constant(GREY))

    def _normed(self, x: str, channels: int) -> str:
        """AdaptiveNorm of the torch net."""
        g, share = self.graph, self.config.variance_share
        deviations, means = self.layers.style(channels)
        deviations = g.op("Max", deviations, g.constant(NORM_EPSILON**0.5))
        lone = g.op("Div", x, g.op("Reshape", deviations, g.ints(1, channels, 1, 1)))
        scale = g.op("Mul", deviations, g.constant((1 + share) ** 0.5))
        return g.op("InstanceNormalization", lone, scale, means, epsilon=share)

    def _deviations_and_means(self, x: str, channels: int) -> tuple[str, str]:
        """[channels] each, as a style vector holds them."""
        g = self.graph
        mean = g.op("ReduceMean", x, g.ints(2, 3), keepdims=1)
        away = g.op("Sub", x, mean)
        variance = g.op("ReduceMean", g.op("Mul", away, away), g.ints(2, 3), keepdims=1)
        deviation = g.op("Sqrt", g.op("Add", variance, g.constant(NORM_EPSILON)))
        row = g.ints(channels)
        return g.op("Reshape", deviation, row), g.op("Reshape", mean, row)
