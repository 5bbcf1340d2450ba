"""What a file holds besides the picture: sound, subtitles, covers, fonts, chapters and metadata."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction

import av
from av.container import OutputContainer
from av.stream import Stream

from realtime.media.carried.choice import carry
from realtime.media.carried.stream import Carried, described
from realtime.media.clip import Clip, kept_metadata
from realtime.media.containers import ANIMATION, AUTO
from realtime.media.file_reader import AnyPacket, FileReader

MOST_TICKS = 2**31 - 1
UNREADABLE = (av.InvalidDataError, av.PatchWelcomeError, av.ArgumentError)
# The index comes with the first piece, so that it can tell by how much the sound's encoder begins early.
STREAMED_FLAGS = "+frag_keyframe+delay_moov+default_base_moof"
STREAMED_PIECES = {"frag_duration": "1000000"}  # microseconds
# The keys that MP4's classic tags hold; any other needs QuickTime's metadata table instead.
CLASSIC_MP4_KEYS = {
    *("title", "artist", "album_artist", "composer", "album", "track", "disc", "date", "comment", "genre", "copyright"),
    *("grouping", "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords"),
    *("creation_time", "location"),
}


class StreamCopy:
    """Copies from the clip's file into an output, packet by packet, up to the time that the pictures have reached.

    The packets come from the reader that reads the pictures too, on the same clock. A stream that the output cannot
    hold is told with the remedy. `add_video` is called when it is the video's turn, so that the streams stay in order.

    Chapters that begin after `ends` seconds are left out.

    The pictures go through `mux` as well. A muxer keeps packets back to put them in order, so that it may refuse a
    damaged one of the sound when it is given a picture: which ones were refused shows when the output is closed.
    """

    def __init__(
        self,
        clip: Clip,
        output: OutputContainer,
        report: Callable[[str], None],
        add_video: Callable[[], None],
        audio: str = AUTO,
        *,
        ends: Fraction | None = None,
    ) -> None:
        self._report = report
        self._audio = audio
        self._output = output
        self._reader = clip.reader
        self._carried: dict[int, Carried] = {}
        self._names: dict[int, str] = {}  # of what is carried, by its place in the output
        self._given: Counter[int] = Counter()
        self._refusals: list[av.FFmpegError] = []
        if self._reader is None:
            add_video()
            return
        self._add_streams(self._reader, add_video)
        _copy_about(self._reader, output, ends)
        self._reader.keep(self._carried.keys())

    def until(self, seconds: Fraction, *, read_on: bool = False) -> None:
        """Write the packets that begin before this time of the clip, as far as the file was read, or with `read_on`."""
        while (packet := self._next(seconds, read_on=read_on)) is not None:
            self._write(packet)

    def rest(self) -> None:
        """Write all packets that are left."""
        while (packet := self._next(read_on=True)) is not None:
            self._write(packet)

    def mux(self, packets: Iterable[AnyPacket]) -> None:
        """Write packets of the output's streams; one that the muxer refuses is no reason to lose the others."""
        for packet in packets:
            self._given[packet.stream_index] += 1
            try:
                self._output.mux(packet)
            except UNREADABLE as error:
                self._refuse(error)

    def close(self) -> None:
        """Write what encoders still hold, close the output and tell what it refused."""
        for carried in self._carried.values():
            self.mux(carried.rest())
        streams = tuple(self._output.streams)
        try:
            self._output.close()
        except UNREADABLE as error:
            self._refuse(error)
        if self._refusals:
            self._tell_refused(streams)

    def _refuse(self, error: av.FFmpegError) -> None:
        """Raise what cannot be about a packet of what is carried: each is refused once at most."""
        self._refusals.append(error)
        if len(self._refusals) > sum(self._given[index] for index in self._names):
            raise error

    def _tell_refused(self, streams: Iterable[Stream]) -> None:
        missing = {stream.index: self._given[stream.index] - stream.frames for stream in streams}
        of_carried = sum(missing[index] for index in self._names)
        if of_carried < len(self._refusals):
            raise self._refusals[-1]
        for index, name in self._names.items():
            # A muxer that makes one packet of several lacks more than it refused.
            if 0 < missing[index] <= len(self._refusals):
                count = "1 packet" if missing[index] == 1 else f"{missing[index]} packets"
                self._report(f"{name} is damaged: {count} left out that no copy can hold")

    def _add_streams(self, reader: FileReader, add_video: Callable[[], None]) -> None:
        for stream in reader.container.streams:
            if stream is reader.film:
                add_video()
            elif (carried := carry(stream, self._output, self._audio, self._report, reader)) is not None:
                self._carried[stream.index] = carried
                self._names[len(self._output.streams) - 1] = described(stream)

    def _write(self, packet: AnyPacket) -> None:
        self.mux(self._carried[packet.stream_index].packets_of(packet))

    def _next(self, before: Fraction | None = None, *, read_on: bool = False) -> "AnyPacket | None":
        """The packet to write next; None where there is none yet."""
        return self._reader.beside(before, read_on=read_on) if self._reader and self._carried else None


def muxer_options(clip: Clip, container: str, *, streamed: bool = False) -> dict[str, str]:
    """What the muxer must be told: MP4 starts fast, counts finely enough for every stream and keeps all metadata.

    Where it is `streamed` it comes in pieces, the first with the index. An animation begins again for ever.
    """
    if container == ANIMATION.name:
        return {"loop": "0"}
    if container not in ("mp4", "mov"):
        return {}
    flags, ticks = STREAMED_FLAGS if streamed else "+faststart", [clip.time_base.denominator]
    if clip.reader is not None:
        source = clip.reader.container
        ticks += [stream.time_base.denominator for stream in source.streams if stream.time_base]
        ticks += [sound.sample_rate for sound in source.streams.audio if sound.codec_context and sound.sample_rate]
        if not {key.lower() for key in kept_metadata(source.metadata)} <= CLASSIC_MP4_KEYS:
            flags += "+use_metadata_tags"
    timescale = math.lcm(*ticks)
    fine = {"movie_timescale": str(timescale)} if 1000 <= timescale <= MOST_TICKS else {}
    return {"movflags": flags, **fine, **(STREAMED_PIECES if streamed else {})}


def _copy_about(reader: FileReader, output: OutputContainer, ends: Fraction | None) -> None:
    """Metadata, and of the chapters what lies between the reader's start and the end."""
    output.metadata.update(kept_metadata(reader.container.metadata))
    chapters = reader.container.chapters()
    for chapter in chapters:
        time_base = chapter["time_base"] or 1
        shift = round(reader.origin_seconds / time_base)
        chapter["start"] -= shift
        chapter["end"] -= shift
        if reader.start:
            chapter["start"] = max(chapter["start"], 0)
        if ends is not None:
            chapter["end"] = min(chapter["end"], round(ends / time_base))
    is_cut = bool(reader.start) or ends is not None
    output.set_chapters([chapter for chapter in chapters if not is_cut or chapter["start"] < chapter["end"]])
