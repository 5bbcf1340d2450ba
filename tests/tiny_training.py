"""What makes a training run a matter of seconds: a net of a few channels, and a loss network of random weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from engines.networks.transform import config as transform_config
from engines.networks.transform.config import TransformConfig
from trainers import motion
from trainers.losses import patches, wasserstein
from trainers.losses.perceptual import PerceptualNet, load_perceptual
from trainers.run import loop, run_folder

TINY = TransformConfig(widths=(4, 6), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3, seed_amplitude=0.05)
FULL_SHEETS, SMALL_SHEETS = run_folder.SAMPLE_HEIGHT, 60


def sheets_of(height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples so high; those of full size take longer than all steps of a short run."""
    monkeypatch.setattr(run_folder, "SAMPLE_HEIGHT", height)


def warm_up_of(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The learning rate is up after so many: after the usual 100, a short run has hardly begun to learn."""
    monkeypatch.setattr(loop, "WARM_UP_STEPS", steps)


def plain_textures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise for all seed textures: to draw the six of the gallery takes seconds, and two steps see little of them."""
    sheet = np.random.default_rng(0).standard_normal((motion.SHEET_PX, motion.SHEET_PX), np.float32)
    monkeypatch.setattr(motion, "_sheet", lambda texture: sheet)


def few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """A painting is measured at a sixth of the places: to sort them all takes longer than all steps of a short run."""
    for module in (patches, wasserstein):
        monkeypatch.setattr(module, "PLACES_OF_A_PAINTING", 4096)


@contextmanager
def tiny_preset(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`--network tiny`, so small that threads would only wait for each other; small samples, and few places sorted."""
    monkeypatch.setitem(transform_config.PRESETS, "tiny", TINY)
    sheets_of(SMALL_SHEETS, monkeypatch)
    few_places(monkeypatch)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def precisions_of_loss_networks(recipe: str, monkeypatch: pytest.MonkeyPatch) -> list[torch.dtype | None]:
    """What those that the recipe loads from now on compute in, where the run's `--precision` asks for bf16."""
    loaded: list[torch.dtype | None] = []

    def load(spec: str, precision: torch.dtype | None = None) -> PerceptualNet:
        loaded.append(precision)
        return load_perceptual(spec, precision)

    monkeypatch.setattr(f"trainers.{recipe}.load_perceptual", load)
    monkeypatch.setattr(f"trainers.{recipe}.loss_precision", {"auto": torch.bfloat16}.get)
    return loaded


def loss_network() -> dict[str, torch.Tensor]:
    """The distilled layout down to relu4_1, of random weights."""
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "conv0": (3, 3, 1), "conv11": (8, 3, 3), "conv12": (8, 8, 3), "conv21": (12, 8, 3), "conv22": (12, 12, 3),
        "conv31": (12, 12, 3), "conv32": (12, 12, 3), "conv33": (12, 12, 3), "conv34": (12, 12, 3),
        "conv41": (16, 12, 3),
    }  # fmt: skip
    tensors = {
        f"{name}.weight": torch.randn(o, i, k, k, generator=generator) * 0.3 for name, (o, i, k) in shapes.items()
    }
    return tensors | {f"{name}.bias": torch.zeros(shape[0]) for name, shape in shapes.items()}
