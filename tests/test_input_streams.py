"""IN that can be read only once: standard input, pipes and addresses on the web; read to the end, or one right line."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from clips import read_packets, read_times, write_clip
from repainting import repaint
from test_stream_copy import COVER, add_to, cover_of
from web_server import serving

from engines.errors import ImpastoError
from realtime.files.options import VideoOptions
from realtime.files.video import stylize_video
from realtime.media.input_file import is_stream
from realtime.sinks.file import FileSink
from realtime.sources.file import FileSource

QUIET_SECONDS = 30.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds with sound, in a container that can be read from a pipe."""
    return write_clip(tmp_path_factory.mktemp("films") / "film.mkv", pts=range(0, 50 * 512, 512), sounds=("aac",))


def painted(arguments: list[str], style: Path, **redirected: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "realtime.cli", "video", *arguments, "--style", str(style), "--height", "32"]
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        command, capture_output="stderr" not in redirected, text=True, timeout=120, check=False, **redirected
    )


def same(one: Path, other: Path) -> bool:
    """Whether two files show and sound the same, but for what was painted."""
    return read_times(one) == read_times(other) and read_packets(one, "audio") == read_packets(other, "audio")


def test_standard_input_is_read_from_a_pipe_and_from_a_file(film: Path, tmp_path: Path, small_style: Path) -> None:
    for name, source in (("pipe", subprocess.PIPE), ("file", None)):
        target = tmp_path / f"{name}.mkv"
        with film.open("rb") as opened, subprocess.Popen(["cat", str(film)], stdout=subprocess.PIPE) as cat:
            given = opened if source is None else cat.stdout
            done = painted(["-", str(target)], small_style, stdin=given)
        assert done.returncode == 0, done.stderr
        assert same(target, film)


def test_a_named_pipe_is_waited_for_and_read_once(film: Path, tmp_path: Path) -> None:
    pipe, target = tmp_path / "pipe", tmp_path / "out.mkv"
    os.mkfifo(pipe)

    def write_late() -> None:
        time.sleep(0.3)
        pipe.write_bytes(film.read_bytes())

    writer = threading.Thread(target=write_late)
    writer.start()
    assert repaint(pipe, target) == []
    writer.join()
    assert same(target, film)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_cover_goes_along_from_a_pipe(tmp_path: Path, suffix: str) -> None:
    def add(output: av.container.OutputContainer) -> None:
        output.add_attachment("cover.png", "image/png", COVER)

    source = add_to(write_clip(tmp_path / "plain.mkv"), tmp_path / "in.mkv", add)
    pipe, target = tmp_path / "pipe", tmp_path / f"out{suffix}"
    os.mkfifo(pipe)
    writer = threading.Thread(target=_give, args=(pipe, source.read_bytes()))
    writer.start()
    assert repaint(pipe, target) == []
    writer.join()
    assert cover_of(target) == COVER


def test_a_pipe_into_which_nobody_writes_is_left_when_asked(tmp_path: Path) -> None:
    pipe, stop = tmp_path / "pipe", threading.Event()
    os.mkfifo(pipe)
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(ImpastoError, match="stopped before"):
        FileSource(pipe, stop=stop)


