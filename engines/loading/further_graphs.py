"""What a style file's net can do beside painting, where its family has graphs for it: run without torch.

The runtimes are those of the gate's references, and the weights those in the file.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engines.errors import EngineRefused
from engines.gate.reference import open_graph
from engines.networks.family import BuildFurtherGraph, config_of, family_of
from engines.style.predictor import has_predictor, predictor_path, read_predictor
from engines.style.styles import StyleFile

if TYPE_CHECKING:
    import onnx

STATISTICS, DREAM = "statistics", "dream"
TRIAL_PX = 64


def offers(style: StyleFile, graph: str) -> bool:
    """Whether the family of the style's net writes such a graph of it, or a predictor of statistics lies beside it.

    EngineRefused where its config does not fit.
    """
    return _of_family(style, graph) is not None or (graph == STATISTICS and has_predictor(style))


def open_statistics(style: StyleFile) -> Callable[[np.ndarray], np.ndarray]:
    """From a picture uint8 [H, W, 3] to its style vector float32 [S]; EngineRefused where the net offers none."""
    trial = {"frame": np.zeros((1, TRIAL_PX, TRIAL_PX, 3), np.uint8)}
    reads_itself = _of_family(style, STATISTICS) is not None or not has_predictor(style)
    graph = _written(style, STATISTICS) if reads_itself else read_predictor(style)
    run = open_graph(graph, trial, ["style"])

    def statistics(picture: np.ndarray) -> np.ndarray:
        return np.asarray(run({"frame": picture[None]}, ["style"])[0], np.float32).reshape(-1)

    return statistics


def reader_of(style: StyleFile) -> str:
    """The hash of all that decides what `open_statistics` tells of a picture."""
    if _of_family(style, STATISTICS) is None and has_predictor(style):
        return hashlib.sha256(predictor_path(style).read_bytes()).hexdigest() + style.sha256
    return style.sha256


@dataclass(frozen=True, slots=True)
class Dream:
    """Draws pictures of latents: `draw` takes float32 [channels, h, w], gives uint8 [factor·h, factor·w, 3]."""

    channels: int
    factor: int
    draw: Callable[[np.ndarray], np.ndarray]


def open_dream(style: StyleFile) -> Dream:
    """The decoder of the style's net; EngineRefused where the net offers none."""
    model = _written(style, DREAM)
    channels = int(model.graph.input[0].type.tensor_type.shape.dim[1].dim_value)
    run = open_graph(model, {"latent": np.zeros((1, channels, 4, 4), np.float32)}, ["picture"])
    return Dream(
        channels, style.card.size_multiple, lambda latent: np.asarray(run({"latent": latent[None]}, ["picture"])[0][0])
    )


def _of_family(style: StyleFile, graph: str) -> BuildFurtherGraph | None:
    family = family_of(style)
    if family is None:
        return None
    with config_of(style) as config:
        return family.further_graphs(config).get(graph)


def _written(style: StyleFile, graph: str) -> "onnx.ModelProto":
    build = _of_family(style, graph)
    if build is None:
        raise EngineRefused(f"the net in {style.path.name} has no graph {graph!r}; choose a style file whose net has")
    with config_of(style) as config:
        return build(config, style.weights())
