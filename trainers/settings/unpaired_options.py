"""Settings of the recipe that learns from two folders, apart from it so that the command line need not load torch."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from engines.errors import BadValue
from engines.setting import Setting, check_settings
from trainers.settings.options import (
    LEAST_SIZE,
    Average,
    Licence,
    Precision,
    Resume,
    SampleEvery,
    SaveEvery,
    Seed,
    Workers,
    networks,
    plain,
)

METHODS = ("cycle", "contrast")
RESNETS = ("resnet9", "resnet6")


def generators() -> tuple[str, ...]:
    """The nets that can be asked for by name."""
    return (*RESNETS, *networks())


@dataclass(frozen=True, slots=True)
class CycleGanOptions:
    """One run from the domain `source` to the domain `target`; lengths in pixels, weights as in the papers."""

    source: Annotated[
        tuple[Path, ...], Setting("Folder of photos; give it again for more folders.", options=("--from",))
    ]
    target: Annotated[
        tuple[Path, ...], Setting("Folder of paintings; give it again for more folders.", options=("--to",))
    ]
    out: Annotated[Path, Setting("The style file to write; the run's folder lies beside it.")]
    back_out: Annotated[
        Path | None, Setting("Also write the net from the paintings to the photos (with --method cycle).")
    ] = None
    method: Annotated[
        str, Setting("cycle (two nets that undo each other) or contrast (one net, half the time).", choices=METHODS)
    ] = "cycle"
    network: Annotated[
        str, Setting("resnet9, resnet6, or one as the gallery's: fast, fine, ultra or paper.", choices=generators)
    ] = "resnet9"
    width: Annotated[int, Setting("Channels of a resnet at full size; the paper takes 64, a slim one 16.", least=1)] = (
        64
    )
    steps: Annotated[int, Setting("Length of the run; the rate falls in the second half.", least=2)] = 200_000
    batch: Annotated[int, Setting("Pictures of each folder in a step.", least=1)] = 1
    size: Annotated[int, Setting("Side of the crops, in pixels.", least=LEAST_SIZE)] = 256
    lines: Annotated[int, Setting("Short side of the photos that crops are taken from.", least=LEAST_SIZE)] = 288
    stroke: Annotated[
        float, Setting("How much larger the paintings are than the photos, and so their strokes.", least=0.25, most=4)
    ] = 1.0
    sensor_noise: Annotated[
        float, Setting("Noise on the photos that a net sees, 0 up to this deviation.", least=0, most=0.5)
    ] = 0.02
    cycle_weight: Annotated[float, Setting("Weight of coming back to what one began with (cycle).", least=0)] = 10.0
    identity_weight: Annotated[
        float, Setting("Weight of leaving pictures alone that are of the wanted kind already.", least=0)
    ] = 5.0
    contrast_weight: Annotated[float, Setting("Weight of places keeping to their photo's (contrast).", least=0)] = 1.0
    places: Annotated[int, Setting("Places of a layer that are compared in a step (contrast).", least=2)] = 256
    range_weight: Annotated[float, Setting("Weight of what leaves the range of colours.", least=0)] = 10.0
    grid_weight: Annotated[float, Setting("Weight of the loss against upsampling dots.", least=0)] = 100.0
    stability_weight: Annotated[float, Setting("Weight of the loss against flicker.", least=0)] = 2.0
    stability_start: Annotated[float, Setting("Part of the run after which that loss begins.", least=0, most=1)] = 0.5
    judge_width: Annotated[int, Setting("Channels of the discriminators' first layer.", least=1)] = 64
    pool: Annotated[int, Setting("Earlier pictures that the discriminators are shown too.", least=0)] = 50
    learning_rate: Annotated[float, Setting("Learning rate of Adam.", least=0)] = 2e-4
    average_decay: Average = 0.999
    validation: Annotated[
        Path | None, Setting("Folder of photos for the figures; else those that are learnt from.")
    ] = None
    loss_network: Annotated[str, Setting("The figures' eyes: 5se, vgg16, vgg19, or a file of weights.")] = "5se"
    initial: Annotated[
        Path | None, Setting("Start from the weights of this style file, such as gallery:water_lilies.")
    ] = None
    seed: Seed = 0
    workers: Workers = 2
    precision: Precision = "auto"
    save_every: SaveEvery = 500
    sample_every: SampleEvery = 1000
    resume: Resume = False
    licence: Licence = ""

    def __post_init__(self) -> None:
        check_settings(self)
        if self.lines < self.size or round(self.stroke * self.lines) < self.size:
            raise BadValue(
                f"crops of size {self.size} do not fit into pictures of {self.lines} lines at stroke {self.stroke:g}; "
                "give a smaller --size or more --lines"
            )
        if self.back_out is not None and self.method != "cycle":
            raise BadValue("there is no net that leads back with --method contrast; leave --back-out out")
        if self.back_out is not None and self.back_out.resolve() == self.out.resolve():
            raise BadValue(
                f"--back-out {self.back_out} is --out too: one net would replace the other; name another file"
            )

    @property
    def run_folder(self) -> Path:
        """Where checkpoints, sample sheets and logs of this run go: beside the style file."""
        return self.out.with_suffix(".run")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, for the checkpoint and the style card."""
        return {name: plain(value) for name, value in asdict(self).items()}