def test_a_pipe_that_goes_silent_on_the_way_is_left_when_asked(film: Path, tmp_path: Path, small_style: Path) -> None:
    pipe, target, stop = tmp_path / "pipe", tmp_path / "out.mkv", threading.Event()
    os.mkfifo(pipe)
    writing = threading.Event()

    def write_most() -> None:
        with pipe.open("wb") as opened:
            data = film.read_bytes()
            opened.write(data[: len(data) * 3 // 4])
            opened.flush()
            writing.wait(QUIET_SECONDS)

    writer = threading.Thread(target=write_most)
    writer.start()
    report = stylize_video(
        str(pipe),
        target,
        VideoOptions(style=str(small_style)),
        progress=lambda done, total: stop.set() if done == 5 else None,
        stop=stop,
    )
    writing.set()
    writer.join()
    assert report.interrupted
    times = read_times(target)
    assert 5 <= len(times) < 50
    assert times == read_times(film)[: len(times)]


def test_an_empty_pipe_and_an_mp4_with_its_index_at_the_end_are_answered(tmp_path: Path) -> None:
    index_at_the_end = write_clip(
        tmp_path / "late.mp4", size=(640, 480), pts=range(0, 100 * 512, 512), codec="mjpeg", pixel_format="yuvj420p"
    )
    for data, words in (
        (b"", "ended before anything came"),
        (index_at_the_end.read_bytes(), "saved as a file first"),
    ):
        pipe = tmp_path / f"pipe{len(words)}"
        os.mkfifo(pipe)
        writer = threading.Thread(target=_give, args=(pipe, data))
        writer.start()
        with pytest.raises(ImpastoError, match=words):
            FileSource(pipe)
        writer.join()


def _give(pipe: Path, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        pipe.write_bytes(content)


def test_a_closed_standard_input_and_none_at_all_are_answered(tmp_path: Path, small_style: Path) -> None:
    done = painted(["-", str(tmp_path / "out.mp4")], small_style, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "standard input ended before anything came" in done.stderr
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_an_address_is_read_with_its_sound(tmp_path: Path, suffix: str) -> None:
    source = write_clip(tmp_path / f"film{suffix}", pts=range(0, 50 * 512, 512), sounds=("aac",))
    with serving(tmp_path) as server:
        repaint(f"{server}/{source.name}?key=%04d", tmp_path / "from_web.mkv")
    repaint(source, tmp_path / "from_disk.mkv")
    assert same(tmp_path / "from_web.mkv", tmp_path / "from_disk.mkv")
    assert len(read_times(tmp_path / "from_web.mkv")) == 50


def test_an_address_that_never_ends_is_painted_until_it_is_stopped(tmp_path: Path, small_style: Path) -> None:
    film = write_clip(tmp_path / "film.ts", pts=range(0, 50 * 512, 512), sounds=("aac",)).read_bytes()
    stop, target = threading.Event(), tmp_path / "out.mkv"
    totals: set[int | None] = set()

    def progress(done: int, total: int | None) -> None:
        totals.add(total)
        if done == 120:
            stop.set()

    def again_and_again(write: Callable[[bytes], object]) -> None:
        """As a live source, to whoever stays."""
        while True:
            write(film)

    with serving(tmp_path, {"live.ts": again_and_again}, sent_as="video/mp2t") as server:
        options = VideoOptions(style=str(small_style))
        report = stylize_video(f"{server}/live.ts", target, options, progress=progress, stop=stop)
    assert report.interrupted
    assert totals == {None}
    times = read_times(target)
    assert len(times) == report.stats.frames >= 120
    assert times == sorted(set(times))
    (sound,) = read_packets(target, "audio")
    assert abs(float(sound[-1][1] - times[-1])) < 2


def test_a_stop_waits_for_no_subtitle(tmp_path: Path, small_style: Path) -> None:
    """Of what never ends, nothing else may be waited for once the last picture is written."""
    source, stop = (
        write_clip(tmp_path / "film.mkv", pts=range(0, 500 * 512, 512), subtitles=("subrip",)),
        threading.Event(),
    )
    stop.set()
    reader = FileSource(source)
    writer = FileSink(tmp_path / "out.mkv", reader.clip, stop=stop)
    for _ in range(20):
        frame = reader.read()
        assert frame is not None
        writer.write(frame)
    writer.close()
    left = sum(1 for _ in iter(reader.grab, None))
    reader.close()
    assert left > 400


def test_addresses_that_give_nothing_are_answered_in_one_line(tmp_path: Path) -> None:
    with serving(tmp_path) as server, pytest.raises(ImpastoError, match=r"404"):
        FileSource(f"{server}/nothing.mp4")
    with pytest.raises(ImpastoError, match="connection was refused"):
        FileSource("http://127.0.0.1:9/film.mp4")
    with pytest.raises(ImpastoError, match="impasto live plays others"):
        FileSource("rtsp://127.0.0.1/stream")


def test_what_is_a_stream_and_what_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_stream("-")
    assert is_stream("https://example.com/my%20dog.mp4?size=1")
    assert not is_stream("http:clip.mp4")
    assert not is_stream("./-")


def test_a_sink_that_comes_too_late_is_told(film: Path, tmp_path: Path) -> None:
    reader = FileSource(film)
    reader.read()
    with pytest.raises(RuntimeError, match="before the first frame is read"):
        FileSink(tmp_path / "out.mkv", reader.clip)
    reader.close()
