"""Settings of the style predictor's recipe, apart from it so that the command line need not load torch."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from engines.errors import BadValue
from engines.setting import Setting, check_settings
from engines.style.picture_name import PREDICTOR
from trainers.settings.options import (
    LEAST_SIZE,
    READ_PX,
    STROKE_REFERENCE_PX,
    Average,
    JohnsonOptions,
    LearningRate,
    Precision,
    Resume,
    SampleEvery,
    SaveEvery,
    Seed,
    Workers,
    as_trained,
    plain,
)

# The loss network by which crops are read halves them three times, and its last layer looks at neighbours.
LEAST_READ_PX = 16


@dataclass(frozen=True, slots=True)
class PredictorOptions:
    """One run of the predictor's recipe; lengths in pixels."""

    net: Annotated[Path, Setting("The style file whose net shall paint like any picture; it stays as it is.")]
    paintings: Annotated[
        tuple[Path, ...], Setting("Folder of paintings to learn from; give it again for more folders.")
    ]
    content: Annotated[tuple[Path, ...], Setting("Folder of photos to learn on; give it again for more folders.")]
    steps: Annotated[int, Setting("Length of the run.", least=1)] = 20_000
    batch: Annotated[int, Setting("Photos in a step, each with a painting.", least=1)] = 2
    size: Annotated[int, Setting("Side of the crops of photos, in pixels.", least=LEAST_SIZE)] = 208
    painting_size: Annotated[int, Setting("Side of the crops of paintings, in pixels.", least=64)] = 384
    stroke: Annotated[
        float, Setting("Size of the paintings, and so of the strokes: 1 is 640 pixels long.", least=0.25, most=4)
    ] = 1.4
    turned_hues: Annotated[float, Setting("Share of the paintings that are seen in other hues.", least=0, most=1)] = 0.5
    width: Annotated[int, Setting("Of the layers between statistics and style.", least=8)] = 256
    learning_rate: LearningRate = 1e-3
    average_decay: Average = 0.999
    seed: Seed = 0
    workers: Workers = 2
    precision: Precision = "auto"
    save_every: SaveEvery = 500
    sample_every: SampleEvery = 500
    validation: Annotated[Path | None, Setting("Folder of paintings that it does not learn from.")] = None
    initial: Annotated[
        Path | None, Setting("Start as this predictor, such as that of the net before it was trained on.")
    ] = None
    resume: Resume = False

    def __post_init__(self) -> None:
        check_settings(self)
        if not self.net.name.endswith(".onnx") or self.net.name.endswith(PREDICTOR):
            raise BadValue(f"net is {self.net}; give a style file (.onnx)")
        least = math.ceil(LEAST_READ_PX * self.stroke * STROKE_REFERENCE_PX / READ_PX)
        if self.painting_size < least:
            raise BadValue(
                f"painting_size is {self.painting_size}, and at stroke {self.stroke:g} too little of that is left to "
                f"be read; give {least} or more"
            )

    @property
    def network(self) -> str:
        """What a checkpoint is of: the net that paints."""
        return self.net.stem

    @property
    def out(self) -> Path:
        """Beside the net."""
        return self.net.with_name(self.net.stem + PREDICTOR)

    @property
    def run_folder(self) -> Path:
        """Where checkpoints, sample sheets and logs of this run go."""
        return self.net.with_name(f"{self.net.stem}.predictor.run")

    def losses(self, trained: Mapping[str, Any]) -> JohnsonOptions:
        """What what is painted is judged by: as the net was, whose run had the settings `trained`."""
        return JohnsonOptions(
            styles=self.paintings[0],
            content=self.content,
            out=self.net,
            stroke=self.stroke,
            **as_trained(trained),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, for the checkpoint."""
        return {name: plain(value) for name, value in asdict(self).items()} | {"network": self.network}
