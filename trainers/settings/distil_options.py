"""Settings of the recipe that follows another net, apart from it so that the command line need not load torch."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from engines.setting import Setting, check_settings
from trainers.settings.options import (
    LEAST_SIZE,
    Average,
    GridWeight,
    LearningRate,
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

DistilLayers = Annotated[
    tuple[str, ...],
    Setting("Where features are compared, separated by commas.", in_one_word=True, needed=True, written="LAYERS"),
]

PIXEL_WEIGHT, FEATURE_WEIGHT, FEATURE_LAYERS = 10.0, 2.0, ("relu1_2", "relu2_2", "relu3_3")
PixelWeight = Annotated[float, Setting("Weight of the distance in pixels.", least=0)]
FeatureWeight = Annotated[float, Setting("Weight of the distance in features.", least=0)]


@dataclass(frozen=True, slots=True)
class DistilOptions:
    """One run in which a fast net learns to paint as a teacher does; lengths in pixels, weights relative."""

    teacher: Annotated[str, Setting("The style to follow.", written="NAME|FILE[:NAME]")]
    content: Annotated[tuple[Path, ...], Setting("Folder of photos to learn on; give it again for more folders.")]
    out: Annotated[Path, Setting("The style file to write; the run's folder lies beside it.")]
    network: Annotated[str, Setting("fast, fine, ultra or paper.", choices=networks)] = "fast"
    steps: Annotated[int, Setting("Length of the run.", least=1)] = 10_000
    batch: Annotated[int, Setting("Photos in a step.", least=1)] = 4
    size: Annotated[int, Setting("Side of the crops, in pixels.", least=LEAST_SIZE)] = 256
    max_scale: Annotated[float, Setting("Crops are taken from up to this many times their size.", least=1)] = 1.6
    sensor_noise: Annotated[
        float, Setting("Noise on the photos that the net sees, 0 up to this deviation.", least=0, most=0.5)
    ] = 0.02
    misexposed: Annotated[
        float, Setting("Share of the photos that are too dark or too bright, as at night.", least=0, most=1)
    ] = 0.1
    pixel_weight: PixelWeight = PIXEL_WEIGHT
    feature_weight: FeatureWeight = FEATURE_WEIGHT
    feature_layers: DistilLayers = FEATURE_LAYERS
    loss_network: Annotated[str, Setting("5se, vgg16, vgg19, or a file of weights.")] = "5se"
    range_weight: RangeWeight = 10.0
    grid_weight: GridWeight = 100.0
    stability_weight: StabilityWeight = 8.0
    stability_start: StabilityStart = 0.67
    seed_amplitude: SeedAmplitude = None
    learning_rate: LearningRate = 2e-3
    average_decay: Average = 0.999
    validation: Annotated[
        Path | None, Setting("Folder of photos for the figures; else those that are learnt from.")
    ] = None
    initial: Annotated[
        Path | None, Setting("Start from the weights of this checkpoint or style file, or from gallery.")
    ] = None
    seed: Seed = 0
    workers: Workers = 2
    precision: Precision = "auto"
    save_every: SaveEvery = 500
    sample_every: SampleEvery = 500
    resume: Resume = False
    licence: Annotated[str, Setting("Licence of the weights; that of the teacher's, where it is not yours.")] = ""

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The side of the crops, in every step."""
        return (self.size,)

    @property
    def run_folder(self) -> Path:
        """Where checkpoints, sample sheets and logs of this run go: beside the style file."""
        return self.out.with_suffix(".run")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, for the checkpoint and the style card."""
        return {name: plain(value) for name, value in asdict(self).items()}
