"""The ResNet generator's graph, from a uint8 frame to a uint8 frame. Needs no torch."""

import numpy as np
import onnx

from engines.networks.family import REWRITTEN, Config, Rewrites, Weights
from engines.networks.graph import Graph
from engines.networks.picture_graph import WHITE, PictureGraph
from engines.networks.resnet_generator.config import OUTER_KERNEL, RESIZE, SIZE_MULTIPLE, ResnetGeneratorConfig
from engines.networks.styled_graph import StyledGraph

RIM = OUTER_KERNEL // 2


def build_model(
    config: Config, weights: Weights, *, rewrites: Rewrites = REWRITTEN, weight_type: type = np.float16
) -> onnx.ModelProto:
    """The graph of a style file: frame, style, strength and keep_colour in, stylized out."""
    return _GeneratorGraph(ResnetGeneratorConfig.from_dict(config), weights, rewrites, weight_type).build()


class _GeneratorGraph:
    """Writes `engines.networks.resnet_generator.net.ResnetGenerator` node by node."""

    def __init__(self, config: ResnetGeneratorConfig, weights: Weights, rewrites: Rewrites, weight_type: type) -> None:
        self.config = config
        self.rewrites = rewrites
        self.graph = Graph("impasto")
        self.layers = StyledGraph(self.graph, weights, weight_type)

    def build(self) -> onnx.ModelProto:
        around = PictureGraph(self.graph, 1, SIZE_MULTIPLE, self.rewrites.bytes_first)
        frame = around.inputs(self.config.style_size)
        picture = around.read(frame)
        painted = around.from_net(self._head(self._net(self._stem(around.centred(picture, RIM)))))
        return around.model(picture, painted, frame)

    def _stem(self, picture: str) -> str:
        """Of a picture in planes that has its rim; 0..255 becomes −1..1 but for a constant, which the norm takes."""
        return self.graph.op("Conv", picture, self.layers.weight("down.0.weight", factor=2 / WHITE))

    def _net(self, stem: str) -> str:
        """What the stem makes of the picture → what the head reads."""
        layers, (full, half, quarter) = self.layers, self.config.widths
        x = layers.relu(layers.norm(stem, full))
        for level, width in ((1, half), (2, quarter)):
            weight = layers.weight(f"down.{level}.weight")
            smaller = self.graph.op("Conv", x, weight, strides=[2, 2], pads=[1, 1, 1, 1])
            x = layers.relu(layers.norm(smaller, width))
        for number in range(self.config.blocks):
            x = layers.residual(x, f"blocks.{number}", quarter)
        for level, width in ((0, half), (1, full)):
            x = layers.relu(layers.norm(self._doubled(x, f"up.{level}"), width))
        return x

    def _doubled(self, x: str, place: str) -> str:
        if self.config.upsampling == RESIZE:
            return self.layers.resize_conv(x, place, rewritten=self.rewrites.net)
        weight = self.layers.weight(f"{place}.weight")
        return self.graph.op("ConvTranspose", x, weight, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])

    def _head(self, x: str) -> str:
        """The last convolution and its tanh, −1..1 brought to 0..255."""
        g, layers = self.graph, self.layers
        drawn = g.op("Conv", layers.reflect(x, RIM), layers.weight("head.weight"), layers.weight("head.bias"))
        return g.op("Add", g.op("Mul", g.op("Tanh", drawn), g.constant(WHITE / 2)), g.constant(WHITE / 2))
