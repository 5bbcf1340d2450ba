"""A large picture in overlapping tiles, each with a margin so wide that its own part is computed as within the whole.

Every feature belongs to one tile alone, and sees there what it would see in the whole picture: the sum over the tiles
is the picture's loss, its gradient the picture's gradient, and no seam can show.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from trainers.receptive_field import ReceptiveField


@dataclass(frozen=True, slots=True)
class Span:
    """Along one side, in pixels: what is computed, and of that what is the tile's own, each from … up to."""

    start: int
    stop: int
    own_start: int
    own_stop: int
    length: int

    def own(self, stride: int = 1) -> slice:
        """The tile's own part of what is computed, of features that are `stride` pixels apart."""
        first = (self.own_start - self.start) // stride
        return slice(first, None if self.own_stop == self.length else (self.own_stop - self.start) // stride)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of a picture."""

    rows: Span
    columns: Span

    def of(self, picture: Tensor) -> Tensor:
        """[B, C, H, W] → what is computed, with the margin; a view."""
        return picture[..., self.rows.start : self.rows.stop, self.columns.start : self.columns.stop]

    def own(self, computed: Tensor, stride: int = 1) -> Tensor:
        """Of the tile's pixels or features, its own."""
        return computed[..., self.rows.own(stride), self.columns.own(stride)]


def tiles(height: int, width: int, side: int, fields: Mapping[str, ReceptiveField]) -> list[Tile]:
    """The tiles of a picture, of about `side` pixels square, for features of these fields; small pictures are one."""
    stride = max((field.stride for field in fields.values()), default=1)
    seen = max((max(field.before, field.after) for field in fields.values()), default=0)
    margin = -(-seen // stride) * stride
    columns = list(_spans(width, side, margin, stride))
    return [Tile(rows, across) for rows in _spans(height, side, margin, stride) for across in columns]


def _spans(length: int, side: int, margin: int, stride: int) -> Iterator[Span]:
    """Even parts whose borders lie on every feature's lattice."""
    count = max(1, round(length / side))
    borders = [length * part // (count * stride) * stride for part in range(count)] + [length]
    for own_start, own_stop in pairwise(borders):
        yield Span(max(0, own_start - margin), min(length, own_stop + margin), own_start, own_stop, length)
