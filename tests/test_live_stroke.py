"""Strokes of a live run: they change while it runs, and what is shown keeps its size."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clips import read_pictures

from realtime.live.control.client import send
from realtime.live.control.commands import BY_KEY
from realtime.live.control.settings import LiveSettings, apply_command
from realtime.live.options import LiveOptions
from realtime.live.report import LiveReport
from realtime.live.run import run_live

PATTERN = "pattern:128x96@25"


def run(
    style: Path, folder: Path, drive: Callable[[Path], None], **others: Any
) -> tuple[LiveReport, list[Any], list[str]]:
    """A run that is driven through its socket: its report, the sizes of the pictures it wrote, and what it told."""
    socket, written, told = folder / "live.sock", folder / "out.mkv", list[str]()
    asked = LiveOptions(style=f"{style}:waves", engine="openvino", socket=socket, **others)
    driver = threading.Thread(target=drive, args=(socket,))
    driver.start()
    report = run_live(PATTERN, [str(written)], asked, report=told.append)
    driver.join(20)
    return report, sorted({(picture.width, picture.height) for picture in read_pictures(written)}), told


def await_painted(socket: Path, more: int = 3) -> None:
    """Until so many more frames were painted."""
    pause = threading.Event()
    while not socket.exists():
        pause.wait(0.02)
    enough = send("status", None, socket)["figures"]["painted"] + more
    while send("status", None, socket)["figures"]["painted"] < enough:
        pause.wait(0.05)


def await_engine(socket: Path, height: int) -> None:
    """Until one of this height paints."""
    pause = threading.Event()
    while (send("status", None, socket)["figures"]["engine"] or {}).get("height") != height:
        pause.wait(0.05)


def quit_once_painted(socket: Path) -> None:
    await_painted(socket)
    send("quit", None, socket)


@pytest.mark.parametrize(("key", "stroke"), [("[", 0.75), ("]", 1.25)])
def test_keys_make_strokes_finer_and_larger(key: str, stroke: float) -> None:
    command, value = BY_KEY[key]
    assert apply_command(LiveSettings(), command.name, value, ()).stroke == stroke


def test_the_socket_changes_the_strokes_and_the_picture_keeps_its_size(small_style: Path, tmp_path: Path) -> None:
    painted_at: list[str] = []

    def drive(socket: Path) -> None:
        await_painted(socket)
        painted_at.append(send("stroke", 2, socket)["line"])
        assert send("status", None, socket)["settings"]["stroke"] == 2
        await_engine(socket, 48)
        send("quit", None, socket)

    report, sizes, _ = run(small_style, tmp_path, drive, target_fps=0.0)
    assert painted_at == ["stroke: 2"]
    assert report.engine is not None
    assert (report.engine.width, report.engine.height) == (64, 48)
    assert sizes == [(128, 96)]


def test_the_height_is_that_of_what_is_written(small_style: Path, tmp_path: Path) -> None:
    """And the net paints what the source has."""
    report, sizes, _ = run(small_style, tmp_path, quit_once_painted, height=192, target_fps=0.0)
    assert report.engine is not None
    assert (report.engine.width, report.engine.height) == (128, 96)
    assert sizes == [(256, 192)]


def test_a_run_begins_with_the_strokes_that_were_asked_for(small_style: Path, tmp_path: Path) -> None:
    report, sizes, told = run(small_style, tmp_path, quit_once_painted, stroke=0.5, target_fps=0.0)
    assert report.engine is not None
    assert (report.engine.width, report.engine.height) == (256, 192)
    assert sizes == [(128, 96)]
    assert not [line for line in told if "lines" in line], told
