"""The layers that nets of several families share, as nodes: their torch twins are in engines/networks/transform/net.py.

The initialisers `net.*` are the net's own weights, in half precision and under its own names, so that a style file can
be turned back into the net.
"""

import numpy as np

from engines.networks.family import Weights
from engines.networks.graph import Graph
from engines.networks.transform.config import NORM_EPSILON, SETTLED_GAIN


class StyledGraph:
    """Adds layers to `graph`, which has an input `style`: each norm takes the next scale and shift of it."""

    def __init__(self, graph: Graph, weights: Weights, weight_type: type) -> None:
        self.graph = graph
        self._weights = weights
        self._weight_type = weight_type
        self._style_at = 0
        self._stored: dict[str, str] = {}

    def shape(self, place: str) -> tuple[int, ...]:
        """The shape of the layer's kernel."""
        return self._weights[f"{place}.weight"].shape

    def weight(self, place: str, *, factor: float = 1.0) -> str:
        """The net's weight as float32, times a factor."""
        if place not in self._stored:
            stored = self.graph.weight(f"net.{place}", self._weights[place].astype(self._weight_type))
            self._stored[place] = self.graph.cast(stored) if self._weight_type is not np.float32 else stored
        value = self._stored[place]
        return value if factor == 1.0 else self.graph.op("Mul", value, self.graph.constant(factor))

    def style(self, width: int) -> tuple[str, str]:
        """Scale and shift of the next norm, each float32 [width]."""
        start, self._style_at = self._style_at, self._style_at + 2 * width
        middle = start + width
        return self.graph.slice("style", start, middle, 0), self.graph.slice("style", middle, self._style_at, 0)

    def norm(self, x: str, width: int, *, settled: bool = False) -> str:
        """The next norm; one that is settled only scales and shifts."""
        g, (scale, shift) = self.graph, self.style(width)
        if not settled:
            return g.op("InstanceNormalization", x, scale, shift, epsilon=NORM_EPSILON)
        gain, shape = g.op("Mul", scale, g.constant(SETTLED_GAIN)), g.ints(1, width, 1, 1)
        return g.op("Add", g.op("Mul", x, g.op("Reshape", gain, shape)), g.op("Reshape", shift, shape))

    def relu(self, x: str) -> str:
        return self.graph.op("Relu", x)

    def reflect(self, x: str, by: int) -> str:
        return self.graph.op("Pad", x, self.graph.ints(0, 0, by, by, 0, 0, by, by), mode="reflect") if by else x

    def bias(self, place: str, *, factor: float = 1.0) -> list[str]:
        """The layer's bias, where it has one."""
        name = f"{place}.bias"
        return [self.weight(name, factor=factor)] if name in self._weights else []

    def conv(self, x: str, place: str, *, stride: int = 1) -> str:
        """A convolution after reflection padding."""
        parts = [self.weight(f"{place}.weight"), *self.bias(place)]
        return self.graph.op("Conv", self.reflect(x, self.shape(place)[-1] // 2), *parts, strides=[stride, stride])

    def residual(self, x: str, place: str, width: int, *, settled: bool = False) -> str:
        y = self.relu(self.norm(self.conv(x, f"{place}.conv1"), width, settled=settled))
        return self.graph.op("Add", x, self.norm(self.conv(y, f"{place}.conv2"), width, settled=settled))

    def resize_conv(self, x: str, place: str, *, rewritten: bool, factor: float = 1.0) -> str:
        """Nearest ×2, reflection pad 1, 3×3 convolution; exactly the same by four 2×2 kernels where `rewritten`.

        What comes out is multiplied by `factor`.
        """
        g = self.graph
        weight, bias = self.weight(f"{place}.weight", factor=factor), self.bias(place, factor=factor)
        out, channels = self.shape(place)[:2]
        if not rewritten:
            scales = g.constant([1.0, 1.0, 2.0, 2.0])
            big = g.op(
                "Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )  # fmt: skip
            return g.op("Conv", self.reflect(big, 1), weight, *bias)
        padded = g.op("Pad", x, g.ints(0, 0, 1, 1, 0, 0, 1, 1), mode="edge")
        biases = [g.op("Tile", each, g.ints(4)) for each in bias]
        phases = g.op("Conv", padded, self._phase_kernels(weight, out, channels), *biases)
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
