"""Why a camera cannot be used, told apart where OpenCV only says that it cannot (Linux)."""

import os
from pathlib import Path

from engines.errors import ImpastoError
from realtime.video_devices import VideoDevice, describe, is_busy, users_of, video_devices


def refuse_what_cannot_work(address: str, path: Path) -> None:
    """Raise ImpastoError, in one line, where there is no camera, or it may not be used, or another program has it."""
    if not path.exists():
        raise ImpastoError(f"{address}: there is no {path}; {_choice(video_devices())}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise ImpastoError(f"{address}: no permission for {path}; {_way_in(path)}")
    try:
        device = describe(path)
        busy = not device.is_loopback and device.captures and is_busy(path)
    except OSError as error:
        raise ImpastoError(f"{address}: {path} is no camera ({error.strerror}); {_choice(video_devices())}") from error
    if not device.captures:
        raise ImpastoError(f"{address}: {path} ({device.name}) gives no pictures; {_choice(video_devices())}")
    if busy:
        users = ", ".join(users_of(path))
        who = f"{users} has it; close that program" if users else f"find the program that has it with 'fuser -v {path}'"
        raise ImpastoError(f"{address}: {path} is busy; {who}")


def _way_in(path: Path) -> str:
    try:
        group = path.group()
    except KeyError:  # a group without a name, as in containers
        group = "root"
    if group == "root":  # nobody is to join that one
        return (
            f"give it to the group video with 'sudo chgrp video {path} && sudo chmod g+rw {path}', and join that group"
        )
    return f"join its group with 'sudo usermod -aG {group} $USER', then log in again"


def _choice(devices: list[VideoDevice]) -> str:
    cameras = [
        f"camera:{device.path.name.removeprefix('video')} ({device.name})" for device in devices if device.captures
    ]
    return f"there is {', '.join(cameras)}" if cameras else "no camera is plugged in"
