"""Style files of small autoencoders with random weights."""

from pathlib import Path

import torch

from engines.export.export import export_style, weights_and_styles
from engines.networks.vae.config import VaeConfig
from engines.networks.vae.net import Vae
from engines.style.styles import NamedStyle, StyleFile, load_style

SHAPES = {
    "styled": VaeConfig(widths=(6, 8), blocks=1, latent=4, statistics=(0, 1)),
    "deep": VaeConfig(widths=(4, 6, 8), blocks=1, latent=4, statistics=(1,)),
    "plain": VaeConfig(widths=(6, 8), blocks=1, latent=4),
}


def random_vae(shape: str, styles: int = 1) -> Vae:
    """A new net, biases and all by chance, whose output is neither flat nor clipped."""
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        net = Vae(SHAPES[shape], styles)
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                if name.endswith("bias"):
                    parameter.add_(0.05 * torch.randn(parameter.shape))
            net.styles.add_(0.2 * torch.randn(net.styles.shape))
            net.head.weight *= 0.6  # as mild as a trained net, which int8 is made for
    return net.eval()


def write_vae_style(path: Path, net: Vae) -> StyleFile:
    weights, vectors = weights_and_styles(net)
    styles = [NamedStyle(f"style{number}", vector) for number, vector in enumerate(vectors)]
    export_style(
        path, network="vae", config=net.config.to_dict(), weights=weights, styles=styles, name=path.stem,
        licence="CC0-1.0", training={},
    )  # fmt: skip
    return load_style(str(path))
