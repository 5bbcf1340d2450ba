"""Subtitles in another container: text stays the text it was, at its times, in what the container holds."""

import subprocess
from pathlib import Path
from shutil import which

import av
import pytest
from clips import read_packets, write_clip
from repainting import repaint
from subtitled_films import EXPECTED, LINES, shown, write_subtitled


def track_of(path: Path) -> tuple[str, str | None, bool]:
    with av.open(str(path)) as film:
        track = film.streams.subtitles[0]
        return track.codec_context.name, track.language, bool(track.disposition & av.stream.Disposition.default)


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
