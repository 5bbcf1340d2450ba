"""Whether a window can be opened here, found out before OpenCV tries: where it cannot, it ends the whole process."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import cv2

from engines.errors import ImpastoError

PROBE_SECONDS = 10.0
# Connects to $DISPLAY as Qt and GTK do, with libxcb, and prints the size of the screen. In a process of its own because
# libxcb tells on stderr why it was refused, and may wait for minutes for a machine that does not answer.
PROBE = """
import ctypes, struct, sys
try:
    xcb = ctypes.CDLL("libxcb.so.1")
except OSError:
    sys.exit(0)
class Roots(ctypes.Structure):
    _fields_ = [("screen", ctypes.c_void_p), ("rem", ctypes.c_int), ("index", ctypes.c_int)]
xcb.xcb_connect.restype = xcb.xcb_get_setup.restype = ctypes.c_void_p
xcb.xcb_connection_has_error.argtypes = xcb.xcb_get_setup.argtypes = [ctypes.c_void_p]
xcb.xcb_setup_roots_iterator.restype = Roots
xcb.xcb_setup_roots_iterator.argtypes = [ctypes.c_void_p]
connection = xcb.xcb_connect(None, None)
if xcb.xcb_connection_has_error(connection):
    sys.exit(1)
roots = xcb.xcb_setup_roots_iterator(xcb.xcb_get_setup(connection))
print(*struct.unpack_from("HH", ctypes.string_at(roots.screen, 24), 20))
"""
ELSEWHERE = "paint without a window by --to virtualcam: or --to painted.mp4"
ASSUMED_SCREEN = (1280, 720)
LOADED = Path("/proc/self/maps")


def look_for_display() -> tuple[int, int]:
    """Width and height in pixels of the screen that a window would open on; those of a small one where unknown.

    ImpastoError where no window can be opened: OpenCV has none built in, there is no display, it refuses, or PyAV was
    imported before OpenCV.
    """
    framework = cv2.currentUIFramework()
    if not framework:
        raise ImpastoError(
            "this OpenCV was built without windows: pip uninstall opencv-python-headless, "
            f"pip install opencv-python, or {ELSEWHERE}"
        )
    if sys.platform == "win32":
        return _windows_screen()
    if sys.platform == "darwin":
        return ASSUMED_SCREEN
    if _may_use_wayland(framework, os.environ):
        return ASSUMED_SCREEN
    if not os.environ.get("DISPLAY"):
        raise ImpastoError(_no_display(os.environ))
    _refuse_strange_libraries()
    return probe_display(os.environ["DISPLAY"])


def probe_display(display: str) -> tuple[int, int]:
    """The size of the screen of an X server; ImpastoError where there is none or it lets nobody in. Takes 30 ms."""
    try:
        probe = subprocess.run(
            [sys.executable, "-I", "-S", "-c", PROBE],
            env={**os.environ, "DISPLAY": display},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ImpastoError(f"the display {display} does not answer; set DISPLAY to another, or {ELSEWHERE}") from None
    if probe.returncode:
        reason = " ".join(probe.stderr.split()).rstrip(".") or "nothing listens there"
        raise ImpastoError(f"no window can be opened on the display {display} ({reason}); {_remedy(reason)}")
    found = re.fullmatch(r"(\d+) (\d+)\s*", probe.stdout)
    return (int(found[1]), int(found[2])) if found else ASSUMED_SCREEN


def settle_qt() -> None:
    """Spare Qt, in OpenCV's wheel, what it would complain of or end the process for; to be called before any window.

    A Wayland desktop asks Qt for a plugin that the wheel has not got (it draws through Xwayland instead), and the wheel
    names a folder of fonts that it does not bring.
    """
    plugins = Path(cv2.__file__).parent / "qt" / "plugins" / "platforms"
    if not plugins.is_dir():
        return
    wanted = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if not wanted or not (plugins / f"libq{wanted}.so").exists():
        os.environ["QT_QPA_PLATFORM"] = "xcb"
    if not Path(os.environ.get("QT_QPA_FONTDIR", "")).is_dir():
        os.environ["QT_QPA_FONTDIR"] = str(plugins)  # any folder will do: no text of Qt's is shown


def _refuse_strange_libraries() -> None:
    """The wheels of OpenCV and PyAV bring X libraries of one name, and those that came first serve both. PyAV's talk to
    another libxcb than Qt does, which then waits for ever and cannot be interrupted (PyAV-Org/PyAV#978)."""
    own = Path(cv2.__file__).resolve().parent.with_name("opencv_python.libs")
    if not (own.is_dir() and LOADED.exists()):
        return
    loaded = {Path(line.split(maxsplit=5)[5]) for line in LOADED.read_text().splitlines() if "/libxcb-" in line}
    if any(path.parent != own and (own / path.name).exists() for path in loaded):
        raise ImpastoError(
            f"OpenCV's windows hang where PyAV was imported before OpenCV: import cv2 before av, or {ELSEWHERE}"
        )


def _may_use_wayland(framework: str, environment: Mapping[str, str]) -> bool:
    return framework.startswith(("GTK", "WAYLAND")) and bool(environment.get("WAYLAND_DISPLAY"))


def _no_display(environment: Mapping[str, str]) -> str:
    if environment.get("WAYLAND_DISPLAY"):
        return (
            "this OpenCV draws through X11 and DISPLAY is not set: start Xwayland and set DISPLAY to it, "
            f"or {ELSEWHERE}"
        )
    if environment.get("SSH_CONNECTION"):
        return f"there is no display in this SSH session: connect with ssh -Y, or {ELSEWHERE}"
    return f"there is no display: DISPLAY and WAYLAND_DISPLAY are not set; set DISPLAY, or {ELSEWHERE}"


def _remedy(reason: str) -> str:
    if "uthoriz" in reason:
        return f"set XAUTHORITY to the file that lets you in, or {ELSEWHERE}"
    return f"set DISPLAY to one that runs, or {ELSEWHERE}"


def _windows_screen() -> tuple[int, int]:
    import ctypes

    metrics = ctypes.windll.user32.GetSystemMetrics  # type: ignore[attr-defined,unused-ignore]
    return int(metrics(0)), int(metrics(1))
