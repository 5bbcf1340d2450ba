"""The operating system, and what runs impasto on it."""

import platform
import sys
from pathlib import Path

from realtime.doctor.finding import Finding, State

CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def look_at_system() -> list[Finding]:
    """Name and version of the system, with the container or the Windows that it runs in."""
    name, kernel = _name(), f"{platform.system()} {platform.release()}"
    inside = _inside()
    text = ", ".join(part for part in (name, kernel if kernel not in name else "", inside) if part)
    return [Finding("system", State.FACT, text, facts={"name": name, "kernel": kernel, "inside": inside})]


def _name() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    if sys.platform == "win32":
        return f"Windows {platform.release()} {platform.version()}"
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return platform.system()


def _inside() -> str:
    if "microsoft" in platform.release().lower():
        return "in WSL"
    return "in a container" if any(mark.exists() for mark in CONTAINER_MARKS) else ""
