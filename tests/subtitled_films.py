"""Films with subtitles, and what is shown of them."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from clips import write_clip

ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+
PlayResX: 384
PlayResY: 288

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Face,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
# What is said, as each format writes it: with a slant, over two lines, and with letters that need care.
LINES = {
    "subrip": ("Hello <i>world</i>", "One\nand two", "\N{SNOWMAN} & 1 < 2"),
    "webvtt": ("Hello <i>world</i>", "One\nand two", "\N{SNOWMAN} &amp; 1 &lt; 2"),
    "ass": (r"Hello {\i1}world{\i0}", r"One\Nand two", "\N{SNOWMAN} & 1 < 2"),
}
SAID = ("Hello world", "One\nand two", "\N{SNOWMAN} & 1 < 2")
BEGINS_MS, LASTS_MS = (100, 400, 1000), (200, 300, 400)
EXPECTED = [
    (Fraction(begin, 1000), Fraction(begin + lasts, 1000), text)
    for begin, lasts, text in zip(BEGINS_MS, LASTS_MS, SAID, strict=True)
]


def write_subtitled(path: Path, codec: str) -> Path:
    """A film with three lines of subtitles, French and shown unless somebody says otherwise."""
    plain = write_clip(path.with_name(f"plain{path.suffix}"), pts=range(0, 40 * 512, 512))
    with av.open(str(plain)) as reader, av.open(str(path), "w") as writer:
        video = writer.add_stream_from_template(reader.streams.video[0])
        text = add_text(writer, codec)
        text.metadata["language"] = "fra"
        text.disposition = av.stream.Disposition.default
        for packet in reader.demux():
            if packet.size:
                packet.stream = video
                writer.mux(packet)
        for index, line in enumerate(LINES[codec]):
            writer.mux(subtitle(text, codec, index, line))
    return path


def add_text(writer: av.container.OutputContainer, codec: str) -> Any:
    if codec != "ass":
        return writer.add_mux_stream(codec, time_base=Fraction(1, 1000))
    stream: Any = writer.add_stream("ass")
    stream.time_base = Fraction(1, 1000)
    stream.codec_context.subtitle_header = ASS_HEADER
    return stream


def subtitle(stream: Any, codec: str, index: int, line: str) -> "av.Packet[Any]":
    data = f"{index},0,Default,,0,0,0,,{line}" if codec == "ass" else line
    packet: av.Packet[Any] = av.Packet(data.encode())
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = BEGINS_MS[index]
    packet.duration = LASTS_MS[index]
    return packet


def shown(path: Path) -> list[tuple[Fraction, Fraction, str]]:
    """Begin and end in seconds after the first picture, and the text without its looks."""
    lines = []
    with av.open(str(path)) as film:
        track = film.streams.subtitles[0]
        for packet in film.demux(track):
            for line in track.decode(packet) if packet.size else ():
                if text := plain(line):
                    assert packet.pts is not None
                    begin = packet.pts * packet.time_base
                    lines.append((begin, begin + (packet.duration or 0) * packet.time_base, text))
    return lines


def plain(line: Any) -> str:
    """What is read of a line of ASS."""
    text = line.ass.split(b",", 8)[-1].decode().replace(r"\N", "\n")
    while "{" in text:
        text = text[: text.index("{")] + text[text.index("}") + 1 :]
    return str(text).strip()
