"""What a file holds besides the picture, copied as it is: sound, subtitles, covers, fonts, chapters and metadata."""

import io
import math
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from realtime.media.clip import Clip, is_cover, kept_metadata
from realtime.media.file_reader import COPIED_KINDS, AnyPacket, FileReader

MOST_TICKS = 2**31 - 1
MATROSKA = "matroska"
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
    """

    def __init__(
        self, clip: Clip, output: OutputContainer, report: Callable[[str], None], add_video: Callable[[], None]
    ) -> None:
        self._report = report
        self._output = output
        self._reader = clip.reader
        self._streams: dict[int, Stream] = {}
        if self._reader is None:
            add_video()
            return
        self._add_streams(self._reader, add_video)
        _copy_about(self._reader.container, output, self._reader.origin_seconds)
        self._reader.keep(self._streams.keys())

    def until(self, seconds: Fraction, *, read_on: bool = False) -> None:
        """Write the packets that begin before this time of the clip, as far as the file was read, or with `read_on`."""
        while (packet := self._next(seconds, read_on=read_on)) is not None:
            self._output.mux(packet)

    def rest(self) -> None:
        """Write all packets that are left."""
        while (packet := self._next(read_on=True)) is not None:
            self._output.mux(packet)

    def _add_streams(self, reader: FileReader, add_video: Callable[[], None]) -> None:
        for stream in reader.container.streams:
            if stream is reader.film:
                add_video()
            elif stream.type == "attachment":
                self._attach(stream)
            elif is_cover(stream) and self._output.format.name == MATROSKA:
                self._attach_cover(stream, reader.cover(stream))
            elif stream.type in COPIED_KINDS or is_cover(stream):
                self._add(stream)
            elif not _is_chapter_list(stream, reader.container):
                self._report(f"{_describe(stream)} is not copied: only sound, subtitles and covers are")

    def _add(self, stream: Stream) -> None:
        container = self._output.format.name
        if not can_hold(container, stream):
            remedy = "" if container == MATROSKA else "; write to .mkv to keep it"
            self._report(f"{_describe(stream)} is lost: {container} files cannot hold it{remedy}")
            return
        copy = self._output.add_stream_from_template(stream)
        copy.metadata.update(kept_metadata(stream.metadata))
        copy.disposition = stream.disposition
        self._streams[stream.index] = copy

    def _attach(self, stream: Any) -> None:
        if self._output.format.name != MATROSKA:
            self._report(f"{_describe(stream)} is lost: only .mkv files hold attachments")
            return
        self._output.add_attachment(stream.name, stream.mimetype or "application/octet-stream", stream.data)

    def _attach_cover(self, stream: Stream, data: bytes) -> None:
        """Matroska keeps covers as attachments."""
        codec = stream.codec_context.name
        name = stream.metadata.get("filename", f"cover.{'jpg' if codec == 'mjpeg' else codec}")
        mimetype = stream.metadata.get("mimetype", f"image/{'jpeg' if codec == 'mjpeg' else codec}")
        self._output.add_attachment(name, mimetype, data)

    def _next(self, before: Fraction | None = None, *, read_on: bool = False) -> "AnyPacket | None":
        """The packet to write next, bound for its stream in the output; None where there is none yet."""
        packet = self._reader.beside(before, read_on=read_on) if self._reader and self._streams else None
        if packet is not None:
            packet.stream = self._streams[packet.stream_index]
        return packet


def can_hold(container: str, stream: Stream) -> bool:
    """Whether the muxer takes the stream: asked by writing a header with it into memory."""
    with suppress(av.FFmpegError, ValueError, LookupError):
        trial = av.open(io.BytesIO(), "w", format=container)
        trial.add_stream_from_template(stream)
        trial.start_encoding()
        trial.close()
        return True
    return False


def muxer_options(clip: Clip, container: str) -> dict[str, str]:
    """What the muxer must be told: MP4 starts fast, counts finely enough for every stream and keeps all metadata."""
    if container not in ("mp4", "mov"):
        return {}
    flags, ticks = "+faststart", [clip.time_base.denominator]
    if clip.reader is not None:
        source = clip.reader.container
        ticks += [stream.time_base.denominator for stream in source.streams if stream.time_base]
        if not {key.lower() for key in kept_metadata(source.metadata)} <= CLASSIC_MP4_KEYS:
            flags += "+use_metadata_tags"
    timescale = math.lcm(*ticks)
    fine = {"movie_timescale": str(timescale)} if 1000 <= timescale <= MOST_TICKS else {}
    return {"movflags": flags, **fine}


def _copy_about(source: InputContainer, output: OutputContainer, origin: Fraction) -> None:
    output.metadata.update(kept_metadata(source.metadata))
    chapters = source.chapters()
    for chapter in chapters:
        shift = round(origin / (chapter["time_base"] or 1))
        chapter["start"] -= shift
        chapter["end"] -= shift
    output.set_chapters(chapters)


def _is_chapter_list(stream: Stream, source: InputContainer) -> bool:
    """MP4 keeps the chapters as a text track too, which the muxer writes anew."""
    return stream.type == "data" and 0 < stream.frames == len(source.chapters())


def _describe(stream: Stream) -> str:
    codec = stream.codec_context.name if stream.codec_context else "unknown codec"
    language = f", {stream.language}" if stream.language else ""
    return f"{stream.type} stream {stream.index} ({codec}{language})"
