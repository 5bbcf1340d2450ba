"""A film's file, read once and in its order: packets of the pictures for the decoder, and those of all else for a copy.

All packets come with the times of the file's one clock.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from fractions import Fraction
from typing import Any, TypeAlias, cast

import av
from av.container import InputContainer
from av.format import Flags
from av.stream import Stream

from realtime.media.streams import frame_ticks, is_cover, rate_of, time_base_of
from realtime.media.times.file_clock import FileClock
from realtime.media.times.lane import Kind, StreamTiming, TimedPacket

AnyPacket: TypeAlias = "av.Packet[Any]"

AVI = "avi"
QUICKTIME = "mov,mp4,m4a,3gp,3g2,mj2"
BROADCAST_FORMATS = ("mpegts", "mpeg", "hls")
BROADCAST_WRAP_SECONDS = Fraction(2**33, 90000)
LATE_START_SECONDS = 10
LONGEST_SECONDS = 86_400  # of one packet, which may be a line of subtitles
# FFmpeg finds the picture from which others are decoded by the time at which that is done, which may be a second before
# it is shown, and in a broadcast any place: so far apart are two such pictures there at most, at the usual settings.
RUN_UP_SECONDS, BROADCAST_RUN_UP_SECONDS = 1, 30
TEXT = "subtitle"
COPIED_KINDS = ("audio", TEXT)
MOST_WAITING_SECONDS, MOST_WAITING_BYTES = 10, 16 * 2**20  # of pictures, until the sound of their moment is read
MOST_FAILURES = 20  # in a row: demuxers go on behind damage, or do not


class FileReader:
    """Packets of `film`, the pictures, and of the sound, subtitles and covers beside it.

    What is beside the film waits in memory until somebody takes it. It is kept from the beginning where `keep` was
    called before `keep_nothing_more`, and otherwise thrown away.
    `origin_seconds` is the time in the file that became zero: that at which its `clock_begins`, or `start` seconds
    after it begins. What is beside the film begins there too; pictures from which that of the start is decoded have
    times below zero.
    """

    def __init__(self, container: InputContainer, film: av.VideoStream, start: Fraction = Fraction(0)) -> None:
        self.container, self.film, self.start = container, film, start
        self.clock_begins = _origin_seconds(container, film)
        self.origin_seconds = self.clock_begins
        if start:
            begins = max(self.clock_begins, Fraction(container.start_time or 0, av.time_base))
            self.origin_seconds = (begins + start) // time_base_of(film) * time_base_of(film)
        self.stopped = ""  # why reading stopped before the end
        self.failures = 0  # of reading a packet
        read = [stream for stream in container.streams if stream is film or _goes_beside(stream)]
        for stream in container.streams:
            if stream not in read:
                stream.discard = av.stream.Discard.all
        broadcast = container.format.name in BROADCAST_FORMATS
        self.clock: FileClock[AnyPacket] = FileClock(
            {stream.index: StreamTiming(time_base_of(stream), _kind_of(stream)) for stream in read},
            broadcast=broadcast,
            wrap_seconds=BROADCAST_WRAP_SECONDS if broadcast else None,
            origin=self.origin_seconds,
        )
        self._read = read
        self._packets = container.demux(read)
        self._in_a_row = 0
        self._unread = film.frames  # as far as an index tells
        self._ended = False
        self._pictures: deque[AnyPacket] = deque()
        self._beside: deque[AnyPacket] = deque()
        self._beside_until = Fraction(0)
        self._kept: Collection[int] | None = None
        self._keeps = True
        self._lock = threading.Lock()

    def wind(self) -> None:
        """Skip what need not be read before the start; once, before anything is read, and not what is read once.

        Nothing is skipped where the file does not say when pictures are shown, for then the first ones tell.
        """
        if self.knows_decode_times_only:
            return
        early = BROADCAST_RUN_UP_SECONDS if self.container.format.name in BROADCAST_FORMATS else RUN_UP_SECONDS
        place = math.floor((self.origin_seconds - early) * av.time_base)
        if place <= (self.container.start_time or 0):
            return
        with suppress(av.FFmpegError):
            self.container.seek(place)
            self._unread -= int(self.start * (rate_of(self.film) or 0))

    @property
    def knows_decode_times_only(self) -> bool:
        """Whether the file says when pictures are decoded and not when they are shown."""
        container, no_times = self.container.format, cast("int", Flags.no_timestamps.value)
        return container.name == AVI or bool(container.flags & no_times)

    def next_picture(self) -> "AnyPacket | None":
        """The film's next packet; None at the end of the file or of what can be read of it."""
        with self._lock:
            while not self._pictures and not self._ended:
                self._read_on()
            return self._pictures.popleft() if self._pictures else None

    def keep(self, streams: Collection[int]) -> None:
        """Keep the packets of these streams alone, by their index, from the file's beginning.

        RuntimeError where pictures were taken before, and what lay beside them is gone.
        """
        if not self._keeps:
            raise RuntimeError("the sound is gone: open the sink before the first frame is read")
        self._kept = streams
        self._beside = deque(packet for packet in self._beside if packet.stream_index in streams)

    def keep_nothing_more(self) -> None:
        """From now on, where nobody has asked for it, what is beside the film is thrown away."""
        if self._kept is None:
            self._keeps = False
            self._beside.clear()

    def beside(self, before: Fraction | None = None, *, read_on: bool = False) -> "AnyPacket | None":
        """The next packet beside the film, if it begins before that many seconds; None where there is none yet.

        With `read_on` the file is read for it, up to a second behind that time, and pictures on the way are lost.
        """
        if read_on:
            self._read_for_beside(before)
        if not self._beside or (before is not None and begins_at(self._beside[0]) >= before):
            return None
        return self._beside.popleft()

    def read_ahead(self, until: Fraction) -> bool:
        """Read what is beside the film up to that many seconds; pictures wait meanwhile, and only so many.

        False where they are too many, and what is beside them lies farther on in the file.
        """
        with self._lock:
            while not self._ended and self._beside_until < until and self._has_room():
                self._read_on()
            return self._ended or self._beside_until >= until

    def skip_pictures(self, until: Fraction, seconds: float) -> None:
        """Read what is beside the film as far as that, for so long at most; pictures on the way are lost."""
        late_at = time.perf_counter() + seconds
        with self._lock:
            while not self._ended and self._beside_until < until and time.perf_counter() < late_at:
                self._read_on()
                self._pictures.clear()

    def _has_room(self) -> bool:
        waiting = self._pictures
        if not waiting:
            return True
        few = sum(picture.size for picture in waiting) < MOST_WAITING_BYTES
        return few and begins_at(waiting[-1]) - begins_at(waiting[0]) < MOST_WAITING_SECONDS

    def _read_for_beside(self, before: Fraction | None) -> None:
        with self._lock:
            passed = False
            while not (self._beside or self._ended or passed):
                self._read_on()
                passed = before is not None and any(begins_at(picture) > before + 1 for picture in self._pictures)
                self._pictures.clear()

    def cover(self, stream: Stream) -> bytes:
        """The picture of a stream that is a cover: containers give it before all else."""
        return next((bytes(packet) for packet in self._beside if packet.stream_index == stream.index), b"")

    def close(self) -> None:
        self._ended = True
        self.container.close()

    def _read_on(self) -> None:
        """Read a packet; it comes out when the clock knows its time."""
        try:
            packet = next(self._packets)
        except (StopIteration, av.EOFError, IndexError):  # PyAV's where damage looks like one more stream, at the end
            self._go_on_or_end()
        except av.FFmpegError as error:
            self._fail(error)
        else:
            self._in_a_row = 0
            self._unread -= packet.stream_index == self.film.index
            if packet.size:  # an empty one ends a stream
                for timed in self.clock.push(self._timed(packet)):
                    self._hand_out(timed)

    def _go_on_or_end(self) -> None:
        """An index may list pictures that a file cut short lacks, and sound behind each of them that is there."""
        self._unread -= 1
        if self._unread >= 0 and self.container.format.name == QUICKTIME:
            self._packets = self.container.demux(self._read)
        else:
            self._end()

    def _fail(self, error: av.FFmpegError) -> None:
        self._in_a_row += 1
        self.failures += 1
        if self._in_a_row > MOST_FAILURES or not isinstance(error, av.InvalidDataError):
            self.stopped = error.strerror or str(error)
            self._end()
        else:
            self._packets = self.container.demux(self._read)

    def _end(self) -> None:
        self._ended = True
        for timed in self.clock.rest():
            self._hand_out(timed)

    def _timed(self, packet: "AnyPacket") -> "TimedPacket[AnyPacket]":
        if packet.duration and not 0 < packet.duration * packet.time_base < LONGEST_SECONDS:
            packet.duration = 0  # FFmpeg's Ogg ends in one that should be below zero, and MP4's muxer refuses it
        usual = frame_ticks(self.film) if packet.stream_index == self.film.index else 0
        return TimedPacket(packet, packet.stream_index, packet.dts, packet.pts, packet.duration or usual)

    def _hand_out(self, timed: "TimedPacket[AnyPacket]") -> None:
        packet = timed.item
        if timed.shift is None:
            packet.pts = packet.dts = None
        elif timed.shift:
            packet.pts = None if packet.pts is None else packet.pts + timed.shift
            packet.dts = None if packet.dts is None else packet.dts + timed.shift
        if timed.stream == self.film.index:
            self._pictures.append(packet)
        elif self._keeps and (self._kept is None or timed.stream in self._kept):
            self._lay_beside(packet)

    def _lay_beside(self, packet: "AnyPacket") -> None:
        """What the start cuts is left out, but for a line of text, which is shown from there on."""
        if self.start and begins_at(packet) < 0 and not is_cover(packet.stream):
            lasts = _ends_at(packet) / packet.time_base
            if packet.stream.type != TEXT or lasts <= 0:
                return
            packet.pts, packet.dts, packet.duration = 0, 0, round(lasts)
        self._beside.append(packet)
        self._beside_until = begins_at(packet)


