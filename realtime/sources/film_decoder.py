"""A film's packets in, its pictures out: in order, with times that rise, and with an account of what is missing."""

import math
import os
import re
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from itertools import chain

import av

from realtime.media.file_reader import AVI, QUICKTIME, AnyPacket, FileReader
from realtime.media.picture_filter import PictureFilters
from realtime.media.streams import frame_ticks, time_base_of
from realtime.media.times.picture_times import DecodeTimes, PictureTimes
from realtime.sources.damage import Damage, Inside
from realtime.sources.gpu_decoder import GpuDecoder

MOST_DECODING_THREADS = 8
MATROSKA = "matroska,webm"
INDEXED = (AVI, QUICKTIME)  # they tell how long the film is before it begins
MATROSKA_LENGTH = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
RECEIVED_FORMATS = ("mpegts", "mpeg")  # what is lost on the way leaves a hole and no other trace
EXACT_SECONDS = 0.25
SLACK_SECONDS = 1.0
MOST_EMPTY_SECONDS = Fraction(1, 10)  # of a film that is begun between two pictures, before the first
SLACK = 0.02  # of the length

TimedPicture = tuple[av.VideoFrame, int]


class FilmDecoder:
    """The pictures of a file and the time of each in ticks, decoded on the processor or by `gpu`.

    `before` decodes again what another decoder of the same file had, which must not have got further than its first
    picture. `report` is told in a line what is done to the pictures.
    """

    def __init__(
        self,
        reader: FileReader,
        report: Callable[[str], None],
        *,
        gpu: GpuDecoder | None = None,
        before: "FilmDecoder | None" = None,
    ) -> None:
        film = reader.film
        self.time_base = time_base_of(film)
        self.frame_ticks = frame_ticks(film)
        self.reason = ""
        self.gpu = gpu
        self._reader, self._report = reader, report
        self._context = film.codec_context
        self._sent: list[AnyPacket] = list(before._sent) if before else []
        self._keeps = True
        self._failures_seen = 0
        in_broadcast = reader.container.format.name in RECEIVED_FORMATS
        self._damage = Damage(
            float(self.frame_ticks * self.time_base),
            holes_are_damage=in_broadcast,
            begins=0.0 if reader.start else -math.inf,
        )
        self._inside = Inside()
        self._ends = 0.0
        self._times: PictureTimes[av.VideoFrame] = PictureTimes(
            self.frame_ticks, begins=-round(reader.start / self.time_base)
        )
        self._begin_decoding(film)
        self._pictures = self._from_start(self._timed(self._filtered(self._decoded(list(self._sent)))))

    def next(self) -> TimedPicture | None:
        """The next picture; None at the end."""
        return next(self._pictures, None)

    def took(self, picture: av.VideoFrame, pts: int) -> None:
        """The picture is given: from now on nothing is decoded again."""
        self._keeps = False
        self._sent.clear()
        seconds, ended = float(pts * self.time_base), self._ends
        self._ends = float((pts + (picture.duration or self.frame_ticks)) * self.time_base)
        self._damage.give(seconds, spoilt=picture.is_corrupt, anew=self._reader.clock.breaks_between(ended, seconds))

    def close(self) -> None:
        self._pictures.close()

    def end(self) -> tuple[list[str], bool]:
        """What was wrong on the way to the end, each in a line for people, and whether the end is lost."""
        lost, stopped = self._lost_seconds(), self._reader.stopped
        is_lost, zero_at = bool(lost or stopped), float(self._reader.start)
        if is_lost or not _is_indexed(self._reader):
            self._damage.forgive_end()
        damage = self._damage.told(zero_at)
        lines = [*self._lines_of_clock(zero_at), *([f"is damaged: {damage}"] if damage else [])]
        if is_lost:
            why = f" ({stopped})" if stopped else ""
            much = f": the last {lost:.1f} s are lost" if lost else ""
            lines.append(f"breaks off at {zero_at + self._ends:.1f} s{why}{much}")
        return lines, is_lost

    def _begin_decoding(self, film: av.VideoStream) -> None:
        if self._sent:
            self._context.flush_buffers()
            return
        film.thread_type = "AUTO"
        film.thread_count = min(MOST_DECODING_THREADS, os.cpu_count() or 1)

    def _packets(self, again: list[AnyPacket]) -> Iterator[AnyPacket]:
        """Those that another decoder had before, and then the file's."""
        yield from again
        while (packet := self._reader.next_picture()) is not None:
            if self._keeps:
                self._keep(packet)
            yield packet

    def _keep(self, packet: AnyPacket) -> None:
        """For another decoder; what lies long before the start it need not have."""
        if packet.is_keyframe and self._reader.start and packet.pts is not None and packet.pts < 0:
            before = [at for at, sent in enumerate(self._sent) if sent.is_keyframe]
            del self._sent[: before[-1] if before else 0]
        self._sent.append(packet)

    def _decoded(self, again: list[AnyPacket]) -> Generator[av.VideoFrame, None, None]:
        """Every frame that decodes; what does not is told to the damage."""
        times = DecodeTimes() if self._reader.knows_decode_times_only else None
        for packet in chain(self._packets(again), (None,)):
            if packet is not None and times is not None:
                times.send(packet.dts)
                packet.pts = packet.dts  # so that the picture tells which packet it comes from
            for picture in self._decode(packet):
                self._inside.came_out(picture.pts)
                if times is not None:
                    picture.pts = times.take(picture.pts, is_key=picture.key_frame)
                yield picture

    def _decode(self, packet: "AnyPacket | None") -> list[av.VideoFrame]:
        """The pictures that come out after the packet, or, after None, at the end."""
        seconds = None if packet is None or packet.pts is None else float(packet.pts * packet.time_base)
        while self._reader.clock.sound_gaps:
            self._damage.suspect(self._reader.clock.sound_gaps.popleft())
        for missed in self._inside.sent(None if packet is None else packet.pts, ended=packet is None):
            self._damage.suspect(float(missed * self.time_base))
        if self._reader.failures > self._failures_seen or (packet is not None and packet.is_corrupt):
            self._failures_seen = self._reader.failures
            self._damage.suspect(seconds)
        try:
            return self.gpu.decode(packet) if self.gpu else self._context.decode(packet)
        except av.EOFError:
            return []
        except av.FFmpegError as error:
            self.reason = error.strerror or str(error)
            self._damage.fail(seconds)
            return []

    def _filtered(self, frames: Iterator[av.VideoFrame]) -> Generator[av.VideoFrame, None, None]:
        """The frames, put right where they are unusual."""
        filters = PictureFilters(self.time_base, self._report)
        for frame in frames:
            yield from filters.push(frame)
        yield from filters.rest()

    def _timed(self, frames: Iterator[av.VideoFrame]) -> Generator[TimedPicture, None, None]:
        """The frames with their times; made up where the file has none, as raw streams."""
        for frame in frames:
            yield from self._times.push(frame, frame.pts)
        yield from self._times.rest()

    def _from_start(self, pictures: Iterator[TimedPicture]) -> Generator[TimedPicture, None, None]:
        """Those from the reader's start on; where none begins there, first the one that is still shown."""
        if not self._reader.start:
            yield from pictures
            return
        before: TimedPicture | None = None
        first: TimedPicture | None = None
        for picture, pts in pictures:
            if pts >= 0:
                first = picture, pts
                break
            before = picture, pts
        if before is not None and self._is_still_shown(*before, None if first is None else first[1]):
            yield before[0], 0
        if first is not None:
            yield first
            yield from pictures

    def _is_still_shown(self, picture: av.VideoFrame, pts: int, following: int | None) -> bool:
        """Whether a picture from before the start is shown at it, and for so long that it would be missed."""
        ends = pts + (picture.duration or 0) if following is None else following
        return ends > MOST_EMPTY_SECONDS / self.time_base

    def _lost_seconds(self) -> float:
        """How much is missing at the end, by what the file says of its length."""
        ends = _declared_end(self._reader)
        if ends is None:
            return 0.0
        lost = ends - self._ends
        if self._damage.reaches(self._ends) or self._reader.failures:
            slack = 1.5 * float(self.frame_ticks * self.time_base)
        else:  # AVI counts what it left out, as where a screen stood still
            slack = max(SLACK_SECONDS, SLACK * ends) if self._reader.container.format.name == AVI else EXACT_SECONDS
        return lost if lost > slack else 0.0

    def _lines_of_clock(self, zero_at: float) -> Iterator[str]:
        clock = self._reader.clock
        if clock.joins:
            times = "" if len(clock.joins) == 1 else f"{len(clock.joins)} times, first "
            at = zero_at + clock.joins[0]
            yield f"was joined of parts: the clock jumps back {times}at {at:.1f} s, and goes on from there"
        for at, by in clock.jumps:
            leaps = f"has a clock that leaps ahead by {by:.1f} s at {zero_at + at:.1f} s"
            yield f"{leaps}: pictures and sound go on without the gap"
        if odd := clock.strays + self._times.moved:
            yield f"has times out of order, which were put in line ({odd} times)"


def _is_indexed(reader: FileReader) -> bool:
    return reader.container.format.name in INDEXED


def _declared_end(reader: FileReader) -> float | None:
    """When the film ends, in seconds, by what the file said before it began; None where it says nothing to rely on."""
    film, clock = reader.film, reader.clock
    if clock.joins or clock.jumps:
        return None
    ends: Fraction | None = None
    if _is_indexed(reader) and film.duration:
        listed = film.frames * frame_ticks(film) if reader.container.format.name == AVI else 0
        ends = ((film.start_time or 0) + max(film.duration, listed)) * time_base_of(film)
    elif reader.container.format.name == MATROSKA:
        ends = _matroska_length(film.metadata)
    return None if ends is None else float(ends - reader.origin_seconds)


def _matroska_length(metadata: dict[str, str]) -> Fraction | None:
    """Of the tag that FFmpeg and mkvmerge write; the header's length FFmpeg may have guessed."""
    written = MATROSKA_LENGTH.match(metadata.get("DURATION", metadata.get("DURATION-eng", "")))
    if written is None:
        return None
    hours, minutes, seconds = written.groups()
    return 3600 * Fraction(hours) + 60 * Fraction(minutes) + Fraction(seconds)
