"""The variational autoencoder as a family of networks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engines.networks.family import BuildFurtherGraph, Config, NetworkFamily
from engines.networks.vae.config import VaeConfig
from engines.networks.vae.graph import build_dream, build_model, build_statistics

if TYPE_CHECKING:
    from engines.networks.vae.net import Vae

FLOAT_BYTES = 4


def widest_bytes_per_px(config: Config) -> float:
    """4·(2a + a/2) of the net's widest stage: a channels at full size, padded for the head, and the small map.

    Measured with OpenCV 5 at 1280x720, the picture included (gate/memory.py): 400 bytes a pixel for a net of a = 32
    (370 by the formula), 195 for one of 16 (210), and 384 for one of 32 that goes down to an eighth.
    """
    return FLOAT_BYTES * 2.5 * VaeConfig.from_dict(config).widths[0]


def _net(config: Config, styles: int) -> "Vae":
    from engines.networks.vae.net import Vae

    return Vae(VaeConfig.from_dict(config), styles)


def _further_graphs(config: Config) -> Mapping[str, BuildFurtherGraph]:
    takes_pictures = {"statistics": build_statistics} if VaeConfig.from_dict(config).statistics else {}
    return {**takes_pictures, "dream": build_dream}


FAMILY = NetworkFamily(
    net=_net,
    graph=build_model,
    title="autoencoder (VAE)",
    size_multiple=lambda config: VaeConfig.from_dict(config).factor,
    bytes_per_px=widest_bytes_per_px,
    further_graphs=_further_graphs,
)
