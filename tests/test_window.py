"""The window on a real screen: real key presses, a screenshot, closing, and no screen at all."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shown_window import BLUE_RIGHT, RED_LEFT
from xvfb import Screen, running_screen

from realtime.sinks.display import probe_display
from realtime.sinks.window import fitted_size, key_name

CHILD = Path(__file__).with_name("shown_window.py")
EVERY_SINK = Path(__file__).with_name("test_live_sinks.py")
OPENING = """
from fractions import Fraction
from engines.errors import ImpastoError
from realtime.frames.request import SinkRequest
from realtime.sinks.window import open_window
try:
    open_window("window:", SinkRequest(size=(64, 48), frame_rate=Fraction(30))).close()
    print("opened")
except ImpastoError as error:
    print(error)
"""
PATIENCE_SECONDS = 30.0
TRIES = 20  # each takes 50 ms or more


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    with running_screen() as running:
        yield running


class ShownWindow:
    """The other process; `hear` waits for the next thing it tells."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._listen)
        self.reader.start()

    def hear(self) -> dict[str, Any]:
        line = self._lines.get(timeout=PATIENCE_SECONDS)
        assert line, "the window's process has ended"
        told: dict[str, Any] = json.loads(line)
        return told

    def silent_for(self, seconds: float) -> bool:
        """Whether nothing is told for so long."""
        end = time.perf_counter() + seconds
        while self._lines.empty() and time.perf_counter() < end:
            self.process.poll()
        return self._lines.empty()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")


