"""The shape of a transform net. Needs no torch, so that the net and its ONNX graph are made from one description."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from engines.setting import refuse_unknown

NORM_EPSILON = 1e-5
# What comes into a settled norm is divided by 32: weights before it, which no norm brings to size, are so large then
# that a step of Adam's changes them as little as it does others (equalised learning rate, arXiv 1710.10196).
SETTLED_GAIN = 1 / 32
# The seed textures that can be drawn (seed_texture.py), in the order in which they are told.
TEXTURES = ("curls", "dabs", "ripples", "hatching", "facets", "panes")
# Those whose marks all lie in one direction at a place.
STREAKS = ("curls", "ripples", "hatching")


@dataclass(frozen=True, slots=True)
class TransformConfig:
    """The shape of a transform net.

    `widths` are the channels of the levels, the first at the stem's resolution and each next at half of it.
    `blocks` are residual blocks at the lowest resolution; `refine_blocks` follow the first upsampling, where they
    draw detail that the lowest resolution cannot carry. With `skip` what went down at that resolution is added there
    (as in a U-Net, arXiv 1505.04597), so that a low lowest level costs no eyes. With `unshuffle` f the stem reads
    pixel_unshuffle(f) of the picture and the head writes through pixel_shuffle(f), so that nothing is computed at full
    resolution. With `detail` each block of the picture is also added to the head's output, through a 1×1 convolution
    and the style's scales and shifts: a net of few channels then need not carry what is in the picture already.
    `seed_amplitude` is the deviation, in 0..1, of the texture from which strokes grow on flat ground (seed_texture.py);
    0 leaves it out. Of several `textures` a style takes a share of each, which its vector ends with.

    With `settled` only the way down measures the picture (instance norm). The norms after it scale and shift what
    comes, by the style alone: no place sets the level of the others there, so that a net has nothing to gain from a
    spot that stands out and tells its norms how large all the rest is, as StyleGAN's droplets do (arXiv 1912.04958).
    """

    widths: tuple[int, ...] = (32, 64, 128)
    blocks: int = 5
    refine_blocks: int = 0
    skip: bool = False
    unshuffle: int = 1
    stem_kernel: int = 9
    head_kernel: int = 9
    detail: bool = False
    seed_amplitude: float = 0.0
    settled: bool = False
    textures: tuple[str, ...] = ("curls",)

    def __post_init__(self) -> None:
        if self.unshuffle not in (1, 2, 4):
            raise ValueError(f"unshuffle is {self.unshuffle}; choose 1, 2 or 4")
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths are {self.widths}; give one positive number of channels for each level")
        for name in ("stem_kernel", "head_kernel"):
            if getattr(self, name) % 2 == 0:
                raise ValueError(f"{name} is {getattr(self, name)}; choose an odd size")
        if not 0 <= self.seed_amplitude <= 1:
            raise ValueError(f"seed_amplitude is {self.seed_amplitude}; choose a deviation from 0 to 1")
        if not self.textures or not set(self.textures) <= set(TEXTURES):
            raise ValueError(f"textures are {self.textures}; choose from {', '.join(TEXTURES)}")
        if len(set(self.textures)) < len(self.textures):
            raise ValueError(f"textures are {self.textures}; name each once")
        if (self.refine_blocks or self.skip) and len(self.widths) < 2:
            raise ValueError("refine_blocks and skip need at least two widths, since they follow the first upsampling")

    @property
    def size_multiple(self) -> int:
        """Height and width are padded to a multiple of this many pixels."""
        return self.unshuffle << (len(self.widths) - 1)

    @property
    def picture_channels(self) -> int:
        """Channels of the picture as the stem sees it and the head makes it."""
        return 3 * self.unshuffle**2

    @property
    def norm_channels(self) -> tuple[int, ...]:
        """Channels of every norm, in the order in which the picture meets them; those of `detail` last."""
        down, up = self.widths, self.widths[-2::-1]
        after_first_up = [up[0]] * (2 * self.refine_blocks) if up else []
        inside = (*down, *[down[-1]] * (2 * self.blocks), *up[:1], *after_first_up, *up[1:])
        return (*inside, *[self.picture_channels] * self.detail)

    @property
    def style_size(self) -> int:
        """Length S of a style vector: a scale and a shift for each channel of each norm, and the textures' shares."""
        return 2 * sum(self.norm_channels) + self._shares

    @property
    def shares_at(self) -> slice:
        """Where a style vector tells the share of each texture; nowhere, where there is but one."""
        norms = 2 * sum(self.norm_channels)
        return slice(norms, norms + self._shares)

    @property
    def even_share(self) -> float:
        """What a style takes of each texture that takes as much of all: together as strong as one.

        Where there is but one, every style takes that: all of it, which no vector tells.
        """
        return float(len(self.textures) ** -0.5)

    @property
    def _shares(self) -> int:
        return len(self.textures) if len(self.textures) > 1 else 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        refuse_unknown(cls, values, "transform net")
        lists = {name: tuple(values[name]) for name in ("widths", "textures") if name in values}
        return cls(**{**values, **lists})


PRESETS = {
    "paper": TransformConfig(),
    "fast": TransformConfig(
        widths=(16, 40),
        blocks=3,
        unshuffle=2,
        stem_kernel=3,
        head_kernel=3,
        seed_amplitude=0.05,
        textures=TEXTURES,
    ),
    "fine": TransformConfig(
        widths=(24, 48, 112),
        blocks=5,
        refine_blocks=2,
        skip=True,
        unshuffle=2,
        stem_kernel=3,
        head_kernel=3,
        seed_amplitude=0.05,
        settled=True,
        textures=TEXTURES,
    ),
    "ultra": TransformConfig(widths=(16, 40), blocks=3, unshuffle=4, stem_kernel=3, head_kernel=3, detail=True),
}
