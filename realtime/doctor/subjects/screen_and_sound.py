"""Is there a window to show in, and something to hear: `impasto live` and its `--audio microphone`."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import av

from engines.errors import ImpastoError, in_one_line
from realtime.doctor.finding import Finding, State, missing

CARDS = Path("/proc/asound/pcm")
FORMATS = {"linux": "alsa", "darwin": "avfoundation", "win32": "dshow"}
SERVERS = {"PipeWire": "pipewire-0", "PulseAudio": "pulse/native"}
MICROPHONE, WINDOW = "microphone", "window"


def look_at_display() -> list[Finding]:
    """A machine without a display paints into files and cameras just as well."""
    try:
        from realtime.sinks.display import look_for_display
    except ImportError as error:  # OpenCV, for want of a library of the system
        return [missing(WINDOW, in_one_line(error), State.NO)]
    try:
        width, height = look_for_display()
    except ImpastoError as error:
        return [missing(WINDOW, error)]
    return [
        Finding(WINDOW, State.YES, f"can be opened on a screen of {width}x{height}", facts={"size": [width, height]})
    ]


def look_at_sound() -> list[Finding]:
    """What can be heard here. Nothing is opened: a microphone that is listened to tells its person so."""
    name = FORMATS.get(sys.platform, "alsa")
    if name not in av.formats_available:
        return [Finding(MICROPHONE, State.NO, f"this FFmpeg has no {name}", "use --audio source or none")]
    if sys.platform != "linux":
        return [Finding(MICROPHONE, State.FACT, f"through {name}; its inputs are not listed here")]
    found = [*_servers(), *_inputs()]
    return found or [Finding(MICROPHONE, State.ABSENT, "no sound input is plugged in")]


def inputs_of(listed: str) -> list[tuple[str, str]]:
    """(device as ALSA names it, its name) of every input in the kernel's list, such as hw:0,0."""
    rows = [[cell.strip() for cell in line.split(":")] for line in listed.splitlines()]
    return [
        (f"hw:{','.join(str(int(number)) for number in row[0].split('-'))}", row[1])
        for row in rows
        if any(cell.startswith("capture") for cell in row)
    ]


def _servers() -> Iterator[Finding]:
    """Through a sound server ALSA's `default` is whatever the person chose in the desktop's settings."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent")
    running = [name for name, socket in SERVERS.items() if (folder / socket).exists()]
    if running:
        text = f"the desktop's choice, through {' and '.join(running)}"
        yield Finding(MICROPHONE, State.YES, text, facts={"servers": running})


def _inputs() -> Iterator[Finding]:
    listed = CARDS.read_text() if CARDS.exists() else ""
    for device, name in inputs_of(listed):
        allowed = os.access(Path("/dev/snd"), os.X_OK)
        text = f"{name} (--audio microphone:{device})"
        remedy = "" if allowed else "join the group audio: sudo usermod -aG audio $USER"
        yield Finding(MICROPHONE, State.YES if allowed else State.NO, text, remedy, {"device": device, "name": name})
