"""Subtitles in another container: text stays the text it was, at its times, in what the container holds."""

import subprocess
from fractions import Fraction
from pathlib import Path
from shutil import which
from typing import Any

import av
import pytest
from clips import read_packets, write_clip

from realtime.sinks.file import FileSink
from realtime.sources.file import FileSource

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


def repaint(source: Path, target: Path) -> list[str]:
    told: list[str] = []
    reader = FileSource(source)
    writer = FileSink(target, reader.clip, report=told.append)
    while (frame := reader.read()) is not None:
        writer.write(frame)
    writer.close()
    reader.close()
    return told


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


def track_of(path: Path) -> tuple[str, str | None, bool]:
    with av.open(str(path)) as film:
        track = film.streams.subtitles[0]
        return track.codec_context.name, track.language, bool(track.disposition & av.stream.Disposition.default)


EXPECTED = [
    (Fraction(begin, 1000), Fraction(begin + lasts, 1000), text)
    for begin, lasts, text in zip(BEGINS_MS, LASTS_MS, SAID, strict=True)
]


@pytest.mark.parametrize("codec", LINES)
@pytest.mark.parametrize(("suffix", "became"), [(".mp4", "mov_text"), (".mov", "mov_text"), (".webm", "webvtt")])
def test_text_becomes_the_text_of_the_container(tmp_path: Path, codec: str, suffix: str, became: str) -> None:
    source, target = write_subtitled(tmp_path / "in.mkv", codec), tmp_path / f"out{suffix}"
    told = repaint(source, target)
    assert track_of(target) == (became, "fra", True)
    assert shown(target) == EXPECTED
    if codec != became:
        (line,) = told
        assert "(fra" not in line
        assert ", fra) is turned into" in line


def test_timed_text_of_an_mp4_becomes_subrip_in_matroska(tmp_path: Path) -> None:
    """With the slant, and without the empty texts by which MP4 says that nothing is shown."""
    middle, target = tmp_path / "middle.mp4", tmp_path / "out.mkv"
    repaint(write_subtitled(tmp_path / "in.mkv", "subrip"), middle)
    assert len(read_packets(middle, "subtitle")[0]) > len(EXPECTED)
    (line,) = repaint(middle, target)
    assert "(mov_text, fra) is turned into SubRip" in line
    assert track_of(target) == ("srt", "fra", True)
    assert shown(target) == EXPECTED
    assert read_packets(target, "subtitle")[0][0][0] == b"Hello <i>world</i>"


@pytest.mark.parametrize("codec", LINES)
def test_what_matroska_holds_is_copied(tmp_path: Path, codec: str) -> None:
    source, target = write_subtitled(tmp_path / "in.mkv", codec), tmp_path / "out.mkv"
    assert repaint(source, target) == []
    assert read_packets(target, "subtitle") == read_packets(source, "subtitle")
    with av.open(str(source)) as before, av.open(str(target)) as after:
        assert after.streams.subtitles[0].codec_context.extradata == before.streams.subtitles[0].codec_context.extradata


@pytest.mark.parametrize("codec", ["hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"])
def test_subtitles_that_are_pictures_are_copied_or_told_with_the_remedy(tmp_path: Path, codec: str) -> None:
    source = write_clip(tmp_path / "in.mkv", subtitles=(codec,))
    assert repaint(source, tmp_path / "out.mkv") == []
    assert read_packets(tmp_path / "out.mkv", "subtitle") == read_packets(source, "subtitle")
    (line,) = repaint(source, tmp_path / "out.webm")
    assert "is lost: webm files cannot hold it; write to .mkv" in line
    assert read_packets(tmp_path / "out.webm", "subtitle") == []


def test_a_font_stays_with_the_subtitles_that_need_it(tmp_path: Path) -> None:
    source = write_subtitled(tmp_path / "text.mkv", "ass")
    with_font = tmp_path / "in.mkv"
    with av.open(str(source)) as reader, av.open(str(with_font), "w") as writer:
        copies = [writer.add_stream_from_template(stream) for stream in reader.streams]
        writer.add_attachment("Face.ttf", "application/x-truetype-font", b"a face")
        for packet in reader.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                writer.mux(packet)
    assert repaint(with_font, tmp_path / "out.mkv") == []
    with av.open(str(tmp_path / "out.mkv")) as film:
        (font,) = film.streams.attachments
        assert (font.name, font.mimetype, font.data) == ("Face.ttf", "application/x-truetype-font", b"a face")
    told = repaint(with_font, tmp_path / "out.mp4")
    assert any("only .mkv files hold attachments" in line for line in told)
    assert shown(tmp_path / "out.mp4") == EXPECTED


@pytest.mark.skipif(which("ffmpeg") is None, reason="compares with the ffmpeg command, which is not installed")
def test_ffmpeg_turns_them_into_the_same(tmp_path: Path) -> None:
    source = write_subtitled(tmp_path / "in.mkv", "ass")
    repaint(source, tmp_path / "ours.mp4")
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(source),
        "-c:v",
        "copy",
        "-c:s",
        "mov_text",
        str(tmp_path / "its.mp4"),
    ]
    subprocess.run(command, check=True)
    assert read_packets(tmp_path / "ours.mp4", "subtitle") == read_packets(tmp_path / "its.mp4", "subtitle")
