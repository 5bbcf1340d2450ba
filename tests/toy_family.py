"""A second family of networks as another package adds it: two convolutions, and a style that scales and shifts between.

It says no more than a family has to, and which layer typed graphs leave in float32. Its torch net is in toy_net.py, for
whoever looks at the family alone must not load torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from engines.export.export import export_style, weights_and_styles
from engines.networks.family import Config, NetworkFamily, Rewrites, Weights
from engines.networks.graph import Graph
from engines.networks.picture_graph import WHITE, PictureGraph
from engines.style.state import StateInput
from engines.style.styles import NamedStyle, StyleFile, load_style

if TYPE_CHECKING:
    from toy_net import ToyNet

NAME = "toy"
CONFIG = {"channels": 6}
REMEMBERING = {"channels": 6, "remembers": True}  # what the net sees is the mean of the frame and the one before
STYLES = ("plain", "wild")


def build_graph(config: Config, weights: Weights, *, rewrites: Rewrites, weight_type: type) -> onnx.ModelProto:
    """frame → bytes to planes, conv 3×3, scale and shift by the style, ReLU, conv 3×3, and what is around any net."""
    g, channels = Graph(NAME), int(config["channels"])
    frame = g.input("frame", TensorProto.UINT8, [1, "height", "width", 3])
    for name, length in (("style", 2 * channels), ("strength", 1), ("keep_colour", 1)):
        g.input(name, TensorProto.FLOAT, [length])

    def convolved(x: str, layer: str) -> str:
        stored = [g.weight(f"net.{layer}.{part}", weights[f"{layer}.{part}"].astype(weight_type)) for part in PARTS]
        padded = g.op("Pad", x, g.ints(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect")
        return g.op("Conv", padded, *(g.cast(part) if weight_type is np.float16 else part for part in stored))

    around = PictureGraph(g, 1, 1, rewrites.bytes_first)
    picture = around.read(frame)
    planes = g.op("Mul", around.planes(picture), g.constant(1 / WHITE))
    if carried := state(config):
        before = g.input(carried[0].name, TensorProto.FLOAT, SIDES)
        g.output(g.op("Identity", planes), carried[0].output, TensorProto.FLOAT, SIDES)
        planes = g.op("Mul", g.op("Add", planes, before), g.constant(0.5))
    x = convolved(planes, "first")
    scale, shift = (
        g.op("Reshape", g.slice("style", at, at + channels, 0), g.ints(1, channels, 1, 1)) for at in (0, channels)
    )
    x = convolved(g.op("Relu", g.op("Add", g.op("Mul", x, scale), shift)), "last")
    painted = around.from_net(g.op("Mul", x, g.constant(WHITE)))
    stylized = around.write(around.blended(picture, painted), frame)
    g.output(stylized, "stylized", TensorProto.UINT8, [1, "height", "width", 3])
    return g.model()


PARTS = ("weight", "bias")
SIDES: list[int | str] = [1, 3, "height", "width"]


def state(config: Config) -> tuple[StateInput, ...]:
    return (StateInput("before", "float32", (1, 3, "H", "W"), 0.5, (0.0, 1.0)),) if config.get("remembers") else ()


def make_net(config: Config, styles: int) -> "ToyNet":
    from toy_net import ToyNet

    return ToyNet(config["channels"], styles, config.get("remembers", False))


FAMILY = NetworkFamily(net=make_net, graph=build_graph, state=state, wide_layers=("last.",))


@contextmanager
def installed(site: Path, target: str = "toy_family:FAMILY") -> Iterator[None]:
    """The entry point of a package with this family, here and in processes that are started here."""
    metadata = site / "toy-1.0.dist-info"
    metadata.mkdir(parents=True)
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    metadata.joinpath("entry_points.txt").write_text(f"[impasto.networks]\n{NAME} = {target}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        yield


def write_toy_style(path: Path, config: Config = CONFIG) -> StyleFile:
    """A style file from a torch net with random weights; the family is to be installed."""
    from toy_net import random_net

    weights, vectors = weights_and_styles(random_net(config["channels"], len(STYLES)))
    styles = [NamedStyle(name, vector) for name, vector in zip(STYLES, vectors, strict=True)]
    export_style(
        path, network=NAME, config=config, weights=weights, styles=styles, name=NAME, licence="CC0-1.0", training={}
    )
    return load_style(str(path))
