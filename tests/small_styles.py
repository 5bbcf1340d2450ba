"""Style files of small nets with random weights, for tests of everything that runs a style."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from engines.export import export_style
from engines.networks.transform import TransformNet
from engines.networks.transform_config import TransformConfig
from engines.style import NamedStyle, StyleFile, load_style

SMALL = TransformConfig(widths=(4, 6, 8), blocks=1, refine_blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3)
NAMES = ("waves", "night")


def write_small_style(
    path: Path,
    *,
    name: str = "small",
    names: tuple[str, ...] = NAMES,
    seed: int = 0,
    config: TransformConfig = SMALL,
) -> StyleFile:
    """A style file with one random style for each of the names."""
    generator = torch.Generator().manual_seed(seed)
    net = TransformNet(config, len(names))
    weights = {
        key: (torch.randn(value.shape, generator=generator) * 0.2).numpy()
        for key, value in net.state_dict().items()
        if key != "styles"
    }
    neutral = net.neutral_style().numpy()
    random = np.random.default_rng(seed)
    styles = [NamedStyle(each, neutral + random.normal(0, 0.3, neutral.shape), title=each.title()) for each in names]
    export_style(
        path,
        config=config.to_dict(),
        weights=weights,
        styles=styles,
        name=name,
        licence="CC0-1.0",
        training={"steps": 0},
    )
    return load_style(str(path))


@contextmanager
def one_thread_for_torch() -> Iterator[None]:
    """On frames this small, torch's threads only wait for each other, seconds long where the cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_frame(height: int, width: int, seed: int = 0) -> np.ndarray:
    """uint8 [height, width, 3], every value as likely as any other."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
