"""The seed texture in a style file's graph: what the stem makes of it, to be added to what it makes of the picture.

A convolution is linear, so the texture need not be added to the picture itself: the stem can read the frame's bytes as
they are, and what it makes of the texture depends on the size alone. A runtime that knows the size computes it once.
"""

import numpy as np

from engines.networks.graph import Graph
from engines.networks.transform.seed_texture import PERIOD_PX, STEPS, seed_tile


def stem_of_texture(g: Graph, size: str, weight: str, *, factor: int, kernel: int, amplitude: float) -> str:
    """[1, out, h, w]: the stem's convolution of the seed texture, at the size int64 [2] of the folded picture.

    `weight` [out, 3·f², k, k] is the net's own, colour first, for pictures in 0..1 folded by `factor`. The texture is
    grey: it meets the sum over the colours.
    """
    texture = _cut(g, _folded_tile(g, factor), size, PERIOD_PX // factor)
    rim = kernel // 2
    padded = g.op("Pad", texture, g.ints(0, 0, rim, rim, 0, 0, rim, rim), mode="reflect")
    by_colour = g.op("Reshape", weight, g.ints(0, 3, factor**2, kernel, kernel))
    grey = g.op("ReduceSum", by_colour, g.ints(1), keepdims=0)
    return g.op("Conv", padded, g.op("Mul", grey, g.constant(amplitude / STEPS)))


def _folded_tile(g: Graph, factor: int) -> str:
    """float32 [1, f², P/f, P/f]: the tile as pixel_unshuffle folds it; kept in the file as bytes."""
    side = PERIOD_PX // factor
    blocks = seed_tile().reshape(side, factor, side, factor).transpose(1, 3, 0, 2)
    return g.cast(g.constant(blocks.reshape(1, factor**2, side, side), np.int8))


def _cut(g: Graph, tile: str, size: str, period: int) -> str:
    """The tile repeated from its corner over the whole of a picture of this size."""
    times = g.op("Div", g.op("Add", size, g.ints(period - 1)), g.ints(period))
    repeated = g.op("Tile", tile, g.op("Concat", g.ints(1, 1), times, axis=0))
    return g.op("Slice", repeated, g.ints(0, 0), size, g.ints(2, 3))
