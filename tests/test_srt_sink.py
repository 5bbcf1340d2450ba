"""Streams pushed by SRT: its passphrase stays secret, and what fails is told in the words of ffmpeg."""

import re
import socket
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from pushed_streams import FRAMES, RATE, SIZE, pull, push_until_lost, request
from servers import frames_of_scene, free_port

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, habits_of
from realtime.live.openers import open_sink
from realtime.sinks.srt import srt_program

PASSPHRASE = "sunflowers+1888"


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """A second of the scene and a little more."""
    return frames_of_scene(FRAMES, SIZE, RATE)


def needs_srt() -> str:
    try:
        return srt_program()
    except ImpastoError as error:
        pytest.skip(str(error))


def test_srt_keeps_its_passphrase(tmp_path: Path, frames: list[Frame]) -> None:
    program = needs_srt()
    port = free_port(socket.SOCK_DGRAM)
    received = tmp_path / "received.ts"
    secret = f"passphrase={PASSPHRASE}"
    listen = [program, "-loglevel", "error", "-nostdin", "-y", "-i", f"srt://127.0.0.1:{port}?mode=listener&{secret}"]
    listener = subprocess.Popen([*listen, "-c", "copy", str(received)], stderr=subprocess.DEVNULL)
    sink = open_sink(f"srt://127.0.0.1:{port}?{secret}&latency=200000", request())
    commands = commands_of_children()
    for tick in range(2 * FRAMES):
        sink.write(replace(frames[tick % FRAMES], pts=tick))
        threading.Event().wait(0.02)
    sink.close()
    listener.wait(timeout=20)
    assert pull(str(received))[0] > FRAMES // 2
    sending = [command for command in commands if f"127.0.0.1:{port}?latency=200000" in command]
    assert bool(sending) == Path("/proc/self/task").exists()
    assert PASSPHRASE not in "".join(sending)
    assert habits_of(sink).proving_seconds > 0


def commands_of_children() -> list[str]:
    """The command lines of our programs, as anybody may read them."""
    lines = Path("/proc/self/task").glob("*/children")
    numbers = [number for line in lines for number in line.read_text().split()]
    return [Path(f"/proc/{number}/cmdline").read_text() for number in numbers]


def test_who_calls_us_refuses_nothing() -> None:
    needs_srt()
    sink = open_sink(f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}?mode=listener", request())
    sink.close()
    assert habits_of(sink).proving_seconds == 0


def test_srt_to_nobody_tells_the_programs_words(frames: list[Frame]) -> None:
    needs_srt()
    port = free_port(socket.SOCK_DGRAM)
    sink = open_sink(f"srt://127.0.0.1:{port}?passphrase=verysecret1", request())
    lost = push_until_lost(sink, frames)
    assert "verysecret1" not in lost
    assert re.fullmatch(rf"srt://127.0.0.1:{port}\?passphrase=\*\*\*: .*(failed|error).*", lost)
    assert lost.count("srt://") == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("impasto")]


@pytest.mark.parametrize(
    ("address", "remedy"),
    [("srt://127.0.0.1?passphrase=verysecret1", "names no port"), ("srt://no-such-host.invalid:9", "there is no host")],
)
def test_srt_to_no_address(address: str, remedy: str) -> None:
    needs_srt()
    with pytest.raises(ImpastoError, match=remedy) as told:
        open_sink(address, request())
    assert "verysecret1" not in str(told.value)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("impasto")]


def test_no_ffmpeg_for_srt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImpastoError, match="install your system's ffmpeg"):
        open_sink("srt://127.0.0.1:9", request())
