"""Cameras with what they offer, and virtual cameras with how to get one."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.errors import ImpastoError, in_one_line
from engines.packages import installed_version
from realtime.doctor.finding import Finding, State, missing

if TYPE_CHECKING:
    from realtime.media.video_devices import OfferedMode

LINUX = sys.platform == "linux"
LOADED_DRIVER = Path("/sys/module/v4l2loopback")
SIZES_SHOWN = 4
VIRTUAL = "virtual camera"


def look_at_cameras() -> list[Finding]:
    """Every camera; none is started. Other systems than Linux list theirs only to a program that opens them."""
    if not LINUX:
        return [Finding("camera", State.FACT, "not listed on this system; try `impasto live camera:0`")]
    paths = [path for path in Path("/dev").glob("video*") if path.name.removeprefix("video").isdecimal()]
    found = [_camera(path) for path in sorted(paths, key=lambda path: int(path.name.removeprefix("video")))]
    return [finding for finding in found if finding] or [Finding("camera", State.ABSENT, "no camera is plugged in")]


def look_at_virtual_cameras() -> list[Finding]:
    """What `--to virtualcam:` can write to: it takes a package, and a driver that makes the camera."""
    package, found = installed_version("pyvirtualcam"), []
    if not package:
        found = [Finding(VIRTUAL, State.ABSENT, "pyvirtualcam is not installed", "pip install 'impasto[virtualcam]'")]
    facts = {"pyvirtualcam": package}
    if LINUX:
        return [*found, _loopback(facts)]
    return [*found, Finding(VIRTUAL, State.FACT, f"where no other program finds one, {_how()}", facts=facts)]


def in_brief(modes: Sequence["OfferedMode"]) -> str:
    """The largest sizes, each in the coding that gives most frames a second; `modes` come largest and fastest first."""
    best: dict[tuple[int, int], OfferedMode] = {}
    for mode in modes:
        best.setdefault(mode.size, mode)
    text = ", ".join(map(str, list(best.values())[:SIZES_SHOWN]))
    return text + (f", and {len(best) - SIZES_SHOWN} smaller sizes" if len(best) > SIZES_SHOWN else "")


def _loopback(facts: dict[str, Any]) -> Finding:
    """The devices of v4l2loopback, or how to get one."""
    from realtime.media.video_devices import video_devices  # its modules are Linux's own
    from realtime.sinks.virtual_camera import LOAD

    devices = [device for device in video_devices() if device.is_loopback]
    if devices:
        text = ", ".join(f"{device.path} ({device.name})" for device in devices)
        return Finding(VIRTUAL, State.YES, text, facts={**facts, "devices": [str(device.path) for device in devices]})
    if LOADED_DRIVER.exists():
        remedy = f"sudo modprobe -r v4l2loopback && {LOAD}"
        return Finding(VIRTUAL, State.NO, "v4l2loopback is loaded and has no device that may be opened", remedy, facts)
    return Finding(VIRTUAL, State.ABSENT, "there is none", _how(), facts)


def _how() -> str:
    from realtime.sinks.virtual_camera import HOW_TO_GET

    return HOW_TO_GET.get(sys.platform, "see the documentation of pyvirtualcam")


def _camera(path: Path) -> Finding | None:
    """None for what is no camera, such as the device with which a webcam gives data on its pictures."""
    from realtime.media.video_devices import describe, modes_of, refuse_what_cannot_work

    subject = f"camera:{path.name.removeprefix('video')}"
    try:
        device = describe(path)
        if device.is_loopback or not device.captures:
            return None
        modes = modes_of(path)
        refuse_what_cannot_work(subject, path)
    except ImpastoError as error:
        return missing(subject, str(error).removeprefix(f"{subject}: "), State.NO)
    except OSError as error:
        return _closed(subject, path, error)
    text = f"{device.name}: {in_brief(modes) or 'does not say what it offers'}"
    listed = [{"coding": mode.coding, "size": list(mode.size), "fps": mode.fps} for mode in modes]
    return Finding(subject, State.YES, text, facts={"device": str(path), "name": device.name, "modes": listed})


def _closed(subject: str, path: Path, error: OSError) -> Finding:
    from realtime.media.video_devices import refuse_what_cannot_work

    try:
        refuse_what_cannot_work(subject, path)
    except ImpastoError as refusal:
        return missing(subject, str(refusal).removeprefix(f"{subject}: "), State.NO)
    return Finding(subject, State.NO, in_one_line(error), "unplug it and plug it in again")
