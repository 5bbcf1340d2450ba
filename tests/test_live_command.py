"""`impasto live` as a person meets it: its options, Ctrl-C, and who else wants stdout."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from clips import read_pictures
from typer.testing import CliRunner

from engines.errors import ImpastoError
from realtime.commands.all_commands import app
from realtime.live.control.client import send
from realtime.live.options import LiveOptions

PATIENCE_SECONDS = 60.0
PATTERN = "pattern:128x96@25"
OTHERS = LiveOptions(
    steady=0.3,
    style="mosaic",
    mix="a=0.5,b=0.5",
    strength=0.5,
    keep_colour=0.25,
    height=240,
    stroke=2.0,
    texture="panes",
    net="fine",
    engine="openvino",
    precision="fp32",
    strict=True,
    verbose=True,
    size=(640, 480),
    rate=Fraction(15),
    loop=True,
    audio="source",
    target_fps=20.0,
    max_latency_ms=80.0,
    fps_cap=Fraction(30000, 1001),
    learn="painting.jpg",
    mirror=True,
    pass_through=True,
    wait=True,
    folder=Path("pictures"),
    style_images=((Path("painting.jpg"), 0.7), (Path("other.jpg"), 1.0)),
    socket=Path("live.sock"),
    control=False,
    seconds=2.5,
    frames=7,
)
SETTINGS = [field.name for field in fields(LiveOptions)]
SPELLED = {"style_images": "style_image"}  # given again for each picture
FLAGS = {True: "--{}", False: "--no-{}"}


def test_every_option_reaches_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def remember(source: str, sinks: list[str], options: LiveOptions, **_: object) -> None:
        asked.extend((source, sinks, options))
        raise ImpastoError("that is enough")

    monkeypatch.setattr("realtime.live.run.run_live", remember)
    assert all(getattr(OTHERS, name) != getattr(LiveOptions(), name) for name in SETTINGS)
    arguments = [word for name in SETTINGS for word in as_written(name)]
    result = CliRunner().invoke(app, ["live", "screen:", "--to", "null:", "--to", "out.mkv", *arguments])
    assert result.stderr == "impasto: that is enough\n"
    assert asked == ["screen:", ["null:", "out.mkv"], OTHERS]


def as_written(name: str) -> list[str]:
    """An option of OTHERS on the command line."""
    value, word = getattr(OTHERS, name), SPELLED.get(name, name).replace("_", "-")
    if name in SPELLED:
        return [part for path, weight in value for part in (f"--{word}", f"{path}={weight}")]
    if isinstance(value, bool):
        return [FLAGS[value].format(word)]
    return [f"--{word}", "x".join(map(str, value)) if isinstance(value, tuple) else str(value)]


@pytest.mark.parametrize("sink", ["pipe:", "PIPE:rawvideo"])
def test_pictures_and_json_do_not_share_stdout(sink: str) -> None:
    result = CliRunner().invoke(app, ["live", PATTERN, "--to", sink, "--json"])
    assert result.exit_code == 2
    assert "both want stdout" in result.stderr


@pytest.fixture(scope="module")
def clip(make_clip: Callable[[int], Path]) -> Path:
    """64x48, and played again and again: a process that shows the built-in scene would first paint its world."""
    return make_clip(25)


@contextmanager
def running(clip: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, which is ended with the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "realtime.cli", "live", str(clip), "--loop", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",  # a pipe's pictures come with its first line
        env={**os.environ, "NO_COLOR": "1"},
    )
    try:
        with process:
            yield process
            process.kill()
    finally:
        process.kill()


def wait_for_pictures(socket: Path, process: subprocess.Popen[str]) -> None:
    """Asks until some have been captured, as any client would."""
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if send("status", None, socket)["figures"]["captured"] > 10:
                return
        except (ImpastoError, OSError):  # it does not listen yet
            pass
        pause.wait(0.05)
    raise AssertionError(f"no picture came: {process.poll()}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_playable_recording_and_no_socket(
    clip: Path, small_style: Path, tmp_path: Path, number: signal.Signals
) -> None:
    socket, recording = tmp_path / "live.sock", tmp_path / "out.mkv"
    with running(
        clip, "--to", "null:", "--to", str(recording), "--style", str(small_style), "--socket", str(socket), "--json"
    ) as process:
        wait_for_pictures(socket, process)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert json.loads(out)["interrupted"] is True
    assert "Traceback" not in err
    assert not socket.exists()
    written = {sink["sink"]: sink["frames"] for sink in json.loads(out)["sinks"]}
    assert len(read_pictures(recording)) == written[str(recording)] > 0


def test_quit_is_no_interrupt(clip: Path, small_style: Path, tmp_path: Path) -> None:
    socket = tmp_path / "live.sock"
    with running(clip, "--to", "null:", "--style", str(small_style), "--socket", str(socket), "--json") as process:
        wait_for_pictures(socket, process)
        send("quit", None, socket)
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert json.loads(out)["interrupted"] is False


def test_a_pipes_reader_that_leaves_ends_the_run_with_a_line(clip: Path, small_style: Path) -> None:
    with running(clip, "--to", "pipe:", "--style", str(small_style), "--no-control") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("YUV4MPEG2 W64 H48")
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait(PATIENCE_SECONDS) == 1
    assert "pipe: has stopped: its reader has left\n" in told
    assert "Traceback" not in told
