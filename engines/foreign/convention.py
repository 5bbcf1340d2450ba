"""In which form a net takes pictures and gives them: layout, order of the colours, range, and what is subtracted."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from engines.errors import BadValue

LAYOUTS = ("nchw", "nhwc", "chw", "hwc")
RGB, BGR = "rgb", "bgr"
CHANNELS = (RGB, BGR)
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"-1..1": (-1.0, 1.0), "0..255": (0.0, 255.0), "0..1": (0.0, 1.0)}
)
AS_IN = "as-in"  # of what comes out: in the form in which it went in, with mean and deviation
RANGES_OUT = (*RANGES, AS_IN)
WHITE = 255.0
Triple = tuple[float, float, float]
# Of each colour, red first, in the range in which they are used: ImageNet's in 0..1, Caffe's in 0..255.
MEANS: Mapping[str, Triple] = MappingProxyType({"imagenet": (0.485, 0.456, 0.406), "caffe": (123.68, 116.779, 103.939)})
DEVIATIONS: Mapping[str, Triple] = MappingProxyType({"imagenet": (0.229, 0.224, 0.225)})
RANGE_OF_MEAN = {"imagenet": "0..1", "caffe": "0..255"}


@dataclass(frozen=True, slots=True)
class Convention:
    """How a picture goes into a net and how it comes out.

    A value v of 0..255 goes in as (v, brought to the range − mean) / deviation. Both are told for red, green and blue.
    """

    layout: str
    channels: str
    range_in: str
    range_out: str
    mean: Triple = (0.0, 0.0, 0.0)
    deviation: Triple = (1.0, 1.0, 1.0)

    def going_in(self) -> tuple[np.ndarray, np.ndarray]:
        """(factor, addend), each float64 [3] in the net's order: from 0..255 to what the net reads."""
        low, high = RANGES[self.range_in]
        mean, deviation = self._in_order(self.mean), self._in_order(self.deviation)
        return (high - low) / WHITE / deviation, (low - mean) / deviation

    def coming_out(self) -> tuple[np.ndarray, np.ndarray]:
        """(factor, addend), each float64 [3] in the net's order: from what the net gives to 0..255."""
        if self.range_out == AS_IN:
            factor, addend = self.going_in()
            return 1 / factor, -addend / factor
        low, high = RANGES[self.range_out]
        factor = np.full(3, WHITE / (high - low))
        return factor, -low * factor

    def _in_order(self, values: Triple) -> np.ndarray:
        return np.array(values[::-1] if self.channels == BGR else values, np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person said of a net; None is found out. BadValue where a word is none of those that are known.

    `mean` and `deviation` are a name or three numbers "R,G,B".
    """

    layout: str | None = None
    channels: str | None = None
    range_in: str | None = None
    range_out: str | None = None
    mean: str | None = None
    deviation: str | None = None

    def __post_init__(self) -> None:
        self._check("layout", LAYOUTS)
        self._check("channels", CHANNELS)
        self._check("range_in", tuple(RANGES))
        self._check("range_out", RANGES_OUT)
        self.means()
        if min(self.deviations()) <= 0:
            raise BadValue(f"--deviation {self.deviation} is not above 0; what goes in is divided by it")

    def _check(self, name: str, choices: tuple[str, ...]) -> None:
        value = getattr(self, name)
        if value is not None and value not in choices:
            option = "range" if name == "range_in" else name.replace("_", "-")
            raise BadValue(f"--{option} is {value!r}; choose one of {', '.join(choices)}")

    @property
    def range_said(self) -> str | None:
        """The range of what goes in, which the name of a mean tells as well."""
        return self.range_in or RANGE_OF_MEAN.get(self.mean or "")

    @property
    def channels_said(self) -> str | None:
        """Caffe's nets read blue first."""
        return self.channels or (BGR if self.mean == "caffe" else None)

    def means(self) -> Triple:
        return _triple("mean", self.mean, MEANS, (0.0, 0.0, 0.0))

    def deviations(self) -> Triple:
        spoken = self.deviation if self.deviation or self.mean not in DEVIATIONS else self.mean
        return _triple("deviation", spoken, DEVIATIONS, (1.0, 1.0, 1.0))


def _triple(option: str, text: str | None, known: Mapping[str, Triple], default: Triple) -> Triple:
    if text is None:
        return default
    if text in known:
        return known[text]
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        red = green = blue = float("nan")
    if not np.isfinite((red, green, blue)).all():
        raise BadValue(f"--{option} is {text!r}; give {', '.join(known)} or three numbers, as 0.5,0.5,0.5")
    return red, green, blue
