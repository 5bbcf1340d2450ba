"""Settings of one picture by optimisation, apart from it so that the command line need not load torch."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from engines.errors import BadValue
from engines.setting import Setting, check_settings
from trainers.settings.options import (
    ALL_STYLE_LAYERS,
    LOSSES,
    MOST_SEED,
    ContentLayers,
    Octaves,
    RangeWeight,
    StyleLayers,
    plain,
)

STARTS = ("content", "noise", "net")
OPTIMISERS = ("adam", "lbfgs")
DEVICES = ("auto", "cpu", "cuda")
# It is so long at most where no size is asked for: a minute or a few on one core.
LARGEST_PX = 1024
LEAST_PICTURE_PX = 32
MOST_WEIGHT = 1000  # of a style picture beside others
# A style picture of stroke 1 is so many times as long as the picture that is painted.
STYLE_SCALE = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class GatysOptions:
    """One picture by optimisation (trainers.gatys); lengths in pixels, weights relative unless `paper_factors`.

    `style_images` are pictures with their weights; `masks`, where there are any, tell for each of them where it is to
    be: where its mask is white. The style layer `input` is the colours themselves: without it, strokes have fringes of
    colours that the painting has not. `size` is the long side of the result; None the photo's, LARGEST_PX at most.
    """

    style_images: Annotated[
        tuple[tuple[Path, float], ...],
        Setting(
            "A picture whose style is taken; again for more, each with a weight: a.jpg=0.7.",
            options=("--style-image",),
            written="PICTURE",
        ),
    ] = ()
    masks: Annotated[
        tuple[Path, ...],
        Setting(
            "White where the style belongs; one for each --style-image, in their order.",
            options=("--mask",),
            written="PICTURE",
        ),
    ] = ()
    loss: Annotated[str, Setting("wasserstein (whole distributions) or gram (Gatys' own).", choices=LOSSES)] = (
        "wasserstein"
    )
    iterations: Annotated[int, Setting("Steps in all, spread over the scales.", least=1)] = 240
    size: Annotated[
        int | None,
        Setting(
            "Long side of the result, in pixels; else the picture's own, at most 1024.",
            least=LEAST_PICTURE_PX,
            most=16_384,
        ),
    ] = None
    stroke: Annotated[
        float,
        Setting(f"Size of the strokes: 1 takes the style picture {STYLE_SCALE} times as long.", least=0.25, most=4),
    ] = 1.0
    start: Annotated[str, Setting("content, noise, or net: what --style paints.", choices=STARTS)] = "content"
    optimiser: Annotated[str, Setting("adam or lbfgs.", choices=OPTIMISERS)] = "adam"
    learning_rate: Annotated[float, Setting("Adam's, at the coarsest scale.", least=1e-6, most=10)] = 0.03
    content_weight: Annotated[float, Setting("Weight of the content loss.", least=0)] = 1.5
    style_weight: Annotated[float, Setting("Weight of the style loss.", least=0)] = 15.0
    tv_weight: Annotated[float, Setting("Weight of the total variation.", least=0)] = 5.0
    range_weight: RangeWeight = 10.0
    content_layers: ContentLayers = ("relu3_1", "relu4_1")
    style_layers: StyleLayers = ("input", *ALL_STYLE_LAYERS)
    loss_network: Annotated[str, Setting("5se (comes along), vgg16 or vgg19 (downloaded), or a file of weights.")] = (
        "5se"
    )
    detail_floor: Annotated[
        float, Setting("How much content counts where the picture is flat, 0 to 1.", least=0, most=1)
    ] = 0.1
    detail_local: Annotated[
        float,
        Setting(
            "How much detail is told from its surroundings, not the whole picture: keeps small faces.", least=0, most=1
        ),
    ] = 0.65
    octaves: Octaves = 3
    levels: Annotated[int, Setting("Bands of the pyramid that is moved; 1 moves the pixels.", least=1)] = 5
    least_size: Annotated[int, Setting("Long side of the coarsest scale.", least=LEAST_PICTURE_PX, most=16_384)] = 128
    samples: Annotated[int, Setting("Places of a layer that are compared in a step.", least=1)] = 4096
    slices: Annotated[int, Setting("Directions along which they are compared.", least=1)] = 24
    paper_factors: Annotated[bool, Setting("The losses with the paper's own factors (with gram).")] = False
    tile: Annotated[
        int, Setting("Side of the tiles in which more than a megapixel is computed.", least=64, most=16_384)
    ] = 512
    preview_every: Annotated[int, Setting("Steps between previews beside OUT.", least=1)] = 20
    seed: Annotated[int, Setting("Makes the picture repeatable.", least=0, most=MOST_SEED)] = 0
    device: Annotated[str, Setting("auto takes a GPU where torch has one; or cpu, or cuda.", choices=DEVICES)] = "auto"
    resume: Annotated[bool, Setting("Go on with what Ctrl-C stopped.")] = False

    def __post_init__(self) -> None:
        if not self.style_images:
            raise BadValue("there is no picture to paint like; give --style-image PICTURE")
        check_weights(self.style_images)
        if len(self.masks) not in (0, len(self.style_images)):
            raise BadValue(
                f"there are {len(self.masks)} masks for {len(self.style_images)} style images; give one --mask for each"
            )
        check_settings(self)
        if self.paper_factors and self.loss != "gram":
            raise BadValue(f"paper_factors is for Gram matrices and loss is {self.loss!r}; give --loss gram")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and for the saved state."""
        return {name: plain(value) for name, value in asdict(self).items()}


def check_weights(pictures: Iterable[tuple[Path, float]]) -> None:
    """BadValue where the weight of a picture is none."""
    for path, weight in pictures:
        if not 0 < weight <= MOST_WEIGHT:
            raise BadValue(f"the weight of {path} is {weight:g}; give one above 0, up to {MOST_WEIGHT}, as {path}=0.5")
