"""ALSA from a binary wheel: where this system keeps its configuration, and what it may say."""

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any

CONFIGURATION = Path("/usr/share/alsa")
PLUGINS = ("/usr/lib/*-linux-gnu*/alsa-lib", "/usr/lib64/alsa-lib", "/usr/lib/alsa-lib")
MAPS = Path("/proc/self/maps")
Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)


def find_alsa_files() -> None:
    """Tell ALSA where to look, before it is used: a wheel of PyAV knows only the machine that it was built on.

    The plugins lead to PulseAudio's and PipeWire's `default`. What a person set is left.
    """
    if (CONFIGURATION / "alsa.conf").exists():
        os.environ.setdefault("ALSA_CONFIG_DIR", str(CONFIGURATION))
    for pattern in PLUGINS:
        for folder in sorted(Path("/").glob(pattern.lstrip("/"))):
            os.environ.setdefault("ALSA_PLUGIN_DIR", str(folder))


@cache
def quieten_alsa() -> Any:
    """Keep ALSA from writing to stderr past every log; what fails is told by the error it returns.

    Returns the handler, which must live as long as the process.
    """
    handler = Handler(lambda file, line, function, code, text: None)
    for library in _loaded("libasound"):
        ctypes.CDLL(library).snd_lib_error_set_handler(handler)
    return handler


def _loaded(name: str) -> set[str]:
    """The paths of the libraries of this name that this process has loaded."""
    lines = MAPS.read_text().splitlines() if MAPS.exists() else []
    return {line.split(maxsplit=5)[5] for line in lines if f"/{name}" in line}
