"""Settings of the autoencoder's recipe, apart from it so that the command line need not load torch."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from engines.networks.vae.config import PRESETS
from engines.setting import Setting, check_settings
from trainers.settings.options import (
    ALL_STYLE_LAYERS,
    LEAST_SIZE,
    Average,
    ContentLayers,
    LearningRate,
    Licence,
    Precision,
    Resume,
    SampleEvery,
    SaveEvery,
    Seed,
    StyleLayers,
    Workers,
    plain,
)

STYLE_LOSSES = ("wasserstein", "moments")


@dataclass(frozen=True, slots=True)
class VaeOptions:
    """One run of the autoencoder's recipe; lengths in pixels, weights relative (see trainers.losses.terms)."""

    content: Annotated[tuple[Path, ...], Setting("Folder of pictures to learn on; give it again for more folders.")]
    out: Annotated[Path, Setting("The style file to write; the run's folder lies beside it.")]
    styles: Annotated[
        tuple[Path, ...],
        Setting("Folder of paintings, again for more; the net then paints like any picture that it is shown."),
    ] = ()
    network: Annotated[
        str, Setting("The latent is a quarter or an eighth as large as the picture.", choices=tuple(PRESETS))
    ] = "quarter"
    steps: Annotated[int, Setting("Length of the run.", least=1)] = 40_000
    batch: Annotated[int, Setting("Pictures in a step, and as many paintings.", least=1)] = 4
    size: Annotated[int, Setting("Side of the crops, in pixels.", least=LEAST_SIZE)] = 256
    max_scale: Annotated[float, Setting("Crops are taken from up to this many times their size.", least=1)] = 1.6
    sensor_noise: Annotated[
        float, Setting("Noise on the pictures that the net sees and is to leave out, up to this.", least=0, most=0.5)
    ] = 0.02
    loss_network: Annotated[str, Setting("5se, vgg16, vgg19, or a file of weights.")] = "5se"
    content_layers: ContentLayers = ("relu3_1", "relu4_1")
    style_layers: StyleLayers = ALL_STYLE_LAYERS
    pixel_weight: Annotated[float, Setting("Weight of a picture's colours being drawn again.", least=0)] = 10.0
    perceptual_weight: Annotated[float, Setting("Weight of its features being drawn again.", least=0)] = 1.0
    beta: Annotated[float, Setting("Weight of the latent's information, in nats a value of a pixel.", least=0)] = 0.05
    warm_up: Annotated[float, Setting("Part of the run in which that weight rises from 0.", least=0, most=1)] = 0.2
    free_bits: Annotated[
        float, Setting("Nats that each channel of the latent may hold at a place for nothing.", least=0)
    ] = 0.05
    content_weight: Annotated[float, Setting("Weight of the content loss of what is painted.", least=0)] = 2.0
    style_weight: Annotated[float, Setting("Weight of the style loss of what is painted.", least=0)] = 10.0
    style_loss: Annotated[
        str, Setting("What is compared with a painting: whole distributions, or means and deviations (moments).",
                     choices=STYLE_LOSSES)
    ] = "wasserstein"  # fmt: skip
    samples: Annotated[int, Setting("Places of a layer that are compared in a step.", least=1)] = 2048
    slices: Annotated[int, Setting("Directions along which they are compared.", least=1)] = 12
    identity_weight: Annotated[
        float, Setting("Weight of a picture painted by its own statistics staying what it is.", least=0)
    ] = 1.0
    range_weight: Annotated[float, Setting("Weight of what leaves the range of colours.", least=0)] = 10.0
    grid_weight: Annotated[float, Setting("Weight of the loss against upsampling dots.", least=0)] = 100.0
    stability_weight: Annotated[float, Setting("Weight of the loss against flicker.", least=0)] = 2.0
    stability_start: Annotated[float, Setting("Part of the run after which that loss begins.", least=0, most=1)] = 0.5
    learning_rate: LearningRate = 1e-3
    average_decay: Average = 0.999
    validation: Annotated[
        Path | None, Setting("Folder of pictures for the figures; else those that are learnt from.")
    ] = None
    initial: Annotated[Path | None, Setting("Start from the weights of this style file.")] = None
    seed: Seed = 0
    workers: Workers = 2
    precision: Precision = "auto"
    save_every: SaveEvery = 500
    sample_every: SampleEvery = 500
    resume: Resume = False
    licence: Licence = ""

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def run_folder(self) -> Path:
        """Where checkpoints, sample sheets and logs of this run go: beside the style file."""
        return self.out.with_suffix(".run")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, for the checkpoint and the style card."""
        return {name: plain(value) for name, value in asdict(self).items()}
