"""A stream on its way from one container into another, and whether the other can hold it as it is."""

import io
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Literal, Protocol

import av
from av.container import OutputContainer
from av.stream import Stream

from realtime.media.clip import kept_metadata

MATROSKA = "matroska"
MPEG_TS = "mpegts"
PCM = "pcm_"  # what it says of its channels may fit no box of MP4's, which is written at the file's end
UNPLAYABLE = bytes(16)
NEW_HEADER: Literal["new_extradata"] = "new_extradata"


class Carried(Protocol):
    """A stream that is written; its packets come in the input's order, on the output's clock."""

    def packets_of(self, packet: "av.Packet[Any]") -> "Iterable[av.Packet[Any]]":
        """What is to be written now that this packet was read."""
        ...

    def rest(self) -> "Iterable[av.Packet[Any]]":
        """What is left when no packet comes any more."""
        ...


class CopiedStream:
    """A stream bit by bit as it was, with the header that it began with.

    A packet may bring another, as where FLV's is damaged, and muxers would put that in the place of the first.
    """

    def __init__(self, source: Stream, output: OutputContainer) -> None:
        self._copy = output.add_stream_from_template(source)
        self._has_header = bool(source.codec_context and source.codec_context.extradata)
        label(self._copy, source)

    def packets_of(self, packet: "av.Packet[Any]") -> "Iterable[av.Packet[Any]]":
        if self._has_header and packet.has_sidedata(NEW_HEADER):
            packet = _without_side_data(packet)
        packet.stream = self._copy
        return (packet,)

    def rest(self) -> "Iterable[av.Packet[Any]]":
        return ()


def _without_side_data(packet: "av.Packet[Any]") -> "av.Packet[Any]":
    plain: av.Packet[Any] = av.Packet(bytes(packet))
    plain.time_base, plain.pts, plain.dts = packet.time_base, packet.pts, packet.dts
    plain.duration, plain.is_keyframe = packet.duration, packet.is_keyframe
    return plain


def label(written: Stream, source: Stream) -> None:
    """Language, title and what players make of the stream."""
    written.metadata.update(kept_metadata(source.metadata))
    written.disposition = source.disposition


def described(stream: Stream) -> str:
    """`audio stream 1 (aac, eng)`"""
    codec = stream.codec_context.name if stream.codec_context else "unknown codec"
    language = f", {stream.language}" if stream.language else ""
    return f"{stream.type} stream {stream.index} ({codec}{language})"


def lost(stream: Stream, container: str) -> str:
    """The line that tells so, with the remedy where there is one."""
    remedy = "" if container == MATROSKA else "; write to .mkv to keep it"
    return f"{described(stream)} is lost: {container} files cannot hold it{remedy}"


def can_hold(container: str, stream: Stream) -> bool:
    """Whether the muxer takes the stream as it is.

    PyAV asks FFmpeg first what the container holds by its own rules, which leaves out what Matroska holds by those of
    Microsoft's (WMA, A-law, ADPCM): FFmpeg's own muxer would write that.
    """
    return holds(container, lambda trial: trial.add_stream_from_template(stream))


def holds(container: str, add: Callable[[OutputContainer], Stream]) -> bool:
    """Whether the muxer takes the stream that `add` adds: asked by writing the beginning of a file into memory."""
    with suppress(av.FFmpegError, ValueError, LookupError):
        written = io.BytesIO()
        with av.open(written, "w", format=container) as trial:
            stream = add(trial)
            kind = stream.type
            trial.start_encoding()
            if container == MPEG_TS or stream.codec_context.name.startswith(PCM):
                _mux_something(trial, stream)
        return container != MPEG_TS or _comes_back(written, kind)
    return False


def _mux_something(trial: OutputContainer, stream: Stream) -> None:
    packet = av.Packet(UNPLAYABLE)
    packet.stream, packet.pts, packet.dts = stream, 0, 0
    trial.mux(packet)


def _comes_back(written: io.BytesIO, kind: str) -> bool:
    """MPEG-TS takes everything, but what it has no number for comes out as private data, which nobody plays."""
    written.seek(0)
    with av.open(written, format=MPEG_TS) as trial:
        return trial.streams[0].type == kind
