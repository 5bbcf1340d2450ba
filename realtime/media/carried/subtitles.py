"""What becomes of subtitles: copied where the container takes them, or text turned into the text that it takes."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from fractions import Fraction
from html import escape
from typing import Any

import av
from av.container import OutputContainer
from av.stream import Stream
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, SubtitleSet

from realtime.media.carried.stream import Carried, CopiedStream, can_hold, described, holds, label, lost

CLOCK = Fraction(1, 1000)
WEBVTT = "webvtt"
TEXT_CODECS = ("subrip", "mov_text", WEBVTT)
TITLES = {"subrip": "SubRip", "mov_text": "MP4's timed text", WEBVTT: "WebVTT"}
ASS_COMMAS = 8  # before the text of a line
ASS_OVERRIDE = re.compile(r"(\{[^}]*\})")


def carry_subtitles(stream: Stream, output: OutputContainer, report: Callable[[str], None]) -> Carried | None:
    """The stream added to `output`, as it is or as other text; None, and told, where it is lost."""
    container = output.format.name
    if can_hold(container, stream):
        return CopiedStream(stream, output)
    header = _header(stream)
    codec = next((codec for codec in TEXT_CODECS if _takes(container, codec, header)), None) if header else None
    if codec is None or not isinstance(stream, SubtitleStream):
        report(lost(stream, container))
        return None
    report(f"{described(stream)} is turned into {TITLES[codec]}: {container} files do not take a copy")
    return ConvertedSubtitles(stream, output, codec, header)


class ConvertedSubtitles:
    """Text subtitles in another format, each at the time it had; bold, italic and the like stay where both have it.

    FFmpeg's decoders give every text as a line of ASS below a `header`, and its encoders take that.
    """

    def __init__(self, source: SubtitleStream, output: OutputContainer, codec: str, header: bytes) -> None:
        self._decoder = source.codec_context
        self._codec = codec
        self._stream = _add(output, codec, header)
        label(self._stream, source)

    def packets_of(self, packet: "av.Packet[Any]") -> "Iterable[av.Packet[Any]]":
        with suppress(av.FFmpegError):  # a line that cannot be read is no reason to lose the others
            lines = self._decoder.decode2(packet)
            if lines is not None and _says_something(lines) and packet.pts is not None:
                readable = with_entities(lines) if self._codec == WEBVTT else lines
                return (self._timed(self._stream.codec_context.encode_subtitle(readable), packet, lines),)
        return ()

    def rest(self) -> "Iterable[av.Packet[Any]]":
        return ()

    def _timed(self, text: "av.Packet[Any]", packet: "av.Packet[Any]", lines: SubtitleSet) -> "av.Packet[Any]":
        text.stream, text.time_base = self._stream, packet.time_base
        text.pts = text.dts = packet.pts
        text.duration = packet.duration or round(Fraction(lines.end_display_time, 1000) / packet.time_base)
        return text


def _add(output: OutputContainer, codec: str, header: bytes) -> SubtitleStream:
    stream: SubtitleStream = output.add_stream(codec)  # type: ignore[assignment]
    stream.time_base = CLOCK
    stream.codec_context.time_base = CLOCK
    stream.codec_context.subtitle_header = header
    return stream


def _header(stream: Stream) -> bytes:
    """The styles of a text subtitle in ASS; empty for pictures, and for what does not decode."""
    context = stream.codec_context
    if not isinstance(context, SubtitleCodecContext) or not context.codec.text_sub:
        return b""
    with suppress(av.FFmpegError):
        context.open(strict=False)
    return context.subtitle_header or b""


def _takes(container: str, codec: str, header: bytes) -> bool:
    return holds(container, lambda trial: _add(trial, codec, header))


def with_entities(lines: SubtitleSet) -> SubtitleSet:
    """The text with &, < and > as WebVTT has them, which FFmpeg's encoder writes as they are."""
    texts = [line.ass.decode(errors="replace") for line in lines if isinstance(line, AssSubtitle)]
    before = ",".join(texts[0].split(",", ASS_COMMAS)[:ASS_COMMAS])
    text = r"\N".join(_with_entities(text.split(",", ASS_COMMAS)[-1]) for text in texts)
    return SubtitleSet.create(
        f"{before},{text}".encode(), lines.start_display_time, lines.end_display_time, lines.pts, lines.format
    )


def _with_entities(text: str) -> str:
    parts = ASS_OVERRIDE.split(text)
    return "".join(part if index % 2 else escape(part, quote=False) for index, part in enumerate(parts))


def _says_something(lines: SubtitleSet) -> bool:
    """MP4 has an empty text where nothing is shown; in other containers the line before just ends."""
    return any(getattr(line, "dialogue", b"").strip() for line in lines)
