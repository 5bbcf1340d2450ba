"""`impasto video IN -`: the video on standard output, as a stream that others read."""

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import read_pictures
from sound_films import SoundRecipe, first_picture_seconds, heard, late_samples, write_film
from subtitled_films import EXPECTED, shown, write_subtitled
from typer.testing import CliRunner

from engines.errors import BadValue
from realtime.commands.all_commands import app
from realtime.frames.frame import Frame
from realtime.media.clip import Clip
from realtime.media.containers import OF_FORMAT, container_for
from realtime.media.encoding import choose_encoding
from realtime.sinks.file import FileSink

SINK_IN_A_CHILD = """
import sys
from pathlib import Path
from realtime.media.containers import STANDARD_OUTPUT
from realtime.media.encoding import choose_encoding
from realtime.sinks.file import FileSink
from realtime.sources.file import FileSource
reader = FileSource(Path(sys.argv[1]))
encoding = choose_encoding(STANDARD_OUTPUT, container_format=sys.argv[2])
writer = FileSink(STANDARD_OUTPUT, reader.clip, encoding=encoding, report=lambda line: print(line, file=sys.stderr))
print("a library has something to say", flush=True)
while (frame := reader.read()) is not None:
    writer.write(frame)
writer.close()
"""

TO_NOBODY = """
import sys
import threading
from realtime.media import reader_pipe
stop = threading.Event()
reader_pipe.STOPPED_SECONDS = 0.2
place = reader_pipe.StandardOutput(stop)
threading.Timer(0.2, stop.set).start()
place.write(bytes(10**6))
try:
    place.check()
except reader_pipe.FileError as error:
    print(error, file=sys.stderr)
"""


def streamed(source: Path, container_format: str, target: Path) -> Path:
    """What a child writes to its standard output."""
    command = [sys.executable, "-c", SINK_IN_A_CHILD, str(source), container_format]
    told = subprocess.run(command, capture_output=True, check=True)
    assert b"a library has something to say" in told.stderr
    target.write_bytes(told.stdout)
    return target


def impasto(*arguments: str) -> Sequence[str]:
    return [sys.executable, "-m", "realtime.cli", "video", *arguments]


@pytest.mark.parametrize("container_format", OF_FORMAT)
def test_every_container_comes_as_a_stream_with_its_sound_in_step(tmp_path: Path, container_format: str) -> None:
    source = write_film(tmp_path / "in.mp4", SoundRecipe(), codec="libx264")
    target = streamed(source, container_format, tmp_path / "out")
    with av.open(str(target)) as film:
        assert OF_FORMAT[container_format].name in film.format.name
    zero = first_picture_seconds(target)
    times = [picture.pts * picture.time_base - zero for picture in read_pictures(target)]  # type: ignore[operator]
    assert len(times) == 50
    assert all(abs(time - Fraction(index, 25)) <= Fraction(1, 1000) for index, time in enumerate(times))
    (original, _), (sound, rate) = heard(source), heard(target)
    exact = container_format in ("mp4", "mov")
    assert abs(late_samples(sound[0], original[0], 9600, 72000)) <= (1 if exact else round(0.0007 * rate))


@pytest.mark.parametrize("container_format", OF_FORMAT)
def test_sound_whose_header_comes_with_its_packets_is_there(tmp_path: Path, container_format: str) -> None:
    """AAC as broadcasts send it: a muxer that cannot go back has no header to write."""
    source = write_film(tmp_path / "in.ts", SoundRecipe(), codec="libx264")
    target = streamed(source, container_format, tmp_path / "out")
    assert len(read_pictures(target)) == 50
    assert heard(target)[0].shape[1] > 1.9 * heard(target)[1]


@pytest.mark.parametrize("container_format", ["mp4", "matroska", "webm"])
def test_subtitles_come_along_at_their_times(tmp_path: Path, container_format: str) -> None:
    source = write_subtitled(tmp_path / "in.mkv", "subrip")
    assert shown(streamed(source, container_format, tmp_path / "out")) == EXPECTED


