"""How frames are to be painted; nothing heavy is loaded here, so that the command line can show the settings."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, TypeAlias

from engines.backends.ours import OURS
from engines.errors import BadValue
from engines.names import AUTO, LEAST_SIZE_PX, MODES, PRECISIONS
from engines.networks.transform.config import TEXTURES
from engines.setting import Setting
from realtime.painting.full_size.painting_size import LEAST_STROKE, LINES, MOST_STROKE

Size: TypeAlias = tuple[int, int]  # width, height in pixels
MOST_SIZE_PX = 16384
DEFAULT_STYLE = "starry_night"
NETS = FAST, FINE = "fast", "fine"
OWN = "own"
OWN_AND_OTHERS = (OWN, *TEXTURES)
PAINTING = "Painting"
MACHINE = "Machine"


def gallery_names() -> list[str]:
    from engines.style.styles import list_gallery

    return [style.name for file in list_gallery() for style in file.card.styles]


def engine_names() -> Iterator[str]:
    """Ours and those of other packages; those that cannot run here too, for they say why."""
    from engines.backends.registry import backend_names

    yield from (AUTO, *backend_names())


Engine = Annotated[
    str,
    Setting(f"{AUTO}, or one of {', '.join(OURS)}.", group=MACHINE, choices=engine_names, written="NAME"),
]
Precision = Annotated[
    str,
    Setting(
        f"{AUTO}, or one that the engine has: {', '.join(PRECISIONS)}.",
        group=MACHINE,
        choices=(AUTO, *PRECISIONS),
        written="NAME",
    ),
]
Mode = Annotated[
    str,
    Setting(
        "auto, latency or throughput; the commands have latency for one frame at once, throughput for two.",
        group=MACHINE,
        choices=(AUTO, *MODES),
        written="NAME",
    ),
]
Strict = Annotated[bool, Setting("Fail where an engine is refused; try no other.", group=MACHINE)]
Stroke = Annotated[
    float,
    Setting(
        f"How large brush strokes are: 1 as the style means them, painted on {LINES} lines at every size.",
        group=PAINTING,
        least=LEAST_STROKE,
        most=MOST_STROKE,
    ),
]
Net = Annotated[
    str,
    Setting(
        "fast, or fine, a larger net of the same styles; auto: fine for `impasto image`, and on an NVIDIA GPU.",
        group=PAINTING,
        choices=(AUTO, *NETS),
        written="NAME",
    ),
]
STEADY = 0.7
Steady = Annotated[
    float,
    Setting(
        "How still the painting stands where the picture does, and goes along where it moves: 0 not at all, to 1.",
        group=PAINTING,
        least=0,
        most=1,
    ),
]
Verbose = Annotated[bool, Setting("Say why every engine was passed over, those for a GPU too.", group=MACHINE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StylizeOptions:
    """What a person may choose about the painting itself.

    `mix` takes the place of `style`, with bare names looked for in that style's file. `height` None keeps the input's.
    """

    style: Annotated[
        str,
        Setting(
            "A style of the gallery (see `impasto styles`), any PICTURE.jpg to paint like, or a style file's.",
            group=PAINTING,
            suggestions=gallery_names,
            written="NAME|PICTURE|FILE[:NAME]",
        ),
    ] = DEFAULT_STYLE
    mix: Annotated[
        str | None,
        Setting("Mix styles of one file, the one that --style names.", group=PAINTING, written="A=0.3,B=0.7"),
    ] = None
    strength: Annotated[
        float, Setting("0 is the picture as it was, 1 the full style.", group=PAINTING, least=0, most=1)
    ] = 1.0
    keep_colour: Annotated[
        float, Setting("0 takes the style's colours, 1 keeps the picture's.", group=PAINTING, least=0, most=1)
    ] = 0.0
    height: Annotated[
        int | None,
        Setting(
            "Write at this height, the input's unless given; the width follows, and below 360 lines strokes grow.",
            group=PAINTING,
            least=LEAST_SIZE_PX,
            most=MOST_SIZE_PX,
            written="PIXELS",
        ),
    ] = None
    stroke: Stroke = 1.0
    texture: Annotated[
        str,
        Setting(
            f"What strokes grow from: the style's {OWN}, or {', '.join(TEXTURES)}.",
            group=PAINTING,
            choices=OWN_AND_OTHERS,
            written="NAME",
        ),
    ] = OWN
    net: Net = AUTO
    engine: Engine = AUTO
    precision: Precision = AUTO
    strict: Strict = False
    verbose: Verbose = False


def other_than_own(texture: str) -> str | None:
    """A texture as reports tell it: None where strokes grow from the style's own."""
    return None if texture == OWN else texture


def parse_mix(text: str) -> dict[str, float]:
    """`A=0.3,B=0.7` as names and weights."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.rpartition("=")
        name = name.strip()
        if name in weights:
            raise BadValue(f"--mix {text!r} names {name} twice; give each style one weight")
        try:
            weights[name] = float(weight)
        except ValueError:
            name = ""
        if not name:
            raise BadValue(f"--mix {text!r} is not of the form A=0.3,B=0.7 (at {part.strip()!r})")
    if not (all(isfinite(weight) and weight >= 0 for weight in weights.values()) and any(weights.values())):
        raise BadValue(f"--mix {text!r}: give weights of 0 or more, one of them above 0")
    return weights
