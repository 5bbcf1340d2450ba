"""The shape of a ResNet generator. Needs no torch, so that the net and its ONNX graph are made from one description."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from engines.setting import refuse_unknown

SIZE_MULTIPLE = 4  # two convolutions of stride 2
OUTER_KERNEL = 7
TRANSPOSED, RESIZE = "transposed", "resize"


@dataclass(frozen=True, slots=True)
class ResnetGeneratorConfig:
    """The generator of CycleGAN (arXiv 1703.10593, appendix 7.2): `width` channels at full size, `blocks` at a quarter.

    The paper takes 64 channels, with 6 blocks for pictures of 128 lines and 9 for those of 256 and more. `upsampling`
    is "transposed", the paper's transposed convolutions, which imported nets need, or "resize", nearest ×2 and a
    convolution, which draws no checkerboard.
    """

    width: int = 64
    blocks: int = 9
    upsampling: str = TRANSPOSED

    def __post_init__(self) -> None:
        for name in ("width", "blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; choose a number from 1 on")
        if self.upsampling not in (TRANSPOSED, RESIZE):
            raise ValueError(f"upsampling is {self.upsampling!r}; choose {TRANSPOSED} or {RESIZE}")

    @property
    def widths(self) -> tuple[int, int, int]:
        """Channels at full size, at a half and at a quarter."""
        return self.width, 2 * self.width, 4 * self.width

    @property
    def norm_channels(self) -> tuple[int, ...]:
        """Channels of every norm, in the order in which the picture meets them."""
        full, half, quarter = self.widths
        return (full, half, quarter, *[quarter] * (2 * self.blocks), half, full)

    @property
    def style_size(self) -> int:
        """Length S of a style vector: a scale and a shift for each channel of each norm."""
        return 2 * sum(self.norm_channels)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        refuse_unknown(cls, values, "ResNet generator")
        return cls(**values)