def test_what_broadcasts_do_not_hold_is_told(tmp_path: Path) -> None:
    source = write_subtitled(tmp_path / "in.mkv", "subrip")
    command = [sys.executable, "-c", SINK_IN_A_CHILD, str(source), "mpegts"]
    told = subprocess.run(command, capture_output=True, check=True)
    assert b"is lost: mpegts files cannot hold it; write to .mkv" in told.stderr
    (tmp_path / "out.ts").write_bytes(told.stdout)
    with av.open(str(tmp_path / "out.ts")) as film:
        assert [stream.type for stream in film.streams] == ["video"]


def test_the_command_writes_pictures_to_stdout_and_words_to_stderr(tmp_path: Path, small_style: Path) -> None:
    source = write_film(tmp_path / "in.mp4", SoundRecipe())
    command = impasto(str(source), "-", "--format", "matroska", "--style", str(small_style))
    told = subprocess.run(command, capture_output=True, check=True)
    (tmp_path / "out.mkv").write_bytes(told.stdout)
    assert len(read_pictures(tmp_path / "out.mkv")) == 50
    assert b"painted 50 frames" in told.stderr
    assert told.stderr.rstrip().endswith(b"standard output")


def test_a_reader_that_leaves_ends_it_with_one_line(tmp_path: Path, small_style: Path) -> None:
    source = write_film(tmp_path / "in.mp4", SoundRecipe())
    command = impasto(str(source), "-", "--format", "mpegts", "--style", str(small_style))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        said = child.stderr.read().decode().splitlines()
    assert child.returncode == 1
    assert said[-1] == "impasto: standard output: its reader has left"
    assert [line for line in said if line.startswith("impasto:")] == said[-1:]
    assert not [line for line in said if "Traceback" in line]


def test_a_reader_that_pauses_keeps_nobody_from_stopping() -> None:
    with subprocess.Popen([sys.executable, "-c", TO_NOBODY], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        said = child.stderr.read().decode()
    assert said == "standard output: its reader takes nothing any more\n"


def test_a_terminal_is_refused_in_one_line(tmp_path: Path, small_style: Path) -> None:
    source = write_film(tmp_path / "in.mp4")
    screen, terminal = pty.openpty()
    command = impasto(str(source), "-", "--format", "mp4", "--style", str(small_style))
    try:
        told = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(terminal)
        os.close(screen)
    assert told.returncode == 1
    last = told.stderr.decode().splitlines()[-1]
    assert last.startswith("impasto: OUT is -, and here is a terminal; give it a reader")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "OUT is -, which names no container; add --format mp4, mov, matroska, webm, mpegts"),
        (("--format", "avi"), "choose mp4, mov, matroska, webm or mpegts"),
        (("--format", "mp4", "--json"), "--json and OUT - both want stdout"),
        (("--format", "webm", "--codec", "h264"), "webm files cannot hold h264; use --codec vp9 or av1"),
    ],
)
def test_what_does_not_go_together_is_told(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    source = write_film(tmp_path / "in.mp4")
    told = CliRunner().invoke(app, ["video", str(source), "-", *arguments], env={"COLUMNS": "240"})
    assert told.exit_code != 0
    assert told.stdout == ""
    assert said in told.stderr


def test_a_format_goes_before_the_ending(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    encoding = choose_encoding(path, container_format="webm")
    sink = FileSink(path, Clip((64, 48), Fraction(1, 25), Fraction(25)), encoding=encoding)
    sink.write(Frame(np.full((48, 64, 3), 90, np.uint8), 0.0, 0.0, pts=0, time_base=Fraction(1, 25)))
    sink.close()
    with av.open(str(path)) as film:
        assert "webm" in film.format.name
    with pytest.raises(BadValue, match="'avi' is not one of mp4"):
        container_for(path, "avi")


def test_a_closed_standard_output_is_told(tmp_path: Path) -> None:
    source = write_film(tmp_path / "in.mp4")
    words = " ".join(f"'{word}'" for word in impasto(str(source), "-", "--format", "mp4"))
    told = subprocess.run(f"{words} >&-", shell=True, stderr=subprocess.PIPE, check=False)
    assert told.returncode == 1
    assert b"standard output is closed" in told.stderr.splitlines()[-1]
