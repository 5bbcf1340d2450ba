"""Where a file's clock begins anew: which packets are in the new part, and where it has to begin."""

from collections.abc import Iterator, Mapping
from typing import Any

from realtime.media.times.lane import MOST_STRAYS, Lane, TimedPacket


class Part:
    """A part of the file that begins with the packet `first`: which streams are in it, and from which packet on.

    A packet after `first` that belongs to the part before it is known by its time: it is nearer to where its own stream
    stood than to where the new part stands.
    """

    def __init__(self, lanes: Mapping[int, Lane], first: TimedPacket[Any], near: int, back: int) -> None:
        self._lanes, self._first, self._near, self._back = lanes, first, near, back
        self._now = first.begins
        self._gone_back = 0
        self._went_on: set[int] = set()
        self._expected = {stream: lane.end for stream, lane in lanes.items()}
        self._ends = {stream: lane.shown_until for stream, lane in lanes.items()}
        self._numbers = {first.stream: first.number}
        self._starts = {first.stream: first.begins + first.shown_after}
        self._next_number = first.number + 1

    def look_at(self, packet: TimedPacket[Any]) -> None:
        """A packet that comes after the first."""
        stream, away = packet.stream, abs(packet.begins - self._now)
        self._next_number = packet.number + 1
        if stream == self._first.stream and self._gone_back <= MOST_STRAYS:
            self._gone_back = self._gone_back + 1 if packet.begins < self._now - self._back else 0
        if self._gone_back > MOST_STRAYS:
            return  # the next part has begun
        if stream == self._first.stream and self._gone_back:
            return
        if stream in self._numbers and away < self._near:
            self._starts[stream] = min(self._starts[stream], packet.begins + packet.shown_after)
        elif stream not in self._numbers and away < min(self._near, self._left_behind(packet)):
            self._numbers[stream] = packet.number
            self._starts[stream] = packet.begins + packet.shown_after
        elif stream not in self._numbers and self._left_behind(packet) < self._near:
            self._stays(packet)
        if stream == self._first.stream and away < self._near:
            self._now = packet.begins

    @property
    def shared(self) -> bool:
        """Whether more than one stream is seen to begin anew."""
        return sum(self._lanes[stream].dense for stream in self._numbers) > 1

    def least_offset(self) -> int:
        """The least by which the part can move and overlap nothing."""
        begun = [
            stream for stream in self._starts if self._lanes[stream].dense and self._lanes[stream].last is not None
        ]
        return max(self._ends[stream] - self._starts[stream] for stream in begun)

    def members(self) -> Iterator[tuple[Lane, int]]:
        """The streams that move, each with the number of its first packet in the part."""
        for stream, lane in self._lanes.items():
            if stream in self._numbers or not lane.dense or stream not in self._went_on:
                yield lane, self._numbers.get(stream, self._next_number)

    def _left_behind(self, packet: TimedPacket[Any]) -> int:
        """How far the packet is from where its stream stood; a stream that has gaps stood where the others did."""
        lane = self._lanes[packet.stream]
        stood = packet.stream if lane.dense and lane.last is not None else self._first.stream
        return abs(lane.time_of(packet) - self._expected[stood])

    def _stays(self, packet: TimedPacket[Any]) -> None:
        lane = self._lanes[packet.stream]
        ends = lane.time_of(packet) + packet.lasts
        self._went_on.add(packet.stream)
        self._expected[packet.stream] = max(self._expected[packet.stream], ends)
        self._ends[packet.stream] = max(self._ends[packet.stream], ends + packet.shown_after)
