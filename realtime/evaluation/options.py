"""The settings of `impasto evaluate`; nothing heavy is loaded here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from engines.names import AUTO
from engines.setting import Setting
from realtime.painting.options import STEADY, Engine, Precision, Strict, gallery_names


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """What is judged, by which paintings, on which photos.

    `size` is the long side of the photos in pixels; a painting's is 1.4 times that. `optimiser` are numbers of
    iterations for which pixels are optimised on the same photos, as what could be reached at most. Films (`clip`) are
    scaled to as many lines as a picture of 16:9 and that `size` has, and are judged at steadiness 0 and at `steady`.
    """

    styles: Annotated[
        tuple[str, ...],
        Setting(
            "Styles as --style takes them elsewhere; a file without a name stands for all in it.",
            by_place=True,
            suggestions=gallery_names,
            written="STYLE...",
        ),
    ]
    paintings: Annotated[
        tuple[Path, ...],
        Setting("The paintings, each called like its style. Again for more.", written="FOLDER"),
    ]
    content: Annotated[
        tuple[Path, ...],
        Setting(
            "Photos that no net has seen: folders, pictures, videos. Again for more; else the scene.", written="PATH"
        ),
    ] = ()
    photos: Annotated[int, Setting("How many of them, spread evenly.", least=1)] = 8
    size: Annotated[int, Setting("Their long side.", least=128, written="PIXELS")] = 640
    check: Annotated[Path | None, Setting("Another loss network that judges too, such as VGG-19.", written="FILE")] = (
        None
    )
    optimiser: Annotated[
        tuple[int, ...],
        Setting(
            "Also paint without a net, in so many iterations. Takes long.",
            least=1,
            in_one_word=True,
            written="25,100,400",
        ),
    ] = ()
    clip: Annotated[
        tuple[Path, ...],
        Setting("Also judge how still paintings of a film stand: its first 60 frames. Again for more.", written="FILE"),
    ] = ()
    steady: Annotated[
        float, Setting("How steady a hand then holds them, beside what is painted without.", least=0, most=1)
    ] = STEADY
    engine: Engine = AUTO
    precision: Precision = "fp32"
    strict: Strict = False
