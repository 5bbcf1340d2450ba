"""Settings of the recipes, apart from them so that the command line can read the defaults without torch."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class JohnsonOptions:
    """One run of the transform net recipe; lengths in pixels, weights relative (see trainers.losses)."""

    styles: Path
    content: tuple[Path, ...]
    out: Path
    network: str = "fast"
    steps: int = 20_000
    batch: int = 4
    size: int = 256
    max_scale: float = 1.6
    style_size: int = 288
    loss_network: str = "vgg16"
    content_layers: tuple[str, ...] = ("relu3_3",)
    style_layers: tuple[str, ...] = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    content_weight: float = 1.0
    style_weight: float = 25.0
    style_weights: tuple[tuple[str, float], ...] = ()
    tv_weight: float = 0.3
    range_weight: float = 1.0
    grid_weight: float = 100.0
    tone_weight: float = 0.5
    stability_weight: float = 8.0
    stability_start: float = 0.5
    learning_rate: float = 2e-3
    average_decay: float = 0.999
    seed: int = 0
    workers: int = 2
    precision: str = "auto"
    save_every: int = 500
    sample_every: int = 500
    validation: Path | None = None
    initial: Path | None = None
    resume: bool = False
    licence: str = "CC0-1.0"

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "size", "style_size", "save_every", "sample_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number of at least 1")
        if not 0 <= self.stability_start <= 1:
            raise ValueError(f"stability_start is {self.stability_start}; give a part of the run from 0 to 1")
        if self.precision not in ("auto", "no", "bf16", "fp16"):
            raise ValueError(f"precision is {self.precision!r}; choose auto, no, bf16 or fp16")

    @property
    def run_folder(self) -> Path:
        """Where checkpoints, sample sheets and logs of this run go: beside the style file."""
        return self.out.with_suffix(".run")

    def weight_of(self, style: str) -> float:
        """The style weight of one style: its own where given, else the common one."""
        return dict(self.style_weights).get(style, self.style_weight)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, for the checkpoint and the style card."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
