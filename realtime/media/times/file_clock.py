"""One clock for a whole file, judged by all its streams together. It knows packets by their times alone, not FFmpeg.

Nearly all files have sane times, and of those none is changed. What else happens, and what is done about it:

- Wrap: a broadcast clock counts 33 bits and begins again after 26.5 hours. 2**33 ticks are added, exactly.
- Join: recordings were put end to end, so that the clock jumps back. All streams of the new part move by the same: the
  least with which none of them overlaps what came before. Sound that begins late in a part stays late, and sound that
  ran on from part to part still does.
- Gap: nothing comes for a while. It stays as it is.
- Jump ahead: a broadcast clock leaps by more than a loss of reception explains, and nothing runs through the gap. The
  new part is treated as at a join.
- Stray: a few packets have damaged times, and then their stream goes on as before. Sound is put where it was expected.
  Of pictures only the decoder knows the order, so these are left without a time.
- Disorder: a time that is doubled or a little late is put between its neighbours.

To tell these apart the clock looks at what comes next: a packet waits only while something is odd, and then a second of
the file or `MOST_AHEAD` packets at most.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import islice, pairwise
from typing import Generic

from realtime.media.times.lane import MOST_STRAYS, Item, Kind, Lane, StreamTiming, TimedPacket
from realtime.media.times.part import Part

BACK_SECONDS = Fraction(1, 2)  # a smaller step back is disorder
AHEAD_SECONDS = 10  # a longer gap in a broadcast is a jump, unless another stream runs through it
NEAR_SECONDS = 10  # streams of one part are never further apart in the file
PATIENCE_SECONDS = Fraction(1, 20)  # what comes so late needs no second look
REORDER_SECONDS = 1  # pictures are decoded so long before they are shown, at most
LOOK_SECONDS = 1
MOST_AHEAD = 512
MOST_GAPS = 64  # that nobody has looked at


class FileClock(Generic[Item]):
    """Takes a file's packets in their order and gives them back in the same, each with its `shift`.

    `wrap_seconds` is what the clock counts to before it begins again, None where it does not. The times of a
    `broadcast` may leap ahead; those of other files are trusted. `origin` is the time in the file that becomes zero.
    """

    def __init__(
        self,
        streams: Mapping[int, StreamTiming],
        *,
        broadcast: bool = False,
        wrap_seconds: Fraction | None = None,
        origin: Fraction = Fraction(0),
    ) -> None:
        self._rate = math.lcm(*(timing.time_base.denominator for timing in streams.values()), 20)
        self._back, self._gap = self._ticks(BACK_SECONDS), self._ticks(AHEAD_SECONDS)
        self._near, self._look = self._ticks(NEAR_SECONDS), self._ticks(LOOK_SECONDS)
        self._reorder = self._ticks(REORDER_SECONDS)
        self._lanes = {index: self._lane(timing, origin) for index, timing in streams.items()}
        self._broadcast = broadcast
        self._period = None if wrap_seconds is None else round(wrap_seconds * self._rate)
        self._ahead: deque[TimedPacket[Item]] = deque()
        self._count = 0
        # What was found: where parts were joined; where and by how much the clock leapt; where the sound has gaps, all
        # in seconds; and how many packets had times that were worth nothing.
        self.joins: list[float] = []
        self.jumps: list[tuple[float, float]] = []
        self.sound_gaps: deque[float] = deque(maxlen=MOST_GAPS)
        self.strays = 0

    def breaks_between(self, begins: float, ends: float) -> bool:
        """Whether a part of the file begins about here, in seconds."""
        near = float(BACK_SECONDS)
        return any(begins - near <= at <= ends + near for at in (*self.joins, *(at for at, _ in self.jumps)))

    def push(self, packet: TimedPacket[Item]) -> list[TimedPacket[Item]]:
        """The packets whose times are known now."""
        self._place_in_file(packet)
        self._ahead.append(packet)
        return list(self._settled(final=False))

    def rest(self) -> list[TimedPacket[Item]]:
        """What still waits, at the end of the file."""
        return list(self._settled(final=True))

    def _settled(self, final: bool) -> Iterator[TimedPacket[Item]]:
        while self._ahead and self._settle(self._ahead[0], final):
            yield self._ahead.popleft()

    def _settle(self, packet: TimedPacket[Item], final: bool) -> bool:
        """Whether the packet's time is known; if so it has its shift."""
        lane = self._lanes[packet.stream]
        at = lane.arrive_at(packet)
        if not lane.judges(packet):
            packet.shift = None if packet.pts is None else (lane.offset + lane.wraps_of(packet)) // lane.scale
        elif self._in_line(lane, packet, at):
            lane.accept(packet, at)
        elif lane.kind is Kind.SPARSE:
            lane.accept(packet, (lane.last or 0) + lane.scale)
        else:
            return self._judge(lane, packet, at, final)
        return True

    def _in_line(self, lane: Lane, packet: TimedPacket[Item], at: int) -> bool:
        if lane.kind is Kind.SPARSE:
            return lane.last is None or at > lane.last
        if lane.last is None:
            return False  # the first of all: what follows says whether it is right
        return lane.last < at <= lane.end + lane.patience_with(packet)

    def _judge(self, lane: Lane, packet: TimedPacket[Item], at: int, final: bool) -> bool:
        """What an odd time is; False where that takes a look at more of the file."""
        coming = [later for later in self._ahead if later.stream == packet.stream and lane.judges(later)]
        full = final or len(self._ahead) >= MOST_AHEAD
        if len(coming) <= MOST_STRAYS and not full:
            return False
        if lane.last is None:
            self._begin(lane, packet, coming[1:])
        elif (back_at := self._return(lane, coming, at)) is not None:
            self._take_stray(lane, packet, at, back_at)
        elif at > lane.last and not self._leaps(lane, at):
            if lane.kind is Kind.SOUND and at - lane.end < self._gap:
                self.sound_gaps.append(float(Fraction(lane.end, self._rate)))
            lane.accept(packet, at)
        elif not full and not self._seen_enough(packet):
            return False
        elif not self._begin_part(lane, packet, at):
            self._take_stray(lane, packet, at, lane.end + lane.scale)
        return True

    def _begin(self, lane: Lane, packet: TimedPacket[Item], coming: list[TimedPacket[Item]]) -> None:
        """The first packet of a stream: it is right unless those that follow agree on another time."""
        times = [lane.time_of(later) for later in (packet, *coming[:2])]
        if len(times) == 3 and self._breaks(packet, times[:2]) and not self._breaks(coming[0], times[1:]):
            self.strays += 1
            if lane.kind is Kind.PICTURES:
                packet.shift = None
                return
            lane.accept(packet, times[1] - packet.lasts)
        else:
            lane.accept(packet, times[0])

    def _breaks(self, packet: TimedPacket[Item], times: list[int]) -> bool:
        step = times[1] - times[0] - packet.lasts
        return step < -self._back or (self._broadcast and step > self._gap)

    def _return(self, lane: Lane, coming: list[TimedPacket[Item]], at: int) -> int | None:
        """When the stream goes on as before after a few strays; None where it does not."""
        assert lane.last is not None
        before, expected = at, lane.end
        disorder = lane.last - self._back < at <= lane.last
        for passed, later in islice(pairwise(coming), MOST_STRAYS):
            expected += passed.lasts
            time = lane.time_of(later)
            patience = lane.patience_with(later)
            leapt = time < before or time > before + passed.lasts + patience
            least = lane.last if leapt else max(lane.last, expected - patience)
            if (leapt or disorder) and least < time <= expected + patience:
                return time
            before = time
        return None

    def _take_stray(self, lane: Lane, packet: TimedPacket[Item], at: int, back_at: int) -> None:
        """Put sound where it was expected, or at least before what follows; leave pictures to the decoder's order."""
        assert lane.last is not None
        if abs(at - lane.end) >= self._back:
            self.strays += 1
        if lane.kind is Kind.PICTURES and lane.last - self._back < at <= lane.last:
            lane.accept(packet, at)
        elif lane.kind is Kind.PICTURES:
            packet.shift = None
            lane.end += packet.lasts
        else:
            between = lane.last + (back_at - lane.last) // 2
            placed = lane.end if lane.end < back_at or back_at <= lane.last else between
            lane.accept(packet, packet.begins + lane.fitting(max(placed, lane.last + lane.scale) - packet.begins))

    def _leaps(self, lane: Lane, at: int) -> bool:
        """Whether a step ahead is the clock's and not a gap in the stream."""
        others = [other for other in self._lanes.values() if other is not lane and other.dense]
        runs_through = any(other.last is not None and other.end > at - self._gap for other in others)
        return self._broadcast and at - lane.end > self._gap and not runs_through

    def _seen_enough(self, first: TimedPacket[Item]) -> bool:
        """Whether a second of the part that begins with `first` is there."""
        near = (later.begins - first.begins for later in self._ahead if later.stream == first.stream)
        return any(self._look <= step < self._near for step in near)

    def _begin_part(self, lane: Lane, packet: TimedPacket[Item], at: int) -> bool:
        """Move all streams to where the new part follows the old; `packet` is the first of it that was seen.

        False, and no change, where the clock steps back by little, and in this one stream alone.
        """
        part = Part(self._lanes, packet, self._near, self._back)
        for later in self._ahead:
            if later is not packet and self._lanes[later.stream].judges(later):
                part.look_at(later)
        assert lane.last is not None
        if lane.last - self._back < at <= lane.last and not part.shared:
            return False
        offset = part.least_offset()
        for moved, number in part.members():
            moved.changes.append((number, moved.fitting(offset)))
        seconds = float(Fraction(lane.end, self._rate))
        if at < lane.last:
            self.joins.append(seconds)
        else:
            self.jumps.append((seconds, float(Fraction(at - lane.end, self._rate))))
        first = lane.arrive_at(packet)
        lane.accept(packet, first if lane.kind is Kind.PICTURES else max(first, lane.last + lane.scale))
        return True

    def _lane(self, timing: StreamTiming, origin: Fraction) -> Lane:
        scale = round(timing.time_base * self._rate)
        offset = -round(origin / timing.time_base) * scale
        return Lane(timing.kind, scale, offset, self._ticks(PATIENCE_SECONDS))

    def _ticks(self, seconds: Fraction | int) -> int:
        return int(seconds * self._rate)

    def _place_in_file(self, packet: TimedPacket[Item]) -> None:
        """Number the packet, and tell its times in the clock's ticks, with wraps undone."""
        lane = self._lanes[packet.stream]
        packet.number, self._count = self._count, self._count + 1
        packet.lasts = max(packet.duration, 1) * lane.scale
        time = packet.time
        if time is None:
            return
        packet.begins = self._unwrapped(lane, time * lane.scale)
        if packet.pts is not None and packet.dts is not None:
            packet.shown_after = min(max((packet.pts - packet.dts) * lane.scale, 0), self._reorder)

    def _unwrapped(self, lane: Lane, time: int) -> int:
        if self._period is None:
            return time
        lane.wraps += self._wraps_since(lane, time + lane.wraps * self._period)
        time += lane.wraps * self._period
        lane.recent.append(time)
        return time

    def _wraps_since(self, lane: Lane, time: int) -> int:
        """1 where the clock has just begun again, -1 where a late packet still has the time before that, else 0."""
        assert self._period is not None
        known: Iterable[int] = lane.recent
        if not lane.recent or not lane.dense:
            known = [other.recent[-1] for other in self._lanes.values() if other.recent]
        for wraps in (0, 1, -1):
            if any(abs(time + wraps * self._period - before) < self._near for before in known):
                return wraps
        return 0
