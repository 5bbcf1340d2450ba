"""What a file holds besides the picture: sound, subtitles, covers, fonts, chapters and metadata."""

import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer, OutputContainer

from realtime.media.carried.choice import carry
from realtime.media.carried.sound_choice import AUTO
from realtime.media.carried.stream import Carried, described
from realtime.media.clip import Clip, file_url, film_of, kept_metadata
from realtime.media.steady_clock import SteadyClock

MOST_TICKS = 2**31 - 1
UNREADABLE = (av.InvalidDataError, av.PatchWelcomeError)
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

    The file is opened a second time, without its video, so that no packet waits in memory for its picture. A stream
    that the output cannot hold is told with the remedy. `add_video` is called when it is the video's turn, so that the
    streams stay in order.
    """

    def __init__(
        self,
        clip: Clip,
        output: OutputContainer,
        report: Callable[[str], None],
        add_video: Callable[[], None],
        audio: str = AUTO,
    ) -> None:
        self._report = report
        self._audio = audio
        self._output = output
        self._origin = clip.origin_seconds
        self._input: InputContainer | None = None
        self._carried: dict[int, Carried] = {}
        self._refused: Counter[int] = Counter()
        self._clocks: dict[int, SteadyClock] = {}
        self._waiting: av.Packet[Any] | None = None
        self._ended = False
        if clip.path is None:
            add_video()
            return
        self._input = av.open(file_url(clip.path), metadata_errors="replace")
        self._add_streams(self._input, add_video)
        _copy_about(self._input, output, self._origin)
        copied = [self._input.streams[index] for index in self._carried]
        self._packets = self._input.demux(copied) if copied else iter(())

    def until(self, seconds: Fraction) -> None:
        """Write the packets that begin before this time of the clip."""
        while (packet := self._next()) is not None and _begins(packet) < seconds:
            self._waiting = None
            self._write(packet)

    def rest(self) -> None:
        """Write all packets that are left."""
        while (packet := self._next()) is not None:
            self._waiting = None
            self._write(packet)

    def end(self) -> None:
        """Write what encoders still hold of the packets that were read."""
        for carried in self._carried.values():
            for ready in carried.rest():
                self._output.mux(ready)
        for index, count in self._refused.items():
            assert self._input is not None
            name = described(self._input.streams[index])
            self._report(f"{name} is damaged: {count} packets cannot be copied and are left out")

    def close(self) -> None:
        if self._input is not None:
            self._input.close()

    def _add_streams(self, source: InputContainer, add_video: Callable[[], None]) -> None:
        film = film_of(source)
        for stream in source.streams:
            if stream is film:
                add_video()
                stream.discard = av.stream.Discard.all
            elif (carried := carry(stream, self._output, self._audio, self._report)) is not None:
                self._carried[stream.index] = carried
                self._clocks[stream.index] = SteadyClock(stream.time_base or Fraction(1, av.time_base))

    def _write(self, packet: "av.Packet[Any]") -> None:
        index = packet.stream_index
        for ready in self._carried[index].packets_of(packet):
            try:
                self._output.mux(ready)
            except UNREADABLE:  # the muxer reads headers of packets, and this one is damaged
                self._refused[index] += 1

    def _next(self) -> "av.Packet[Any] | None":
        """The packet to write next, without taking it; None at the end of the file or of what can be read of it."""
        while self._waiting is None and self._carried and not self._ended:
            try:
                packet = next(self._packets, None)
            except av.FFmpegError as error:
                self._report(f"copying sound and subtitles stopped: {error.strerror}")
                packet = None
            if packet is None:
                self._ended = True
            elif packet.size:  # an empty one ends a stream
                self._waiting = self._take(packet)
        return self._waiting

    def _take(self, packet: "av.Packet[Any]") -> "av.Packet[Any]":
        """The packet on the output's clock."""
        time = packet.dts if packet.dts is not None else packet.pts
        if time is not None:
            shift = self._clocks[packet.stream_index].shift_for(time, packet.duration or 1)
            shift -= round(self._origin / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        return packet


def _begins(packet: "av.Packet[Any]") -> Fraction:
    """Seconds; a packet without a time goes with what is written now."""
    time = packet.dts if packet.dts is not None else packet.pts
    return Fraction(0) if time is None else time * packet.time_base


def muxer_options(clip: Clip, container: str, *, streamed: bool = False) -> dict[str, str]:
    """What the muxer must be told: MP4 starts fast, counts finely enough for every stream and keeps all metadata.

    Where it is `streamed` it comes in pieces, the first with the index.
    """
    if container not in ("mp4", "mov"):
        return {}
    flags, ticks = STREAMED_FLAGS if streamed else "+faststart", [clip.time_base.denominator]
    if clip.path is not None:
        with av.open(file_url(clip.path), metadata_errors="replace") as source:
            ticks += [stream.time_base.denominator for stream in source.streams if stream.time_base]
            ticks += [sound.sample_rate for sound in source.streams.audio if sound.codec_context and sound.sample_rate]
            if not {key.lower() for key in kept_metadata(source.metadata)} <= CLASSIC_MP4_KEYS:
                flags += "+use_metadata_tags"
    timescale = math.lcm(*ticks)
    fine = {"movie_timescale": str(timescale)} if 1000 <= timescale <= MOST_TICKS else {}
    return {"movflags": flags, **fine, **(STREAMED_PIECES if streamed else {})}


def _copy_about(source: InputContainer, output: OutputContainer, origin: Fraction) -> None:
    output.metadata.update(kept_metadata(source.metadata))
    chapters = source.chapters()
    for chapter in chapters:
        shift = round(origin / (chapter["time_base"] or 1))
        chapter["start"] -= shift
        chapter["end"] -= shift
    output.set_chapters(chapters)
