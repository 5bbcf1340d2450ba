"""The shape of a variational autoencoder. Needs no torch, so that net and graphs are made from one description."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from engines.setting import refuse_unknown

STEM_KERNEL = 5


@dataclass(frozen=True, slots=True)
class VaeConfig:
    """The shape of an autoencoder whose latent is a map of `latent` channels.

    `widths` are the channels at a half, a quarter and so on of the picture; the latent is as small as the last of them.
    `blocks` convolutions follow there, in the encoder and in the decoder. `statistics` are the depths of the decoder,
    0 where it begins and one more after each doubling, at which the features take a style's means and deviations
    (adaptive instance norm, arXiv 1703.06868); without any the net repaints, and its style vector is one number, by
    which the latent is multiplied: 1 leaves it alone.

    `variance_share` of a style's variance is added to the picture's own before that is divided out: what is flat, a
    wall or a dark room, is enlarged by √(1 + 1/share) at most, and with it a sensor's noise and the rounding of int8.
    At 0.3 that is 2.1 times.
    """

    widths: tuple[int, ...] = (32, 64)
    blocks: int = 2
    latent: int = 16
    statistics: tuple[int, ...] = ()
    variance_share: float = 0.3

    def __post_init__(self) -> None:
        if not 2 <= len(self.widths) <= 4 or min(self.widths) < 1:
            raise ValueError(f"widths are {self.widths}; give two to four positive numbers of channels")
        if self.blocks < 0:
            raise ValueError(f"blocks are {self.blocks}; choose a number from 0 on")
        if self.latent < 1:
            raise ValueError(f"latent is {self.latent}; choose a number of channels from 1 on")
        if not 0 < self.variance_share <= 10:
            raise ValueError(f"variance_share is {self.variance_share}; choose a share above 0, and at most 10")
        if list(self.statistics) != sorted(set(self.statistics) & set(range(len(self.widths)))):
            raise ValueError(
                f"statistics are at depths {self.statistics}; give rising numbers from 0 to {len(self.widths) - 1}"
            )

    @property
    def factor(self) -> int:
        """How many times smaller than the picture the latent is; the picture's sides are padded to a multiple of it."""
        return 1 << len(self.widths)

    @property
    def depths(self) -> tuple[int, ...]:
        """Channels of the decoder at each depth."""
        return self.widths[::-1]

    @property
    def norm_channels(self) -> tuple[int, ...]:
        """Channels at each depth where statistics are taken."""
        return tuple(self.depths[depth] for depth in self.statistics)

    @property
    def style_size(self) -> int:
        """Length S of a style vector: a deviation and a mean for each channel, or the latent's factor alone."""
        return 2 * sum(self.norm_channels) or 1

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        refuse_unknown(cls, values, "autoencoder")
        rows = {name: tuple(values[name]) for name in ("widths", "statistics") if name in values}
        return cls(**{**values, **rows})


# The latent at a quarter of the picture keeps letters and eyes; at an eighth it is a quarter as large.
PRESETS = {
    "quarter": VaeConfig(widths=(24, 48), statistics=(0, 1)),
    "eighth": VaeConfig(widths=(24, 48, 80), statistics=(0, 1, 2)),
}
