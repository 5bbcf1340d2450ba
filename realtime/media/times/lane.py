"""One stream on the clock of its file: its packets, and where it stands."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Generic, TypeVar

Item = TypeVar("Item")

MOST_STRAYS = 3  # in a row


class Kind(Enum):
    """How a stream's times go on: pictures are reordered, sound is gapless, subtitles come now and then."""

    PICTURES = "pictures"
    SOUND = "sound"
    SPARSE = "sparse"


@dataclass(frozen=True, slots=True)
class StreamTiming:
    """`time_base` is the length of a stream's tick in seconds."""

    time_base: Fraction
    kind: Kind


@dataclass(slots=True)
class TimedPacket(Generic[Item]):
    """A packet with its times in ticks of its stream. `shift` is the clock's answer: how far to move both times.

    None says that they are worth nothing.
    """

    item: Item
    stream: int
    dts: int | None
    pts: int | None
    duration: int
    shift: int | None = 0
    number: int = 0
    begins: int = 0
    lasts: int = 0
    shown_after: int = 0

    @property
    def time(self) -> int | None:
        """The time at which the packet's turn is."""
        return self.pts if self.dts is None else self.dts


@dataclass(slots=True)
class Lane:
    """What the clock knows of one stream; all times in the clock's ticks, of which `scale` make one of the stream's.

    `offset` is added to the file's times; `changes` are offsets to come, with the number of the packet they begin at.
    What comes up to `patience` after it was expected needs no second look.
    """

    kind: Kind
    scale: int
    offset: int
    patience: int
    last: int | None = None
    end: int = 0
    shown_until: int = 0
    wraps: int = 0
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=MOST_STRAYS + 1))
    changes: deque[tuple[int, int]] = field(default_factory=deque)

    @property
    def dense(self) -> bool:
        return self.kind is not Kind.SPARSE

    def judges(self, packet: TimedPacket[Item]) -> bool:
        """Whether the packet's time can be judged: those at which pictures are shown are in no order in the file."""
        return packet.dts is not None or (packet.pts is not None and self.kind is not Kind.PICTURES)

    def patience_with(self, packet: TimedPacket[Item]) -> int:
        return max(self.patience, 2 * packet.lasts)

    def time_of(self, packet: TimedPacket[Item]) -> int:
        """When the packet begins, by the offset that holds for it."""
        offset = self.offset
        for number, later in self.changes:
            if number <= packet.number:
                offset = later
        return packet.begins + offset

    def arrive_at(self, packet: TimedPacket[Item]) -> int:
        """The same, for the packet whose turn it is."""
        while self.changes and self.changes[0][0] <= packet.number:
            self.offset = self.changes.popleft()[1]
        return packet.begins + self.offset

    def accept(self, packet: TimedPacket[Item], at: int) -> None:
        """The packet begins at `at`."""
        packet.shift = (at - packet.begins + self.wraps_of(packet)) // self.scale
        self.last = at if self.last is None else max(self.last, at)
        self.end = self.last + packet.lasts
        self.shown_until = max(self.shown_until, at + packet.shown_after + packet.lasts)

    def wraps_of(self, packet: TimedPacket[Item]) -> int:
        """How far the packet's own time was moved on for the wraps before it."""
        return packet.begins - (packet.time or 0) * self.scale

    def fitting(self, offset: int) -> int:
        """The offset in whole ticks of the stream."""
        return round(Fraction(offset, self.scale)) * self.scale
