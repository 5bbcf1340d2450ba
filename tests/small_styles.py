"""Style files of small nets with random weights, for tests of everything that runs a style.

They bear a low precision as a trained net does, bf16 by some 6 dB more than the gate asks: what the head writes
deviates by an eighth of the range around its middle. A louder head cuts the picture to black and white, and enlarges
whatever was rounded before it. One net is loud on purpose: bf16 is refused for it, and fp32 is not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from engines.export.export import export_style
from engines.networks.transform.config import TransformConfig
from engines.networks.transform.net import TransformNet
from engines.style.styles import NamedStyle, StyleFile, load_style

SMALL = TransformConfig(widths=(4, 6, 8), blocks=1, refine_blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3)
NAMES = ("waves", "night")
DEVIATION = 0.2
HEAD_DEVIATION, HEAD_BIAS = 0.03, 0.5
LOUD = 2.0


def write_small_style(
    path: Path,
    *,
    name: str = "small",
    names: tuple[str, ...] = NAMES,
    seed: int = 0,
    config: TransformConfig = SMALL,
    head_deviation: float = HEAD_DEVIATION,
) -> StyleFile:
    """A style file with one random style for each of the names."""
    generator = torch.Generator().manual_seed(seed)
    net = TransformNet(config, len(names))
    weights = {
        key: (torch.randn(value.shape, generator=generator) * DEVIATION).numpy()
        for key, value in net.state_dict().items()
        if key != "styles"
    }
    weights["head.weight"] *= head_deviation / DEVIATION
    weights["head.bias"] = weights["head.bias"] * head_deviation / DEVIATION + np.float32(HEAD_BIAS)
    neutral = net.neutral_style().numpy()
    random = np.random.default_rng(seed)
    styles = [NamedStyle(each, neutral + random.normal(0, 0.3, neutral.shape), title=each.title()) for each in names]
    export_style(
        path,
        network="transform",
        config=config.to_dict(),
        weights=weights,
        styles=styles,
        name=name,
        licence="CC0-1.0",
        training={"steps": 0},
    )
    return load_style(str(path))


def write_style_beyond_bf16(path: Path) -> StyleFile:
    """fp32 agrees with the reference on it, and bf16 misses the floor by 10 dB, far more than processors differ by."""
    return write_small_style(path, name="loud", head_deviation=LOUD)


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
