"""Settings of the recipe for one style in a minute, apart from it so that the command line need not load torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from engines.errors import BadValue
from engines.setting import Setting, check_settings
from engines.style.picture_name import GALLERY
from trainers.settings.options import LEAST_SIZE, JohnsonOptions, Seed, as_trained, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleOptions:
    """The style vectors of some pictures for a net that stays as it is; lengths in pixels, times in seconds."""

    pictures: Annotated[
        tuple[Path, ...], Setting("The pictures whose styles are learnt.", by_place=True, written="PICTURE...")
    ] = ()
    styles: Annotated[Path | None, Setting("A folder of such pictures.")] = None
    out: Annotated[Path, Setting("The style file to write; if it is there, the styles are added to it.")]
    net: Annotated[str, Setting("The style file whose net shall paint like them.", written="NAME|FILE")] = GALLERY
    content: Annotated[
        tuple[Path, ...],
        Setting("Folder of photos to learn on; again for more. Else views that come along."),
    ] = ()
    seconds: Annotated[float, Setting("How long each picture is learnt.", least=1)] = 50.0
    steps: Annotated[int | None, Setting("So many steps in place of --seconds: repeatable.", least=1)] = None
    polish: Annotated[
        bool, Setting("Go on with a style that is in OUT, for as long as it gets better or until Ctrl-C.")
    ] = False
    deep: Annotated[bool, Setting("Learn the whole net along, for this one picture.")] = False
    size: Annotated[int, Setting("Side of the crops of photos, in pixels.", least=LEAST_SIZE)] = 160
    batch: Annotated[int, Setting("Photos in a step.", least=1)] = 1
    stroke: Annotated[
        float, Setting("Size of the pictures, and so of the strokes: 1 is 640 pixels long.", least=0.25, most=4)
    ] = 1.4
    content_weight: Annotated[
        float,
        Setting("How much is kept of photos: weight of the content loss. Less is nearer to the picture.", least=0),
    ] = 1.2
    learning_rate: Annotated[float, Setting("Highest learning rate of Adam.", least=1e-6, most=10)] = 0.03
    seed: Seed = 0

    def __post_init__(self) -> None:
        check_settings(self)
        if not self.pictures and self.styles is None:
            raise BadValue("there is no picture; give one or more, or --styles FOLDER")
        if self.out.suffix != ".onnx":
            raise BadValue(f"out is {self.out}; a style file is called .onnx")
        if self.polish and self.steps is not None:
            raise BadValue("--polish goes on until nothing gets better, and --steps says when to end; leave one out")

    def judged(self, trained: Mapping[str, Any]) -> JohnsonOptions:
        """What what is painted is judged by: as the net was, whose run had the settings `trained`."""
        return JohnsonOptions(
            styles=self.styles or self.out, content=self.content, out=self.out, stroke=self.stroke,
            size=self.size, batch=self.batch, content_weight=self.content_weight, seed=self.seed, **as_trained(trained),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, for the style card."""
        return {name: plain(value) for name, value in asdict(self).items()}
