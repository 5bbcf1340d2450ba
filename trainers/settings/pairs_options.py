"""Settings of the recipe for painted frames, apart from it so that the command line need not load torch."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from engines.errors import BadValue
from engines.setting import Setting, check_settings
from trainers.settings.distil_options import (
    DistilLayers,
    FeatureWeight,
    PixelWeight,
)
from trainers.settings.options import (
    LEAST_SIZE,
    Average,
    GridWeight,
    LearningRate,
    Licence,
    Precision,
    RangeWeight,
    Resume,
    SampleEvery,
    SaveEvery,
    Seed,
    SeedAmplitude,
    StabilityStart,
    StabilityWeight,
    Workers,
    networks,
    plain,
)


@dataclass(frozen=True, slots=True)
class PairsOptions:
    """One run in which a net learns to paint frames as somebody painted some of them; lengths in pixels."""

    folder: Annotated[
        Path,
        Setting("Frames and what was painted of them: 12.png and 12-painted.png.", by_place=True, written="FOLDER"),
    ]
    out: Annotated[Path, Setting("The style file to write; the run's folder lies beside it.")]
    network: Annotated[str, Setting("fast, fine, ultra or paper; it must be that of --initial.", choices=networks)] = (
        "fast"
    )
    steps: Annotated[int, Setting("Length of the run.", least=1)] = 800
    batch: Annotated[int, Setting("Crops in a step.", least=1)] = 2
    size: Annotated[int, Setting("Side of the crops, in pixels.", least=LEAST_SIZE)] = 224
    lines: Annotated[int, Setting("Short side of the frames that crops are taken from.", least=LEAST_SIZE)] = 360
    sensor_noise: Annotated[
        float, Setting("Noise on the frames that the net sees, 0 up to this deviation.", least=0, most=0.5)
    ] = 0.02
    pixel_weight: PixelWeight = 10.0
    feature_weight: FeatureWeight = 2.0
    feature_layers: DistilLayers = ("relu1_2", "relu2_2", "relu3_3")
    brush_weight: Annotated[
        float, Setting("Weight of strokes being like those painted, wherever they lie.", least=0)
    ] = 10.0
    range_weight: RangeWeight = 10.0
    grid_weight: GridWeight = 100.0
    stability_weight: StabilityWeight = 4.0
    stability_start: StabilityStart = 0.5
    seed_amplitude: SeedAmplitude = None
    learning_rate: LearningRate = 2e-3
    average_decay: Average = 0.99
    initial: Annotated[
        Path | None,
        Setting("Start from this checkpoint or style file, such as gallery.fine; else from the gallery."),
    ] = None
    seed: Seed = 0
    workers: Workers = 0
    precision: Precision = "auto"
    save_every: SaveEvery = 200
    sample_every: SampleEvery = 200
    resume: Resume = False
    licence: Licence = ""

    def __post_init__(self) -> None:
        check_settings(self)
        if self.out.suffix != ".onnx":
            raise BadValue(f"out is {self.out}; a style file is called .onnx")
        if self.size > self.lines:
            raise BadValue(f"size is {self.size} and lines {self.lines}; give a size that fits into the frames")

    @property
    def content(self) -> tuple[Path, ...]:
        """Where the frames are."""
        return (self.folder,)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The side of the crops, in every step."""
        return (self.size,)

    @property
    def max_scale(self) -> float:
        """Of the frames, in sides of a crop."""
        return self.lines / self.size

    @property
    def misexposed(self) -> float:
        """A painted frame is of its own light."""
        return 0.0

    @property
    def validation(self) -> None:
        """The figures are of the pairs themselves."""

    @property
    def run_folder(self) -> Path:
        """Where checkpoints, sample sheets and logs of this run go: beside the style file."""
        return self.out.with_suffix(".run")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, for the checkpoint and the style card."""
        return {name: plain(value) for name, value in asdict(self).items()}
