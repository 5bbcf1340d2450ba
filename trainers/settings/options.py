"""Settings of the recipes, apart from them so that the command line can read the defaults without torch."""

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from engines.errors import BadValue
from engines.networks.transform.config import PRESETS, TEXTURES
from engines.setting import Setting, check_settings, listed

LOSSES = ("wasserstein", "gram")
LEAST_SIZE = 32
MOST_SEED = 10**18  # torch takes 64 bits, and what is added to it
MOST_WORKERS = 64  # each is a process of its own, and no net learns as fast as so many read
# For nets, a style picture of stroke 1 is as long as a picture of this width, the one that a webcam gives.
STROKE_REFERENCE_PX = 640
# The long side of a picture as a predictor reads it; a painting's crop is read at the scale that the whole would have.
READ_PX = 512
ALL_STYLE_LAYERS = (
    "relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu3_4", "relu4_1",
)  # fmt: skip


def networks() -> tuple[str, ...]:
    """The transform nets that can be asked for by name."""
    return tuple(PRESETS)


ContentLayers = Annotated[
    tuple[str, ...],
    Setting("Where content is compared, separated by commas.", in_one_word=True, needed=True, written="LAYERS"),
]
StyleLayers = Annotated[
    tuple[str, ...],
    Setting("Where style is compared, separated by commas.", in_one_word=True, needed=True, written="LAYERS"),
]
Octaves = Annotated[int, Setting("Sizes of the picture that are compared, each half of the one before.", least=1)]
Average = Annotated[float, Setting("How slowly the averaged weights forget.", least=0, most=1)]
RangeWeight = Annotated[float, Setting("Weight of what leaves the range of colours.", least=0)]
GridWeight = Annotated[float, Setting("Weight of the loss against upsampling dots.", least=0)]
StabilityWeight = Annotated[float, Setting("Weight of the loss against flicker.", least=0)]
SeedAmplitude = Annotated[
    float | None, Setting("Deviation of the texture from which strokes grow; else the net's own.")
]
LearningRate = Annotated[float, Setting("Highest learning rate of the optimiser.", least=0)]
StabilityStart = Annotated[float, Setting("Part of the run after which that loss begins.", least=0, most=1)]
Seed = Annotated[int, Setting("Makes a run repeatable.", least=0, most=MOST_SEED)]
Workers = Annotated[int, Setting("Processes that read photos.", least=0, most=MOST_WORKERS)]
Precision = Annotated[str, Setting("auto, no, bf16 or fp16.", choices=("auto", "no", "bf16", "fp16"))]
SaveEvery = Annotated[int, Setting("Steps between checkpoints.", least=1)]
SampleEvery = Annotated[int, Setting("Steps between sample sheets.", least=1)]
Resume = Annotated[bool, Setting("Go on with the run that stands beside OUT.")]
Licence = Annotated[str, Setting("Licence of the weights; else that of the net they began as or followed, or CC0-1.0.")]


