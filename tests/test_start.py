"""`impasto video --start`: a film from some moment on is what the whole film is from there, in picture and sound."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from animations import Part, webp_of
from clips import read_packets, read_times, write_clip
from subtitled_films import shown, write_subtitled

from engines.errors import BadValue
from realtime.files.options import VideoOptions
from realtime.files.video import stylize_video
from realtime.frames.frame import Frame, Pixels
from realtime.sources.animated_webp import AnimatedWebpSource
from realtime.sources.file import FileSource

WHITE = "transparency: shown on white, video is written without alpha"
SECOND = 12800
EVEN = tuple(range(0, 80 * 512, 512))  # 3.2 s
START = Fraction(7, 5)
FILMS = {
    "webcam_asl_book.mkv": Fraction(9, 7),
    "odd/av1.mkv": Fraction(1, 2),
    "odd/h264_10bit.mp4": Fraction(1, 2),
    "odd/interlaced_mpeg2.ts": Fraction(9, 7),
    "odd/vfr_gap.mp4": Fraction(9, 7),
    "odd/vp9_no_audio.webm": Fraction(1, 3),
}


@pytest.fixture
def options(small_style: Path) -> VideoOptions:
    return VideoOptions(style=str(small_style), engine="openvino")


def frames_of(source: FileSource | AnimatedWebpSource) -> Iterator[Frame]:
    yield from iter(source.read, None)
    source.close()


def time_of(frame: Frame) -> Fraction:
    assert frame.pts is not None
    assert frame.time_base is not None
    return frame.pts * frame.time_base


def write_moving(path: Path, codec: str, *, gop: int, frames: int = 150, begins: Fraction = Fraction(0)) -> Path:
    """Pictures that tell their number, 25 a second, with B pictures and, of HEVC and H.264, open groups."""
    options = {"libx265": {"x265-params": f"log-level=none:open-gop=1:bframes=4:keyint={gop}", "preset": "ultrafast"}}
    of_codec = options.get(codec, {"x264-params": f"open-gop=1:keyint={gop}", "bf": "3", "preset": "ultrafast"})
    with av.open(str(path), "w", format={".hevc": "hevc", ".h264": "h264"}.get(path.suffix)) as output:
        video = output.add_stream(codec, rate=25, options=of_codec)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt, video.gop_size = 96, 64, "yuv420p", gop
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(numbered(number), "gray").reformat(format="yuv420p")
            picture.pts, picture.time_base = round(begins * 25) + number, Fraction(1, 25)
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
    return path


def numbered(number: int) -> Pixels:
    """Twelve bits as squares of 16 pixels, light and dark."""
    bits = [number >> place & 1 for place in range(12)]
    squares = np.array([*bits, *[0] * 12], np.uint8).reshape(4, 6) * 200 + 20
    return np.kron(squares, np.ones((16, 16), np.uint8))


def number_of(rgb: Pixels) -> int:
    bits = rgb[8::16, 8::16, 1].ravel()[:12] > 128
    return int(sum(1 << place for place in range(12) if bits[place]))


def check_end_of(film: Path, start: Fraction, *, report: list[str]) -> None:
    """Every picture from the start on comes at its time, and is the same to the bit."""
    with av.open(str(film)) as container:
        begins = max(Fraction(container.start_time or 0, av.time_base), Fraction(0))
    whole = [(time_of(frame) - begins - start, frame.data[::8, ::8]) for frame in frames_of(FileSource(film))]
    source = FileSource(film, start=start, report=report.append)
    end = [(time_of(frame), frame.data[::8, ::8]) for frame in frames_of(source)]
    wanted = [(time, picture) for time, picture in whole if time > -source.clip.time_base]
    if len(end) > len(wanted):  # the picture that was shown at the start
        assert end[0][0] == 0
        wanted.insert(0, (Fraction(0), whole[-len(end)][1]))
    assert len(end) == len(wanted)
    for (time, picture), (wanted_time, wanted_picture) in zip(end, wanted, strict=True):
        assert abs(time - wanted_time) <= source.clip.time_base
        assert np.array_equal(picture, wanted_picture)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi", ".webm", ".gif"])
@pytest.mark.parametrize("start", [START, Fraction(1413, 1000), Fraction(1, 100)], ids=str)
def test_pictures_are_those_of_the_whole_film(tmp_path: Path, suffix: str, start: Fraction) -> None:
    codecs = {".avi": "mpeg4", ".webm": "libvpx-vp9", ".gif": "gif"}
    pixels = {".gif": "gray"}.get(suffix, "yuv420p")
    told: list[str] = []
    film = write_clip(tmp_path / f"in{suffix}", pts=EVEN, codec=codecs.get(suffix, "libx264"), pixel_format=pixels)
    check_end_of(film, start, report=told)
    assert told == ([WHITE] if suffix == ".gif" else [])


def test_what_is_read_once_is_read_from_its_beginning(
    tmp_path: Path, options: VideoOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_clip(tmp_path / "in.mkv", pts=EVEN, sounds=("aac",))
    reading, writing = os.pipe()
    with ThreadPoolExecutor() as writer, os.fdopen(reading) as stdin, os.fdopen(writing, "wb") as pipe:
        monkeypatch.setattr(sys, "__stdin__", stdin)
        writer.submit(pipe.write, film.read_bytes()).add_done_callback(lambda _: pipe.close())
        stylize_video("-", tmp_path / "out.mkv", replace(options, start=1.4))
    assert read_times(tmp_path / "out.mkv") == [time - START for time in read_times(film) if time >= START]
    assert not read_packets(tmp_path / "out.mkv", "audio")[0]  # it lasts for a second


@pytest.mark.parametrize("name", FILMS)
def test_of_real_films_too(shared_data: Path, name: str) -> None:
    told: list[str] = []
    check_end_of(shared_data / "video" / name, FILMS[name], report=told)
    assert not [line for line in told if "damaged" in line or "clock" in line]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".flv", ".mov"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_where_pictures_before_a_key_picture_are_shown_after_it_none_is_lost(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    """Open groups of pictures: the key picture of the start is found by the time at which it is decoded."""
    if (suffix, codec) == (".flv", "libx265"):
        pytest.skip("FLV has no HEVC")
    film = write_moving(tmp_path / f"in{suffix}", codec, gop=20)
    for start in (143, 147, 151, 155, 159):
        check_end_of(film, Fraction(start, 100), report=[])


@pytest.mark.parametrize(("suffix", "codec"), [(".avi", "mpeg4"), (".h264", "libx264"), (".hevc", "libx265")])
def test_files_that_do_not_say_when_pictures_are_shown(tmp_path: Path, suffix: str, codec: str) -> None:
    film = write_moving(tmp_path / f"in{suffix}", codec, gop=20)
    for start in (Fraction(298, 100), Fraction(7, 3)):
        check_end_of(film, start, report=[])


@pytest.mark.parametrize("start", [3, 4.3, 12])
def test_a_broadcast_whose_clock_wraps_or_whose_key_pictures_are_far_apart(tmp_path: Path, start: float) -> None:
    for name, begins, gop in (("wraps.ts", 2**33 / 90000 - 5, 20), ("sparse.ts", 36000, 300)):
        film = write_moving(tmp_path / name, "libx264", gop=gop, frames=400, begins=Fraction(begins))
        source = FileSource(film, start=Fraction(str(start)))
        first = next(frames_of(source))
        assert number_of(first.data) == ceil(25 * Fraction(str(start)))
        assert time_of(first) < Fraction(1, 25)


def test_what_is_skipped_of_a_pipe_is_not_kept(tmp_path: Path) -> None:
    film = write_moving(tmp_path / "in.avi", "mpeg4", gop=10, frames=300)
    source = FileSource(film, start=Fraction(11))
    assert len(source._decoder._sent) < 40
    source.close()


def test_a_clock_that_starts_late_is_where_the_film_begins(tmp_path: Path, options: VideoOptions) -> None:
    film = write_moving(tmp_path / "in.mkv", "libx264", gop=20, begins=Fraction(36000))
    assert stylize_video(str(film), tmp_path / "out.mkv", replace(options, seconds=0.2)).stats.frames == 5
    assert number_of(next(frames_of(FileSource(film, start=Fraction(2)))).data) == 50


def test_a_picture_that_is_shown_for_long_is_there_from_the_start_on(tmp_path: Path) -> None:
    film = write_clip(tmp_path / "in.mp4", pts=(0, SECOND, 4 * SECOND))
    whole, late = (list(frames_of(FileSource(film, start=start))) for start in (Fraction(0), Fraction(2)))
    assert [time_of(frame) for frame in late] == [0, 2]
    assert np.array_equal(late[0].data, whole[1].data)


@pytest.mark.parametrize(("seconds", "most"), [(None, 10), (0.12, 3)])
def test_its_sound_begins_there_and_its_chapters(
    tmp_path: Path, options: VideoOptions, seconds: float | None, most: int
) -> None:
    film = write_clip(tmp_path / "in.mp4", sounds=("aac",), chapters=True)
    totals: set[int | None] = set()
    report = stylize_video(
        str(film), tmp_path / "out.mp4", replace(options, start=0.16, seconds=seconds),
        progress=lambda _done, total: totals.add(total),
    )  # fmt: skip
    wanted = [time - Fraction(4, 25) for time in read_times(film)[4:]][:most]
    assert read_times(tmp_path / "out.mp4") == wanted
    assert totals == {report.stats.frames} == {len(wanted)}
    (before,), (after,) = (read_packets(path, "audio") for path in (film, tmp_path / "out.mp4"))
    first = next(number for number, (_, pts, *_) in enumerate(before) if pts >= Fraction(4, 25))
    assert [packet[0] for packet in after] == [packet[0] for packet in before[first : first + len(after)]]
    assert abs(after[0][1] - (before[first][1] - Fraction(4, 25))) < Fraction(1, 500)
    with av.open(str(tmp_path / "out.mp4")) as written:
        (chapter,) = written.chapters()
    assert (chapter["metadata"]["title"], chapter["start"]) == ("Part 1", 0)


def test_a_line_of_text_that_is_on_the_screen_stays_there(tmp_path: Path, options: VideoOptions) -> None:
    film = write_subtitled(tmp_path / "in.mkv", "subrip")
    stylize_video(str(film), tmp_path / "out.mkv", replace(options, start=0.5))
    assert [(float(begins), float(ends)) for begins, ends, _ in shown(tmp_path / "out.mkv")] == [(0, 0.2), (0.5, 0.9)]


def test_pictures_in_order_begin_later_too(tmp_path: Path, options: VideoOptions) -> None:
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"shot_{number:02d}.png"), np.full((48, 64, 3), 40 * number, np.uint8))
    wanted = replace(options, start=0.5, fps=Fraction(4), strength=0.0)
    stylize_video(str(tmp_path / "shot_%02d.png"), tmp_path / "late_%d.png", wanted)
    greys = [np.asarray(cv2.imread(str(tmp_path / f"late_{number}.png")))[0, 0, 0] for number in (1, 2, 3)]
    assert greys == [80, 120, 160]
    assert not (tmp_path / "late_4.png").exists()


def test_an_animated_webp_begins_with_what_it_shows_then(tmp_path: Path) -> None:
    pictures = [np.full((32, 48, 3), 60 * number, np.uint8) for number in range(4)]
    path = tmp_path / "in.webp"
    path.write_bytes(webp_of((48, 32), [Part(picture, shown_ms=200) for picture in pictures]))
    late = list(frames_of(AnimatedWebpSource(path, start=Fraction(1, 4))))
    assert [(float(time_of(frame)), int(frame.data.mean() / 60 + 0.5)) for frame in late] == [
        (0, 1), (0.15, 2), (0.35, 3)
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv", "in.webp", "shot_%02d.png"])
def test_a_start_behind_the_end_is_told(tmp_path: Path, options: VideoOptions, name: str) -> None:
    if name.endswith(".webp"):
        (tmp_path / name).write_bytes(webp_of((48, 32), [Part(np.zeros((32, 48, 3), np.uint8))] * 2))
    elif name.endswith(".png"):
        cv2.imwrite(str(tmp_path / "shot_00.png"), np.zeros((48, 64, 3), np.uint8))
    else:
        write_clip(tmp_path / name)
    with pytest.raises(BadValue, match=r"has no picture after 70 s; begin earlier"):
        stylize_video(str(tmp_path / name), tmp_path / "out.mp4", replace(options, start=70.0))
    assert not (tmp_path / "out.mp4").exists()
