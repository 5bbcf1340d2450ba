"""A screen that nobody sees: a real X server for tests of windows, with the keys and the eyes of a person."""

import ctypes
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from realtime.frames.frame import Pixels

SCREEN = (1280, 720)  # width and height in pixels
START_SECONDS = 30.0
PROGRAMS = {"Xvfb": "xvfb", "xdotool": "xdotool", "import": "imagemagick"}


@dataclass(frozen=True, slots=True)
class Screen:
    """A running X server; `display` is its address, as in ":1"."""

    display: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that is to draw here."""
        hidden = ("WAYLAND_DISPLAY", "XAUTHORITY", "QT_QPA_PLATFORM")
        return {name: value for name, value in os.environ.items() if name not in hidden} | {"DISPLAY": self.display}

    def xdotool(self, *arguments: str) -> str:
        """What xdotool prints, such as the ids of windows."""
        done = subprocess.run(
            ["xdotool", *arguments], env=self.environment, capture_output=True, text=True, timeout=START_SECONDS
        )
        return done.stdout.strip()

    def press(self, *keys: str) -> None:
        """Real key presses into the window that `focus` chose, by X's names of keys ("Right", "F11", "space")."""
        self.xdotool("key", "--delay", "30", *keys)

    def focus(self, title: str) -> None:
        """Wait for the window of this title and give it the keys: there is no window manager that would."""
        self.xdotool("search", "--sync", "--onlyvisible", "--name", title, "windowfocus", "--sync")

    def show_again(self, title: str) -> None:
        """What taking a window down to the task bar and back does: the program is told once more that it is shown."""
        window = self.xdotool("search", "--onlyvisible", "--name", title)
        self.xdotool("windowunmap", "--sync", window, "windowmap", "--sync", window, "windowfocus", "--sync", window)

    def close_button(self, title: str) -> None:
        """What the X of a window's frame does: asks the program to close it."""
        ask_to_close(self.display, int(self.xdotool("search", "--onlyvisible", "--name", title)))

    def picture(self) -> Pixels:
        """(H, W, 3) uint8 RGB: what stands on the screen now."""
        shot = subprocess.run(
            ["import", "-window", "root", "png:-"],
            env=self.environment,
            capture_output=True,
            check=True,
            timeout=START_SECONDS,
        )
        decoded = cv2.imdecode(np.frombuffer(shot.stdout, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert decoded is not None
        return np.asarray(decoded, np.uint8)


def ask_to_close(display: str, window: int) -> None:
    """Send WM_DELETE_WINDOW, as window managers do (ICCCM, section 4.2.8.1); xdotool cannot before 2021."""
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_intern_atom_reply.restype = ctypes.POINTER(ctypes.c_uint32 * 3)
    connection = ctypes.c_void_p(xcb.xcb_connect(display.encode(), None))
    atoms = []
    for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"):
        asked = xcb.xcb_intern_atom(connection, 0, len(name), name)
        atoms.append(xcb.xcb_intern_atom_reply(connection, asked, None).contents[2])
    client_message, bits = 33, 32
    xcb.xcb_send_event(
        connection, 0, window, 0, struct.pack("=BBHII5I", client_message, bits, 0, window, *atoms, *[0] * 4)
    )
    xcb.xcb_flush(connection)
    xcb.xcb_disconnect(connection)


@contextmanager
def running_screen(size: tuple[int, int] = SCREEN, options: tuple[str, ...] = ()) -> Iterator[Screen]:
    """An X server of `size` pixels on a free display, ended afterwards; the test is skipped where a program is missing.

    The server picks the display itself (-displayfd), so that two runs side by side never meet.
    """
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs the programs of {', '.join(missing)}")
    told, tells = os.pipe()
    command = [
        "Xvfb",
        "-r",  # no key repeats by itself: on a busy machine a short press would count twice
        "-noreset",  # or it begins anew when its last window goes, and turns the next one away meanwhile
        "-displayfd",
        str(tells),
        "-screen",
        "0",
        f"{size[0]}x{size[1]}x24",
        "-nolisten",
        "tcp",
        *options,
    ]
    server = subprocess.Popen(command, pass_fds=(tells,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(tells)
    try:
        with os.fdopen(told) as answer:
            number = answer.readline().strip()
        if not number:
            pytest.skip("Xvfb does not start here")
        yield Screen(f":{number}")
    finally:
        server.terminate()
        server.wait(START_SECONDS)