@dataclass(frozen=True, slots=True)
class JohnsonOptions:
    """One run of the transform net recipe; lengths in pixels, weights relative (see trainers.losses.terms)."""

    styles: Annotated[Path, Setting("Folder of the style pictures; each style is called like its file.")]
    content: Annotated[tuple[Path, ...], Setting("Folder of photos to learn on; give it again for more folders.")]
    out: Annotated[Path, Setting("The style file to write; the run's folder lies beside it.")]
    network: Annotated[str, Setting("paper, fast, fine or ultra.", choices=networks)] = "fast"
    steps: Annotated[int, Setting("Length of the run.", least=1)] = 20_000
    batch: Annotated[int, Setting("Photos in a step.", least=1)] = 4
    size: Annotated[int, Setting("Side of the crops, in pixels.", least=LEAST_SIZE)] = 256
    other_sizes: Annotated[
        tuple[int, ...],
        Setting(
            "Further sides of crops, such as 208,320,384; each step takes one.",
            least=LEAST_SIZE,
            in_one_word=True,
            written="208,320,384",
        ),
    ] = ()
    max_scale: Annotated[float, Setting("Crops are taken from up to this many times their size.", least=1)] = 1.6
    sensor_noise: Annotated[
        float, Setting("Noise on the photos that a net sees, 0 up to this deviation.", least=0, most=0.5)
    ] = 0.02
    misexposed: Annotated[
        float, Setting("Share of the photos that are too dark or too bright, as at night.", least=0, most=1)
    ] = 0.1
    stroke: Annotated[
        float, Setting("Size of the style pictures, and so of the strokes: 1 is 640 pixels long.", least=0.25, most=4)
    ] = 1.4
    loss: Annotated[str, Setting("wasserstein or gram.", choices=LOSSES)] = "wasserstein"
    octaves: Octaves = 3
    detail_floor: Annotated[
        float, Setting("How much content counts where a photo is flat, 0 to 1.", least=0, most=1)
    ] = 0.1
    loss_network: Annotated[str, Setting("5se, vgg16, vgg19, or a file of weights.")] = "5se"
    content_layers: ContentLayers = ("relu3_1", "relu4_1")
    style_layers: StyleLayers = ALL_STYLE_LAYERS
    content_weight: Annotated[float, Setting("Weight of the content loss.", least=0)] = 2.0
    style_weight: Annotated[float, Setting("Weight of the style loss.", least=0)] = 15.0
    style_weights: Annotated[
        tuple[tuple[str, float], ...],
        Setting(
            "Weights of single styles in place of --style-weight: udnie=20,scream=12.",
            in_one_word=True,
            written="NAME=WEIGHT",
        ),
    ] = ()
    join_share: Annotated[
        float,
        Setting("Part of the samples judged joined with the photo, as films are; reached half-way.", least=0, most=1),
    ] = 0.75
    patch_weight: Annotated[
        float, Setting("Weight of small patches of pixels looking as the painting's: no fringes of colour.", least=0)
    ] = 8.0
    samples: Annotated[int, Setting("Places of a layer that are compared in a step.", least=1)] = 2048
    slices: Annotated[int, Setting("Directions along which they are compared.", least=1)] = 12
    tv_weight: Annotated[float, Setting("Weight of the total variation.", least=0)] = 2.0
    range_weight: RangeWeight = 10.0
    grid_weight: GridWeight = 100.0
    comb_weight: Annotated[float, Setting("Weight of the loss against combs of fine dots.", least=0)] = 5.0
    weave_weight: Annotated[
        float, Setting("Weight of the loss against strokes that are crossed by others.", least=0)
    ] = 0.7
    tone_weight: Annotated[float, Setting("Weight of keeping what is light and what is dark.", least=0)] = 0.5
    structure_weight: Annotated[float, Setting("Weight of keeping what is as small as eyes and letters.", least=0)] = (
        0.8
    )
    stability_weight: StabilityWeight = 8.0
    difference_weight: Annotated[float, Setting("Weight of changing as the photos do, beside that loss.", least=0)] = (
        0.3
    )
    stability_start: StabilityStart = 0.67
    seed_amplitude: SeedAmplitude = None
    textures: Annotated[
        tuple[tuple[str, str], ...],
        Setting(
            f"How strokes of single styles lie in the beginning, such as lilies=dabs: {listed(TEXTURES)}.",
            in_one_word=True,
            written="NAME=TEXTURE",
        ),
    ] = ()
    learning_rate: LearningRate = 2e-3
    average_decay: Average = 0.999
    seed: Seed = 0
    workers: Workers = 2
    precision: Precision = "auto"
    save_every: SaveEvery = 500
    sample_every: SampleEvery = 500
    validation: Annotated[Path | None, Setting("Folder of photos for the figures on the card.")] = None
    initial: Annotated[
        Path | None,
        Setting(
            "Start from this checkpoint or style file, or from gallery; FILE:STYLE begins new styles as that one. An "
            "ultra may start from a fast."
        ),
    ] = None
    follow: Annotated[
        Path | None,
        Setting("A style file of the same styles, whose pictures a net of another shape learns to paint first."),
    ] = None
    follow_until: Annotated[float, Setting("Part of the run in which it does.", least=0, most=1)] = 0.2
    resume: Resume = False
    licence: Licence = ""

    def __post_init__(self) -> None:
        check_settings(self)
        for style, weight in self.style_weights:
            if not 0 <= weight < math.inf:
                raise BadValue(f"style_weights gives {style} {weight:g}; give a number of at least 0")
        if self.textures:
            self._check_textures()

    def _check_textures(self) -> None:
        for style, texture in self.textures:
            if texture not in TEXTURES:
                raise BadValue(f"textures gives {style} {texture!r}; choose {listed(TEXTURES)}")
        preset = PRESETS[self.network]
        if len(preset.textures) == 1:
            several = tuple(name for name, other in PRESETS.items() if len(other.textures) > 1)
            raise BadValue(f"textures are chosen among several, and {self.network} has one; choose {listed(several)}")
        if not (preset.seed_amplitude if self.seed_amplitude is None else self.seed_amplitude):
            raise BadValue(
                "textures says what strokes grow from, and with seed_amplitude 0 they grow from none; leave one out"
            )

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
        return {name: plain(value) for name, value in asdict(self).items()}


def as_trained(settings: Mapping[str, Any]) -> dict[str, Any]:
    """How a net was judged, by the settings of its run on the card; what those do not name is of later runs."""
    return {"join_share": _told(settings, "join_share", most=1), "patch_weight": _told(settings, "patch_weight")}


def _told(settings: Mapping[str, Any], name: str, most: float = sys.float_info.max) -> float:
    """A number of a card, which anybody may have written; 0 where it is none."""
    value = settings.get(name)
    return float(value) if isinstance(value, int | float) and 0 <= value <= most else 0.0


def plain(value: Any) -> Any:
    """A setting as JSON has it."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value