def begins_at(packet: "AnyPacket") -> Fraction:
    """Seconds; a packet without a time goes with what is written now."""
    time = packet.dts if packet.dts is not None else packet.pts
    return Fraction(0) if time is None else time * packet.time_base


def _ends_at(packet: "AnyPacket") -> Fraction:
    """Seconds; where it begins, if it does not say how long it lasts."""
    return begins_at(packet) + (packet.duration or 0) * packet.time_base


def _goes_beside(stream: Stream) -> bool:
    return stream.type in COPIED_KINDS or is_cover(stream)


def _kind_of(stream: Stream) -> Kind:
    if stream.type == "audio":
        return Kind.SOUND
    return Kind.PICTURES if stream.type == "video" and not is_cover(stream) else Kind.SPARSE


def _origin_seconds(container: InputContainer, film: av.VideoStream) -> Fraction:
    """Zero, unless players would wait long for the first picture, or never show it because its time is below zero.

    FFmpeg puts below zero what a broadcast clock counts before it wraps.
    """
    start = Fraction(container.start_time or 0, av.time_base)
    late = container.format.name in BROADCAST_FORMATS and start >= LATE_START_SECONDS
    if not late and (film.start_time or 0) >= 0:
        return Fraction(0)
    return start // time_base_of(film) * time_base_of(film)
