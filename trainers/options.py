"""Settings of the recipes, apart from them so that the command line can read the defaults without torch."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines.errors import BadValue

LOSSES = ("wasserstein", "gram")
LEAST_SIZE = 32
STARTS = ("content", "noise", "net")
OPTIMISERS = ("adam", "lbfgs")
# A picture by optimisation is so long at most where no size is asked for: a minute or a few on one core.
LARGEST_PX = 1024
LEAST_PICTURE_PX = 32
# A style picture of stroke 1 is as long as a picture of this width, the one that a webcam gives.
STROKE_REFERENCE_PX = 640
ALL_STYLE_LAYERS = (
    "relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu3_4", "relu4_1",
)  # fmt: skip


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
    other_sizes: tuple[int, ...] = ()
    max_scale: float = 1.6
    sensor_noise: float = 0.012
    stroke: float = 1.4
    loss: str = "wasserstein"
    octaves: int = 3
    detail_floor: float = 0.1
    loss_network: str = "5se"
    content_layers: tuple[str, ...] = ("relu3_1", "relu4_1")
    style_layers: tuple[str, ...] = ALL_STYLE_LAYERS
    content_weight: float = 2.0
    style_weight: float = 15.0
    style_weights: tuple[tuple[str, float], ...] = ()
    samples: int = 2048
    slices: int = 12
    tv_weight: float = 2.0
    range_weight: float = 10.0
    grid_weight: float = 100.0
    comb_weight: float = 5.0
    tone_weight: float = 0.5
    structure_weight: float = 0.8
    stability_weight: float = 8.0
    stability_start: float = 0.67
    seed_amplitude: float | None = None
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
        for name in ("steps", "batch", "size", "octaves", "samples", "slices", "save_every", "sample_every"):
            if getattr(self, name) < 1:
                raise BadValue(f"{name} is {getattr(self, name)}; give a number of at least 1")
        if any(size < LEAST_SIZE for size in self.other_sizes):
            raise BadValue(f"other_sizes are {self.other_sizes}; give sides of crops of at least {LEAST_SIZE}")
        if not 0 <= self.stability_start <= 1:
            raise BadValue(f"stability_start is {self.stability_start}; give a part of the run from 0 to 1")
        if not 0.25 <= self.stroke <= 4:
            raise BadValue(f"stroke is {self.stroke}; give the size of the style pictures, from 0.25 to 4")
        if not 0 <= self.sensor_noise <= 0.5:
            raise BadValue(f"sensor_noise is {self.sensor_noise}; give a deviation from 0 to 0.5")
        if not 0 <= self.detail_floor <= 1:
            raise BadValue(f"detail_floor is {self.detail_floor}; give a part from 0 to 1")
        if self.loss not in LOSSES:
            raise BadValue(f"loss is {self.loss!r}; choose {' or '.join(LOSSES)}")
        if self.precision not in ("auto", "no", "bf16", "fp16"):
            raise BadValue(f"precision is {self.precision!r}; choose auto, no, bf16 or fp16")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sides of the crops; every step takes one of them."""
        return (self.size, *self.other_sizes)

    @property
    def style_size(self) -> int:
        """Long side of the style pictures, in pixels: strokes are as large as theirs."""
        return round(self.stroke * STROKE_REFERENCE_PX)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class GatysOptions:
    """One picture by optimisation (trainers.gatys); lengths in pixels, weights relative unless `paper_factors`.

    `style_images` are pictures with their weights; `masks`, where there are any, tell for each of them where it is to
    be: where its mask is white. The style layer `input` is the colours themselves: without it, strokes have fringes of
    colours that the painting has not. `size` is the long side of the result; None the photo's, LARGEST_PX at most.
    """

    style_images: tuple[tuple[Path, float], ...] = ()
    masks: tuple[Path, ...] = ()
    loss: str = "wasserstein"
    iterations: int = 240
    size: int | None = None
    stroke: float = 1.5
    start: str = "content"
    optimiser: str = "adam"
    learning_rate: float = 0.03
    content_weight: float = 1.5
    style_weight: float = 15.0
    tv_weight: float = 5.0
    range_weight: float = 10.0
    content_layers: tuple[str, ...] = ("relu3_1", "relu4_1")
    style_layers: tuple[str, ...] = ("input", *ALL_STYLE_LAYERS)
    loss_network: str = "5se"
    detail_floor: float = 0.1
    detail_local: float = 0.65
    octaves: int = 3
    levels: int = 5
    least_size: int = 128
    samples: int = 4096
    slices: int = 24
    paper_factors: bool = False
    tile: int = 512
    preview_every: int = 20
    seed: int = 0
    resume: bool = False

    def __post_init__(self) -> None:
        if not self.style_images:
            raise BadValue("style_images is empty; give --style-image PICTURE")
        for path, weight in self.style_images:
            if not 0 < weight <= 1000:
                raise BadValue(f"the weight of {path} is {weight}; give one above 0, such as {path}=0.5")
        if len(self.masks) not in (0, len(self.style_images)):
            raise BadValue(
                f"there are {len(self.masks)} masks for {len(self.style_images)} style images; give one --mask for each"
            )
        _check_choice("loss", self.loss, LOSSES)
        _check_choice("start", self.start, STARTS)
        _check_choice("optimiser", self.optimiser, OPTIMISERS)
        for name in ("iterations", "octaves", "levels", "samples", "slices", "preview_every"):
            _check_range(name, getattr(self, name), 1, 1_000_000)
        for name in ("content_weight", "style_weight", "tv_weight", "range_weight"):
            _check_range(name, getattr(self, name), 0, 1e9)
        _check_range("stroke", self.stroke, 0.25, 4)
        _check_range("detail_floor", self.detail_floor, 0, 1)
        _check_range("detail_local", self.detail_local, 0, 1)
        _check_range("learning_rate", self.learning_rate, 1e-6, 10)
        _check_range("size", self.size or LEAST_PICTURE_PX, LEAST_PICTURE_PX, 16_384)
        _check_range("least_size", self.least_size, LEAST_PICTURE_PX, 16_384)
        _check_range("tile", self.tile, 64, 16_384)
        if self.paper_factors and self.loss != "gram":
            raise BadValue(f"paper_factors is for Gram matrices and loss is {self.loss!r}; give --loss gram")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and for the saved state."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BadValue(f"{name} is {value!r}; choose {', '.join(choices[:-1])} or {choices[-1]}")


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise BadValue(f"{name} is {value}; give {least:g} to {most:g}")


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
