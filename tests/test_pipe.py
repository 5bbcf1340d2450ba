"""Raw pictures in a pipe."""

import os
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from servers import frames_of_scene

from engines.errors import ImpastoError
from realtime.frames.frame import Frame
from realtime.frames.request import SinkRequest
from realtime.sinks.pipe import PipeSink, open_pipe

REQUEST = SinkRequest(size=(98, 65), frame_rate=Fraction(30000, 1001))


def piped(kind: str, frames: list[Frame]) -> bytes:
    """What a reader of the pipe gets."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb") as writer:
        got: list[bytes] = []
        thread = threading.Thread(target=lambda: got.append(reader.read()))
        thread.start()
        sink = PipeSink(writer.fileno(), REQUEST, kind)
        for frame in frames:
            sink.write(frame)
        sink.close()
        writer.close()
        thread.join()
    return got[0]


def test_rawvideo_is_the_frames() -> None:
    frames = frames_of_scene(3, (98, 65))
    assert piped("rawvideo", frames) == b"".join(frame.data.tobytes() for frame in frames)


def test_y4m_is_read_by_ffmpeg_in_the_right_colours(tmp_path: Path) -> None:
    frames = frames_of_scene(3, (98, 65))
    path = tmp_path / "a.y4m"
    path.write_bytes(piped("y4m", frames))
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        pictures = [picture.to_ndarray(format="rgb24") for picture in film.decode(stream)]
        assert stream.average_rate == Fraction(30000, 1001)
    assert len(pictures) == 3
    for picture, frame in zip(pictures, frames, strict=True):
        assert np.abs(picture.mean(axis=(0, 1)) - frame.data.mean(axis=(0, 1))).max() < 8


@pytest.mark.parametrize("colour", [(200, 40, 40), (40, 180, 60), (40, 60, 200), (210, 170, 40)])
def test_y4m_keeps_strong_colours(colour: tuple[int, int, int], tmp_path: Path) -> None:
    """It has no word for the matrix: readers take the one that is usual for the size."""
    path = tmp_path / "a.y4m"
    path.write_bytes(piped("y4m", [Frame(np.full((65, 98, 3), colour, np.uint8), 0.0, 0.0)]))
    with av.open(str(path)) as film:
        (picture,) = film.decode(video=0)
    assert np.abs(picture.to_ndarray(format="rgb24")[10:-10, 10:-10].astype(int) - colour).max() <= 3


def test_a_reader_that_leaves_ends_it() -> None:
    reading, writing = os.pipe()
    sink = PipeSink(writing, REQUEST, "rawvideo")
    os.close(reading)
    with pytest.raises(BrokenPipeError, match="its reader has left"):
        sink.write(frames_of_scene(1, (98, 65))[0])
    sink.close()
    os.close(writing)


def test_a_reader_that_pauses_gets_whole_frames_and_fewer() -> None:
    reading, writing = os.pipe()
    frames = frames_of_scene(6, (98, 65))
    request = SinkRequest(size=(98, 65), frame_rate=Fraction(25))
    request.stop.set()  # so that nothing waits for the reader
    sink = PipeSink(writing, request, "rawvideo")
    for frame in frames:
        sink.write(frame)
    with os.fdopen(reading, "rb") as reader:
        got: list[bytes] = []
        thread = threading.Thread(target=lambda: got.append(reader.read()))
        thread.start()
        sink.close()
        os.close(writing)
        thread.join()
    sizes, rest = divmod(len(got[0]), frames[0].data.nbytes)
    assert rest == 0
    assert 0 < sizes < 6


def test_an_unknown_kind() -> None:
    with pytest.raises(ImpastoError, match="only y4m and rawvideo"):
        open_pipe("pipe:mp4", REQUEST)


def test_a_terminal_gets_no_pictures() -> None:
    import pty

    main, terminal = pty.openpty()
    code = (
        "from fractions import Fraction\nfrom realtime.frames.request import SinkRequest\n"
        "from realtime.sinks.pipe import open_pipe\n"
        "open_pipe('pipe:', SinkRequest(size=(64, 48), frame_rate=Fraction(25)))"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=terminal, stderr=subprocess.PIPE, text=True)
    os.close(terminal)
    os.close(main)
    assert "here is a terminal; give it a reader: impasto live --to pipe: | ffplay -" in done.stderr
