"""What the numbers of NV12 planes mean: matrices, ranges and the place of chroma (ITU-T H.273, H.264 figure E-1)."""

from dataclasses import dataclass
from typing import NamedTuple


class Weights(NamedTuple):
    """The shares of red and blue in luma."""

    red: float
    blue: float


BT601 = Weights(0.299, 0.114)
BT709 = Weights(0.2126, 0.0722)

Row = tuple[float, float, float, float]
Rows = tuple[Row, Row, Row]


@dataclass(frozen=True, slots=True)
class Nv12Colour:
    """What the numbers of NV12 planes mean.

    `full` range is 0..255, else luma is 16..235 and chroma 16..240. `left` puts a chroma sample beside the left one of
    its two columns, as MPEG-2, H.264 and HEVC do unless told otherwise; else it lies in the middle of its four pixels.
    """

    weights: Weights = BT709
    full: bool = False
    left: bool = True

    def from_rgb(self) -> Rows:
        """Per row the factors of R, G, B (0..255) and a constant: Y', Cb and Cr in 8 bits."""
        red, blue = self.weights
        green = 1 - red - blue
        luma, chroma, black = (1.0, 1.0, 0.0) if self.full else (219 / 255, 224 / 255, 16.0)
        to_blue, to_red = chroma / (2 * (1 - blue)), chroma / (2 * (1 - red))
        return (
            (luma * red, luma * green, luma * blue, black),
            (-red * to_blue, -green * to_blue, chroma / 2, 128.0),
            (chroma / 2, -green * to_red, -blue * to_red, 128.0),
        )

    def to_rgb(self) -> Rows:
        """Per row the factors of Y', Cb, Cr (8 bits) and a constant: R, G and B from 0 to 255."""
        red, blue = self.weights
        green = 1 - red - blue
        luma, chroma, black = (1.0, 1.0, 0.0) if self.full else (255 / 219, 255 / 224, 16.0)
        of_blue, of_red = 2 * (1 - blue) * chroma, 2 * (1 - red) * chroma
        rows = ((0.0, of_red), (-of_blue * blue / green, -of_red * red / green), (of_blue, 0.0))
        red_row, green_row, blue_row = ((luma, cb, cr, -luma * black - 128 * (cb + cr)) for cb, cr in rows)
        return red_row, green_row, blue_row