@contextmanager
def shown(screen: Screen, address: str = "window:Studio", size: tuple[int, int] = (320, 180)) -> Iterator[ShownWindow]:
    """A window that has been drawn and has the keys.

    On a busy machine the Qt 5.15 inside OpenCV now and then loses the first events of its connection. When the one that
    says that the window is shown is among them, it never paints, until it is shown again.
    """
    title = address.partition(":")[2] or "impasto"
    command = [sys.executable, str(CHILD), address, str(size[0]), str(size[1])]
    with subprocess.Popen(
        command, env=screen.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        window = ShownWindow(process)
        try:
            assert window.hear() == {"shown": True}
            screen.focus(title)
            if not colour_at(screen, size[0] // 4, size[1] // 2, RED_LEFT):
                screen.show_again(title)
            yield window
        finally:
            process.kill()
            window.reader.join(PATIENCE_SECONDS)
    while screen.xdotool("search", "--onlyvisible", "--name", title):
        pass  # the server takes a dead program's window away a little later, and the next test must not find it


def press(screen: Screen, window: ShownWindow, key: str) -> dict[str, Any]:
    screen.press(key)
    return window.hear()


def colour_at(screen: Screen, x: int, y: int, wanted: tuple[int, int, int]) -> bool:
    """Whether the screen shows this colour there, as soon as it is drawn."""
    return any(np.abs(screen.picture()[y, x].astype(int) - wanted).max() <= 3 for _ in range(TRIES))


def test_the_picture_stands_upright_in_its_colours(screen: Screen) -> None:
    with shown(screen):
        assert colour_at(screen, 80, 90, RED_LEFT)
        assert colour_at(screen, 240, 90, BLUE_RIGHT)


def test_keys_change_the_settings(screen: Screen) -> None:
    with shown(screen) as window:
        assert press(screen, window, "Right")["style"] == "night"
        assert press(screen, window, "1")["style"] == "waves"
        assert press(screen, window, "m")["mix_with"] == "night"
        assert press(screen, window, "period")["mix"] == 0.6
        assert press(screen, window, "comma")["mix"] == 0.5
        assert press(screen, window, "bracketright")["stroke"] == 1.25
        assert press(screen, window, "bracketleft")["stroke"] == 1.0
        assert press(screen, window, "minus")["strength"] == 0.9
        assert press(screen, window, "plus")["strength"] == 1.0
        assert press(screen, window, "space")["frozen"] is True
        assert press(screen, window, "Tab")["pass_through"] is True
        assert press(screen, window, "s")["said"] == "saved picture.png"
        assert press(screen, window, "9")["said"].startswith("there is no style 9")


def test_the_help_darkens_the_middle_and_escape_takes_it_away(screen: Screen) -> None:
    place = (300, 72)  # on the panel, beside its title
    dark = (66, 24, 22)  # 26 % of the red and a little light
    with shown(screen, size=(640, 360)) as window:
        assert press(screen, window, "question")["show_help"] is True
        assert colour_at(screen, *place, dark)
        assert press(screen, window, "Escape")["show_help"] is False
        assert colour_at(screen, *place, RED_LEFT)


def test_full_screen_and_escape_twice(screen: Screen) -> None:
    with shown(screen) as window:
        assert press(screen, window, "F11")["fullscreen"] is True
        assert press(screen, window, "Escape")["fullscreen"] is False
        assert press(screen, window, "Escape") == {"ended": True}
        assert window.process.wait(PATIENCE_SECONDS) == 0


def test_the_close_button_ends_the_run_and_qt_is_silent(screen: Screen) -> None:
    with shown(screen) as window:
        screen.close_button("Studio")
        while window.silent_for(3.0):  # on a busy machine a message may come before the window listens
            screen.close_button("Studio")
        assert window.hear() == {"ended": True}
        assert window.process.wait(PATIENCE_SECONDS) == 0
        assert window.process.stderr is not None
        assert window.process.stderr.read() == ""


def test_it_keeps_what_every_sink_promises(screen: Screen) -> None:
    suite = "import cv2, pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"  # PyAV first, and no window would open
    chosen = ["-p", "no:cacheprovider", "--noconftest", "-k", "TestEverySink and window", str(EVERY_SINK)]
    done = subprocess.run(
        [sys.executable, "-c", suite, *chosen],
        env={**screen.environment, "IMPASTO_TEST_WINDOW": "1"},
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout
    assert " 7 passed" in done.stdout


def test_pyav_before_opencv_is_one_line_and_no_hang(screen: Screen) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import av\n{OPENING}"],
        env=screen.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    if done.stdout == "opened\n":
        pytest.skip("PyAV and OpenCV share no X libraries here")
    assert done.stdout.startswith("OpenCV's windows hang where PyAV was imported before OpenCV: import cv2 before av")
    assert len(done.stdout.splitlines()) == 1


def test_a_live_run_loads_opencv_before_pyav(screen: Screen) -> None:
    code = f"import realtime.live.run, realtime.sources.open_playback\n{OPENING}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=screen.environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert (done.stdout, done.stderr) == ("opened\n", "")


@pytest.mark.parametrize("platform", ["wayland", "wayland;xcb", "offscreen-of-another-qt"])
def test_a_wayland_desktop_draws_through_xwayland(screen: Screen, platform: str) -> None:
    environment = {**screen.environment, "QT_QPA_PLATFORM": platform, "XDG_SESSION_TYPE": "wayland"}
    command = [sys.executable, str(CHILD), "window:", "64", "48"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b'{"shown": true}\n'
        process.kill()
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["DISPLAY", "--to virtualcam:"]),
        ({"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, ["ssh -Y"]),
        ({"WAYLAND_DISPLAY": "wayland-0"}, ["Xwayland", "DISPLAY"]),
        ({"DISPLAY": ":9999"}, [":9999", "nothing listens there"]),
        ({"DISPLAY": "not a display"}, ["not a display"]),
    ],
    ids=["none", "ssh", "wayland only", "nobody there", "nonsense"],
)
def test_no_display_is_one_line_and_no_abort(settings: dict[str, str], words: list[str]) -> None:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION")
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | settings
    done = subprocess.run([sys.executable, "-c", OPENING], env=environment, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1, done.stderr
    assert all(word in done.stdout for word in words)
    assert not done.stderr


def test_a_display_that_lets_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = tmp_path / "authority"
    cookie.write_bytes(authority(b"0123456789abcdef"))
    with running_screen(options=("-auth", str(cookie))) as guarded:
        monkeypatch.setenv("XAUTHORITY", str(tmp_path / "none"))
        with pytest.raises(Exception, match="XAUTHORITY"):
            probe_display(guarded.display)
        monkeypatch.setenv("XAUTHORITY", str(cookie))
        assert probe_display(guarded.display) == (1280, 720)


def authority(cookie: bytes) -> bytes:
    """An .Xauthority file for any address and display (Xau(3): family 0xFFFF is wild)."""
    parts = [b"", b"", b"MIT-MAGIC-COOKIE-1", cookie]
    return b"\xff\xff" + b"".join(len(part).to_bytes(2, "big") + part for part in parts)


@pytest.mark.parametrize(
    ("picture", "screen_size", "expected"),
    [
        ((640, 360), (1280, 720), (640, 360)),
        ((3840, 2160), (1280, 720), (1152, 648)),
        ((360, 640), (800, 600), (304, 540)),
    ],
)
def test_a_large_picture_gets_a_window_that_fits(
    picture: tuple[int, int], screen_size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert fitted_size(picture, screen_size) == expected


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (-1, None), (ord("s"), "s"), (ord("S"), "s"), (ord("+"), "+"), (32, "space"), (27, "escape"), (9, "tab"),
        (65363, "right"), (0x10FF51, "left"), (65480, "f11"), (0xFFAB, "+"), (0xFFB3, "3"), (0x10FFAD, "-"),
        (0x250000, "left"), (0x270000, "right"), (0x7A0000, "f11"),
        (0xF702, "left"), (0xF703, "right"), (0xF70E, "f11"), (0xFFE1, None),
    ],
)  # fmt: skip
def test_keys_have_names_on_every_system(code: int, name: str | None) -> None:
    assert key_name(code) == name
