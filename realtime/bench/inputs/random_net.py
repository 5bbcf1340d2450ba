"""Style files of nets that nobody has trained: speed does not depend on what the weights say, only on their shapes.

The weights are drawn from a fixed seed with the deviation of He et al. 2015 (arXiv 1502.01852), so that the values
inside the net are of the size that they have in a trained one, and the gate and low precisions mean something.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from engines.export.export import export_style
from engines.networks.transform.config import PRESETS, SETTLED_GAIN, TransformConfig
from engines.style.styles import NamedStyle

SEED = 20160327
STYLE = "random"


def write_random_style(path: Path, preset: str) -> Path:
    """A style file of the preset's net with random weights; KeyError where there is no such preset."""
    config = PRESETS[preset]
    random = np.random.default_rng(SEED)
    weights = {name: _draw(random, shape) * _brought_up(name, config) for name, shape in weight_shapes(config)}
    export_style(
        path,
        network="transform",
        config=config.to_dict(),
        weights=weights,
        styles=[NamedStyle(STYLE, _neutral_style(config))],
        name=f"{preset}-random",
        licence="CC0-1.0",
        training={"steps": 0},
    )
    return path


def weight_shapes(config: TransformConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The names and shapes of a transform net's weights, as in its state dict less `styles`."""
    widths, picture = config.widths, config.picture_channels
    yield "down.0.weight", (widths[0], picture, config.stem_kernel, config.stem_kernel)
    for level, (inner, outer) in enumerate(pairwise(widths), start=1):
        yield f"down.{level}.weight", (outer, inner, 3, 3)
    yield from _blocks("blocks", config.blocks, widths[-1])
    for level, (inner, outer) in enumerate(pairwise(widths[::-1])):
        yield f"up.{level}.weight", (outer, inner, 3, 3)
    yield from _blocks("refine", config.refine_blocks, widths[-2] if len(widths) > 1 else 0)
    yield "head.weight", (picture, widths[0], config.head_kernel, config.head_kernel)
    yield "head.bias", (picture,)
    if config.detail:
        yield "detail.weight", (picture, picture, 1, 1)


def _blocks(place: str, count: int, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for number in range(count):
        for conv in ("conv1", "conv2"):
            yield f"{place}.{number}.{conv}.weight", (width, width, 3, 3)


def _draw(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    inputs = int(np.prod(shape[1:])) if len(shape) > 1 else 1
    deviation = np.sqrt(2 / inputs) if len(shape) > 1 else 0.1
    drawn: np.ndarray = (random.standard_normal(shape) * deviation).astype(np.float32)
    return drawn


def _brought_up(name: str, config: TransformConfig) -> np.float32:
    """Half of what a settled norm behind these weights divides by: nothing else holds the sum of the blocks down."""
    settled = config.settled and name.startswith(("blocks.", "up.", "refine."))
    return np.float32(0.5 / SETTLED_GAIN if settled else 1)


def _neutral_style(config: TransformConfig) -> np.ndarray:
    """Every scale 1, every shift 0, and as much of every texture."""
    pairs = [np.repeat(np.array([1, 0], np.float32), channels) for channels in config.norm_channels]
    shares = config.shares_at.stop - config.shares_at.start
    return np.concatenate([*pairs, np.full(shares, config.even_share, np.float32)])
