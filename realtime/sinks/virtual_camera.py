"""A virtual camera: what is written here, Zoom, Meet and OBS find in their lists of cameras.

pyvirtualcam is GPL-2, so that it is an extra, and imported only when a virtual camera is asked for.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import ImpastoError
from engines.packages import needing_extra
from realtime.frames.frame import Frame, SignalLost, SinkHabits
from realtime.frames.request import SinkRequest

LINUX = sys.platform == "linux"
LOAD = "sudo modprobe v4l2loopback devices=1 exclusive_caps=1 card_label=impasto"
HOW_TO_GET = {
    "linux": f"install Debian's v4l2loopback-dkms, then '{LOAD}'",
    "darwin": "install OBS 30 or newer, and start and stop its virtual camera once",
    "win32": "install OBS, or Unity Capture",
}


class VirtualCameraSink:
    """Sends frames to an open pyvirtualcam camera of `size` (width, height).

    Frames may be a row or a column larger; it is left out, since these cameras hold colour for pairs of pixels.
    """

    habits = SinkHabits(steady=True)

    def __init__(self, name: str, camera: Any, size: tuple[int, int]) -> None:
        self._name = name
        self._camera: Any | None = camera
        self._width, self._height = size
        self._device = Path(camera.device) if LINUX else None

    def write(self, frame: Frame) -> None:
        if self._camera is None:
            raise ValueError(f"{self._name} is closed")
        if self._device is not None and not self._device.exists():
            raise SignalLost(f"{self._name}: {self._device} is gone; load its driver again")
        try:
            self._camera.send(np.ascontiguousarray(frame.data[: self._height, : self._width]))
        except (RuntimeError, OSError) as error:
            raise SignalLost(f"{self._name} takes no more pictures: {_said_by(error)}") from error

    def close(self) -> None:
        """Give the device back, so that the next program can write to it."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()
            if self._device is not None:
                _restore(str(self._device), even_if_watched=True)


def open_virtual_camera(address: str, request: SinkRequest) -> VirtualCameraSink:
    """The virtual camera `virtualcam:` (the first there is), `virtualcam:/dev/video10`, or the path of its device.

    Raises ImpastoError, with the remedy, where the package or a device is missing or the device is in use.
    """
    name, device = address.removesuffix(":"), address.removeprefix("virtualcam:") or None
    with needing_extra("virtualcam", name):
        pyvirtualcam = import_module("pyvirtualcam")
    if LINUX:
        _restore(device)
    width, height = (length - length % 2 for length in request.size)
    try:
        camera = pyvirtualcam.Camera(width, height, float(request.frame_rate), device=device)
    except RuntimeError as error:
        raise ImpastoError(f"{name}: {_why_not(device, _said_by(error))}") from error
    request.report(f"{name}: {width}x{height} to {camera.device}; choose it as the camera in the other program")
    return VirtualCameraSink(name, camera, (width, height))


def _restore(device: str | None, *, even_if_watched: bool = False) -> None:
    """Make a device, or all, writable again where an earlier writer left it so that it is not.

    A device that somebody has open may have another writer; only its own last one knows better.
    """
    from realtime.media.video_devices import restore_output, users_of, video_devices  # its modules are Linux's own

    for found in video_devices():
        meant = found.is_loopback and device in (None, str(found.path))
        if meant and not found.takes and (even_if_watched or not users_of(found.path)):
            restore_output(found.path)


def _why_not(device: str | None, reason: str) -> str:
    """One line with the remedy for what pyvirtualcam says."""
    how = HOW_TO_GET.get(sys.platform, "see the documentation of pyvirtualcam")
    if LINUX:
        return _in_use(device) or f"there is no virtual camera{f' {device}' if device else ''}; {how}"
    if "already in use" in reason:
        return "another program writes to it; close that program"
    return f"there is no virtual camera ({reason}); {how}"


def _in_use(device: str | None) -> str:
    """What to do about a virtual camera that is there and takes nothing; empty where it is not there."""
    from realtime.media.video_devices import users_of, video_devices

    loopbacks = [found.path for found in video_devices() if found.is_loopback]
    path = next((path for path in loopbacks if device in (None, str(path))), None)
    if path is None:
        return ""
    users = ", ".join(users_of(path))
    who = f"{users} has it open; close that program" if users else "another program writes to it; close that program"
    return f"{path} takes no pictures now: {who}, or load the driver anew: sudo modprobe -r v4l2loopback && {LOAD}"


def _said_by(error: Exception) -> str:
    """All of it: pyvirtualcam has a line for every way that it tried."""
    return " ".join(str(error).split())
