"""Every sink that writes files: what all of them promise, and how exactly a video file keeps pictures and times."""

import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import psnr_db, read_rgb, read_times

from engines.errors import ImpastoError
from realtime.frames.frame import AbortableSink, Frame, Sink, SplitSink
from realtime.media.clip import Clip
from realtime.media.colour.rgb import SDR_TAGS
from realtime.media.containers import FILMS
from realtime.media.encoders import ENCODERS
from realtime.media.encoding import choose_encoding
from realtime.sinks.file import FileSink
from realtime.sinks.null import NullSink
from realtime.sinks.pictures import PictureSink

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


@pytest.mark.parametrize("name", [*FILMS, "png", "jpg", "null"])
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


@pytest.mark.parametrize("suffix", FILMS)
def test_pictures_and_times_come_back(tmp_path: Path, suffix: str) -> None:
    for codec in FILMS[suffix].codecs:
        path = tmp_path / f"{codec}{suffix}"
        sink = FileSink(path, PLAIN, encoding=choose_encoding(path, codec))
        for number in range(6):
            sink.write(frame_at(number))
        sink.close()
        assert read_times(path) == [number / RATE for number in range(6)]
        assert psnr_db(read_rgb(path, 3), frame_at(3).data) > 34


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
        ("out", "auto", "a name without an ending is no video container"),
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


@pytest.mark.parametrize("name", ENCODERS)
def test_every_preset_is_one_of_the_encoders(name: str) -> None:
    assert ENCODERS[name].preset in ENCODERS[name].presets
    with pytest.raises(ImpastoError, match=f"{ENCODERS[name].name} has no preset 'breakneck'; choose one of "):
        choose_encoding(Path("out.webp" if name == "webp" else "out.mp4"), name, preset="breakneck")


def test_an_option_that_the_encoder_refuses(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with pytest.raises((ImpastoError, OSError), match=r"out\.mp4"):
        FileSink(path, PLAIN, encoding=replace(choose_encoding(path), preset="breakneck"))
    assert list(tmp_path.iterdir()) == []


def test_a_picture_larger_than_encoders_take(tmp_path: Path) -> None:
    with pytest.raises(ImpastoError, match=r"out\.mp4: 16386x48 is too large, .* choose a smaller --height"):
        FileSink(tmp_path / "out.mp4", replace(PLAIN, size=(16385, 48)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fails", [True, False])
def test_pictures_of_an_earlier_run_stay_until_this_one_has_ended(tmp_path: Path, fails: bool) -> None:
    for number in (1, 2, 4):
        (tmp_path / f"{number}.png").write_bytes(b"earlier")
    sink = PictureSink(tmp_path / "%d.png")
    for number in range(3):
        sink.write(frame_at(number))
    still_there = [number for number in (1, 2, 4) if (tmp_path / f"{number}.png").read_bytes() == b"earlier"]
    assert still_there == [1, 2, 4]
    if fails:
        sink.abort()
    else:
        sink.close()
        sink.abort()  # too late
    earlier = {path.name for path in tmp_path.iterdir() if path.read_bytes() == b"earlier"}
    assert earlier == ({"1.png", "2.png", "4.png"} if fails else {"4.png"})
    assert len(list(tmp_path.iterdir())) == (3 if fails else 4)


def test_a_name_has_one_place_for_the_number(tmp_path: Path) -> None:
    """The first, as where such pictures are read; another per cent sign is a sign like others."""
    sink = PictureSink(tmp_path / "a%d_50%_%03d.png")
    sink.write(frame_at(0))
    sink.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a1_50%_%03d.png"]
