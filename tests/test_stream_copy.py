"""What a painted file keeps beside the picture: sound, subtitles, covers, fonts, chapters, metadata, all bit by bit."""

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import ClipRecipe, read_packets, read_pictures, read_times, write_clip
from repainting import repaint

from realtime.media.colour.rgb import ColourTags
from realtime.media.streams import is_cover


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_everything_beside_the_picture_is_kept(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"in{suffix}"
    tags = ColourTags(6, 2, 6, 6)
    facts = {"title": "Tests", "artist": "Nobody", "com.example.key": "kept too"}
    recipe = ClipRecipe(
        tags=tags, pixel_aspect=Fraction(4, 3), sounds=("aac", "libmp3lame"), metadata=facts, chapters=True
    )
    write_clip(source, recipe)
    target = tmp_path / f"out{suffix}"
    assert repaint(source, target) == []
    assert read_packets(target, "audio") == read_packets(source, "audio")
    assert len(read_packets(target, "audio")) == 2
    assert read_times(target) == read_times(source)
    picture = read_pictures(target)[0]
    assert ColourTags.of(picture) == tags
    with av.open(str(target)) as kept, av.open(str(source)) as original:
        assert kept.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
        assert [chapter["metadata"] for chapter in kept.chapters()] == [
            chapter["metadata"] for chapter in original.chapters()
        ]
        lower = {key.lower(): value for key, value in kept.metadata.items()}
        for key, value in original.metadata.items():
            if key.lower() in {"title", "artist", "com.example.key"}:
                assert lower[key.lower()] == value


def test_subtitles_are_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    write_clip(source, subtitles=("subrip", "webvtt"))
    assert repaint(source, target) == []
    assert read_packets(target, "subtitle") == read_packets(source, "subtitle")
    assert len(read_packets(target, "subtitle")) == 2


def test_what_a_container_cannot_hold_is_told_with_the_remedy(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    write_clip(source, sounds=("aac",), subtitles=("hdmv_pgs_subtitle",))
    told = repaint(source, tmp_path / "out.mp4")
    assert len(told) == 1
    assert "subtitle stream 2 (pgssub" in told[0]
    assert "is lost" in told[0]
    assert ".mkv" in told[0]


def add_to(source: Path, target: Path, add: Callable[[av.container.OutputContainer], None]) -> Path:
    """The file with something more in it."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        copies = {stream.index: writer.add_stream_from_template(stream) for stream in reader.streams}
        add(writer)
        for packet in reader.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                writer.mux(packet)
    return target


COVER = bytes(cv2.imencode(".png", np.full((20, 30, 3), 90, np.uint8))[1])


def add_cover_stream(output: av.container.OutputContainer) -> None:
    stream = output.add_stream("png")
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = 30, 20, "rgb24"
    stream.disposition = av.stream.Disposition.attached_pic
    packet = av.Packet(COVER)
    packet.stream, packet.pts, packet.dts = stream, 0, 0
    packet.time_base, packet.is_keyframe = Fraction(1, 25), True
    output.mux(packet)


def cover_of(path: Path) -> bytes:
    with av.open(str(path)) as source:
        cover = next(stream for stream in source.streams.video if is_cover(stream))
        return next(bytes(packet) for packet in source.demux(cover) if packet.size)


def test_a_cover_and_a_font_go_along_in_matroska(tmp_path: Path) -> None:
    def add(output: av.container.OutputContainer) -> None:
        output.add_attachment("cover.png", "image/png", COVER)
        output.add_attachment("face.ttf", "font/ttf", b"not really a font")

    source = add_to(write_clip(tmp_path / "plain.mkv"), tmp_path / "in.mkv", add)
    assert repaint(source, tmp_path / "out.mkv") == []
    with av.open(str(tmp_path / "out.mkv")) as kept:
        assert [(item.name, item.data) for item in kept.streams.attachments] == [("face.ttf", b"not really a font")]
    assert cover_of(tmp_path / "out.mkv") == COVER


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_cover_of_an_mp4_goes_along(tmp_path: Path, suffix: str) -> None:
    source = add_to(write_clip(tmp_path / "plain.mp4", sounds=("aac",)), tmp_path / "in.mp4", add_cover_stream)
    target = tmp_path / f"out{suffix}"
    assert repaint(source, target) == []
    assert cover_of(target) == COVER
    with av.open(str(target)) as kept:
        assert [stream.type for stream in kept.streams] == ["video", "audio", "video"]


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_a_timecode_is_kept_and_nothing_else_is_said(tmp_path: Path, suffix: str) -> None:
    """FFmpeg makes its track of the film's tag, so the track itself is not copied."""
    with av.open(str(tmp_path / "in.mov"), "w") as output:
        film = output.add_stream("libx264", rate=25)
        assert isinstance(film, av.VideoStream)
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        film.metadata["timecode"] = "10:00:00:00"
        for number in range(5):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * number, np.uint8), format="rgb24")
            output.mux(film.encode(picture))
        output.mux(film.encode(None))
    with av.open(str(tmp_path / "in.mov")) as written:
        assert [stream.type for stream in written.streams] == ["video", "data"]
    assert repaint(tmp_path / "in.mov", tmp_path / f"out{suffix}") == []
    with av.open(str(tmp_path / f"out{suffix}")) as written:
        tags = {name.lower(): value for name, value in written.streams.video[0].metadata.items()}
        assert tags["timecode"] == "10:00:00:00"


def test_an_early_stop_ends_the_sound_with_the_pictures(tmp_path: Path) -> None:
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    write_clip(source, pts=range(0, 25 * 512, 512), sounds=("aac",))
    stop = threading.Event()
    stop.set()
    repaint(source, target, stop=stop, frames=5)
    (original,), (kept,) = read_packets(source, "audio"), read_packets(target, "audio")
    assert kept == original[: len(kept)]
    assert 0.1 < float(kept[-1][1]) < 0.3
