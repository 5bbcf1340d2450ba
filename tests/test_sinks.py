"""Every sink that writes files: what all of them promise, and what a video file keeps of the clip it was made from."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import ClipRecipe, psnr_db, read_packets, read_pictures, read_rgb, read_times, write_clip

from engines.errors import ImpastoError
from realtime.clip import Clip, is_cover
from realtime.colour import SDR_TAGS, ColourTags
from realtime.encoding import CODECS_OF_CONTAINER, choose_encoding
from realtime.frame import AbortableSink, Frame, Sink, SplitSink
from realtime.sinks.file import FileSink
from realtime.sinks.null import NullSink
from realtime.sinks.pictures import PictureSink
from realtime.sources.file import FileSource

RATE = Fraction(25)
PLAIN = Clip((64, 48), 1 / RATE, RATE, SDR_TAGS)


def frame_at(number: int, size: tuple[int, int] = (64, 48)) -> Frame:
    width, height = size
    data = np.zeros((height, width, 3), np.uint8)
    data[...] = np.linspace(30, 220, width, dtype=np.uint8)[None, :, None]
    data[..., 1] = 20 * number % 256
    return Frame(data, float(number / RATE), time.perf_counter(), number, 1 / RATE, 1)


def open_sink(name: str, folder: Path) -> Sink:
    if name == "null":
        return NullSink()
    if name in ("png", "jpg"):
        return PictureSink(folder / f"out_%02d.{name}")
    return FileSink(folder / f"out{name}", PLAIN)


@pytest.mark.parametrize("name", [*CODECS_OF_CONTAINER, "png", "jpg", "null"])
class TestEverySink:
    """What the loop relies on."""

    def test_files_appear_when_they_are_complete(self, name: str, tmp_path: Path) -> None:
        sink = open_sink(name, tmp_path)
        for number in range(5):
            sink.write(frame_at(number))
            if name not in ("png", "jpg"):
                assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
        sink.close()
        sink.close()
        files = sorted(tmp_path.iterdir())
        assert all(file.stat().st_size for file in files)
        assert len(files) == {"null": 0, "png": 5, "jpg": 5}.get(name, 1)

    def test_the_two_parts_are_the_whole(self, name: str, tmp_path: Path) -> None:
        sink = open_sink(name, tmp_path)
        if isinstance(sink, SplitSink):
            prepared = [sink.prepare(frame_at(number)) for number in reversed(range(5))][::-1]
            for item in prepared:
                sink.put(item)
        sink.close()
        for file in tmp_path.glob("out.*"):
            assert len(read_times(file)) == 5

    def test_abort_leaves_nothing(self, name: str, tmp_path: Path) -> None:
        sink = open_sink(name, tmp_path)
        for number in range(3):
            sink.write(frame_at(number))
        if isinstance(sink, AbortableSink):
            sink.abort()
            sink.abort()
        assert list(tmp_path.iterdir()) == []

    def test_a_complete_file_outlives_a_late_abort(self, name: str, tmp_path: Path) -> None:
        sink = open_sink(name, tmp_path)
        sink.write(frame_at(0))
        sink.close()
        before = sorted(tmp_path.iterdir())
        if isinstance(sink, AbortableSink):
            sink.abort()
        assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("suffix", CODECS_OF_CONTAINER)
def test_pictures_and_times_come_back(tmp_path: Path, suffix: str) -> None:
    for codec in CODECS_OF_CONTAINER[suffix]:
        path = tmp_path / f"{codec}{suffix}"
        sink = FileSink(path, PLAIN, encoding=choose_encoding(path, codec))
        for number in range(6):
            sink.write(frame_at(number))
        sink.close()
        assert read_times(path) == [number / RATE for number in range(6)]
        assert psnr_db(read_rgb(path, 3), frame_at(3).data) > 34


def repaint(source: Path, target: Path, stop: threading.Event | None = None, frames: int = 10_000) -> list[str]:
    """The file through a source and a sink; what they told."""
    told: list[str] = []
    reader = FileSource(source, report=told.append)
    writer = FileSink(target, reader.clip, report=told.append, stop=stop)
    for _ in range(frames):
        frame = reader.read()
        if frame is None:
            break
        writer.write(frame)
    writer.close()
    reader.close()
    return told


CASES = {
    "gap": ([1600, 2400, 3200, 19200, 19201], Fraction(1, 16000)),
    "ntsc": (range(12), Fraction(1001, 30000)),
    "fine": ([0, 333333, 666667, 1000001], Fraction(1, 10_000_000)),
    "coarse": ([3, 4, 9], Fraction(1, 10)),
    "late": ([90000 * 5 + 7, 90000 * 6], Fraction(1, 90000)),
}


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("case", CASES)
def test_any_times_are_kept_exactly(tmp_path: Path, case: str, suffix: str) -> None:
    pts, time_base = CASES[case]
    clip = replace(PLAIN, time_base=time_base)
    path = tmp_path / f"out{suffix}"
    sink = FileSink(path, clip)
    for number, tick in enumerate(pts):
        sink.write(replace(frame_at(number), pts=tick, time_base=time_base, duration=None))
    sink.close()
    assert read_times(path) == [tick * time_base for tick in pts]


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_matroska_keeps_times_to_the_millisecond(tmp_path: Path, suffix: str) -> None:
    pts, time_base = CASES["gap"]
    sink = FileSink(tmp_path / f"out{suffix}", replace(PLAIN, time_base=time_base))
    for number, tick in enumerate(list(pts)[:4]):
        sink.write(replace(frame_at(number), pts=tick, time_base=time_base))
    sink.close()
    for wrote, read in zip(pts, read_times(tmp_path / f"out{suffix}"), strict=False):
        assert abs(wrote * time_base - read) <= Fraction(1, 2000)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_everything_beside_the_picture_is_kept(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"in{suffix}"
    tags = ColourTags(6, 2, 6, 6)
    facts = {"title": "Tests", "artist": "Nobody", "com.example.key": "kept too"}
    recipe = ClipRecipe(
        tags=tags, pixel_aspect=Fraction(4, 3), rotation=90, sounds=("aac", "libmp3lame"), metadata=facts, chapters=True
    )
    write_clip(source, recipe)
    target = tmp_path / f"out{suffix}"
    assert repaint(source, target) == []
    assert read_packets(target, "audio") == read_packets(source, "audio")
    assert len(read_packets(target, "audio")) == 2
    assert read_times(target) == read_times(source)
    picture = read_pictures(target)[0]
    assert ColourTags.of(picture) == tags
    assert picture.rotation == 90
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
    write_clip(source, sounds=("aac",), subtitles=("subrip",))
    told = repaint(source, tmp_path / "out.mp4")
    assert len(told) == 1
    assert "subtitle stream 2 (srt" in told[0]
    assert ".mkv" in told[0]
    told = repaint(source, tmp_path / "out.webm")
    assert any("audio stream 1 (aac" in line and "is lost" in line for line in told)


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


def test_an_early_stop_ends_the_sound_with_the_pictures(tmp_path: Path) -> None:
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    write_clip(source, pts=range(0, 25 * 512, 512), sounds=("aac",))
    stop = threading.Event()
    stop.set()
    repaint(source, target, stop, frames=5)
    (original,), (kept,) = read_packets(source, "audio"), read_packets(target, "audio")
    assert kept == original[: len(kept)]
    assert 0.1 < float(kept[-1][1]) < 0.3


def test_odd_sizes_are_kept_or_padded_and_told(tmp_path: Path) -> None:
    for codec, size in (("h264", (64, 48)), ("vp9", (63, 47))):
        told: list[str] = []
        path = tmp_path / f"{codec}.mkv"
        clip = replace(PLAIN, size=(63, 47))
        sink = FileSink(path, clip, encoding=choose_encoding(path, codec), report=told.append)
        frame = frame_at(0, (63, 47))
        sink.write(frame)
        sink.close()
        assert read_rgb(path).shape[1::-1] == size
        assert psnr_db(read_rgb(path)[:47, :63], frame.data) > 34
        assert [line.startswith("63x47 is odd") for line in told] == [True] * (size == (64, 48))


def test_a_sink_without_frames_writes_nothing(tmp_path: Path) -> None:
    FileSink(tmp_path / "out.mp4", PLAIN).close()
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        FileSink(tmp_path / "no" / "out.mp4", PLAIN)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(ImpastoError, match="is a folder"):
        FileSink(tmp_path / "folder.mp4", PLAIN)
    (tmp_path / "out.mp4").write_text("mine")
    with pytest.raises(FileExistsError, match="exists already"):
        FileSink(tmp_path / "out.mp4", PLAIN, overwrite=False)
    assert (tmp_path / "out.mp4").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "codec", "problem"),
    [
        ("out.avi", "auto", "'.avi' is no video container; use one of .mp4"),
        ("out", "auto", "'no suffix' is no video container"),
        ("out.webm", "h264", "hold h264; use --codec vp9 or av1, or .mkv"),
        ("out.mp4", "theora", "codec 'theora' is not one of h264, hevc, av1, vp9"),
    ],
)
def test_names_and_codecs_that_do_not_go_together(name: str, codec: str, problem: str) -> None:
    with pytest.raises(ImpastoError, match=problem):
        choose_encoding(Path(name), codec)


def test_a_missing_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", {"aac"})
    with pytest.raises(ImpastoError, match="no encoder libx265 for hevc"):
        choose_encoding(Path("out.mp4"), "hevc")


def test_an_option_that_the_encoder_refuses(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with pytest.raises((ImpastoError, OSError), match=r"out\.mp4"):
        FileSink(path, PLAIN, encoding=choose_encoding(path, preset="breakneck"))
    assert list(tmp_path.iterdir()) == []
