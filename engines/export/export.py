"""From a net of any family to a style file. Needs no torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from engines.errors import BadValue
from engines.networks.family import REWRITTEN, TABLE, Config, Rewrites, Weights, config_of, family_of, open_family
from engines.networks.picture_graph import WHITE
from engines.style.styles import NamedStyle, StyleCard, StyleFile, save_style

if TYPE_CHECKING:
    from torch import nn

MOST_WEIGHT = float(np.finfo(np.float16).max)


def export_style(
    path: Path,
    *,
    network: str,
    config: Config,
    weights: Weights,
    styles: Sequence[NamedStyle],
    name: str,
    licence: str,
    training: Mapping[str, Any],
    figures: Mapping[str, Any] | None = None,
) -> None:
    """Writes a net as a style file: `network` is its family, `config` and `weights` are what the family takes.

    ImpastoError where there is no such family, and BadValue for weights that training has lost.
    """
    family = open_family(network)
    largest = np.max([np.abs(values).max(initial=0) for values in weights.values()])  # NaN where one is
    if not np.isfinite(largest):
        raise BadValue(f"{path} is not written: weights of its net are not finite; train with a lower --learning-rate")
    if largest > MOST_WEIGHT:
        raise BadValue(
            f"{path} is not written: weights of its net reach {largest:g}, and style files hold {MOST_WEIGHT:g}"
        )
    card = StyleCard(
        name=name,
        network={"name": network, "config": dict(config)},
        styles=tuple(styles),
        size_multiple=family.size_multiple(config),
        state=family.state(config),
        preprocessing={"layout": "NHWC RGB uint8", "scale": 1 / WHITE, "output_scale": WHITE},
        licence=licence,
        training=dict(training),
        figures=dict(figures or {}),
    )
    save_style(path, family.graph(config, weights, rewrites=REWRITTEN, weight_type=np.float16), card)


def weights_and_styles(net: "nn.Module") -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What a style file keeps of a torch net: its weights by name, and its table of style vectors float32 [N, S]."""
    state = {name: tensor.detach().float().cpu().numpy() for name, tensor in net.state_dict().items()}
    styles = state.pop(TABLE)
    return state, styles


def graph_of(style: StyleFile, rewrites: Rewrites) -> onnx.ModelProto:
    """The graph of a style's net with these rewrites, written anew from its weights, in float32.

    A copy of the file's own graph where nobody here knows the net's family; EngineRefused where card and weights do not
    fit each other.
    """
    family = family_of(style)
    if family is None:
        copy = onnx.ModelProto()
        copy.CopyFrom(style.model)
        return copy
    with config_of(style) as config:
        return family.graph(config, style.weights(), rewrites=rewrites, weight_type=np.float32)
