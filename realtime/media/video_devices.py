"""The video devices of Linux: what each is, what it offers, who uses it, and why it may be no camera to take.

The numbers are those of the kernel's linux/videodev2.h.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.errors import ImpastoError

QUERY_CAPABILITIES = 0x80685600  # VIDIOC_QUERYCAP
REQUEST_BUFFERS = 0xC0145608  # VIDIOC_REQBUFS
STREAM_ON = 0x40045612  # VIDIOC_STREAMON
ENUM_FORMATS = 0xC0405602  # VIDIOC_ENUM_FMT
ENUM_SIZES = 0xC02C564A  # VIDIOC_ENUM_FRAMESIZES
ENUM_INTERVALS = 0xC034564B  # VIDIOC_ENUM_FRAMEINTERVALS
CAPABILITY = struct.Struct("16s32s32s3I12x")  # struct v4l2_capability
BUFFER_REQUEST = struct.Struct("3I8x")  # struct v4l2_requestbuffers
FORMAT = struct.Struct("3I32s5I")  # struct v4l2_fmtdesc
SIZE = struct.Struct("3I6I2I")  # struct v4l2_frmsizeenum
INTERVAL = struct.Struct("5I6I2I")  # struct v4l2_frmivalenum
CAPTURES, TAKES, CAPTURES_PLANES, DEVICE_CAPABILITIES = 0x1, 0x2, 0x1000, 0x80000000
CAPTURE_BUFFERS, OUTPUT_BUFFERS, MAPPED = 1, 2, 1
CAPTURE, DISCRETE = 1, 1
BIG_ENDIAN = 1 << 31
LOOPBACK = "v4l2 loopback"
MOST_ITEMS = 256  # a driver that never says "that was all" must not hold us


Ask = Callable[[int, bytes], bytes]


@dataclass(frozen=True, slots=True)
class VideoDevice:
    """A device file under /dev, as its driver describes it: whether it gives pictures, and whether it takes them."""

    path: Path
    name: str
    driver: str
    captures: bool
    takes: bool

    @property
    def is_loopback(self) -> bool:
        """Whether it shows what another program writes into it."""
        return self.driver == LOOPBACK


@dataclass(frozen=True, slots=True)
class OfferedMode:
    """A coding (four letters), a size (width, height) and the highest rate for it; None where the driver tells none."""

    coding: str
    size: tuple[int, int]
    fps: float | None

    def __str__(self) -> str:
        rate = "" if self.fps is None else f" at {self.fps:.4g} fps"
        return f"{self.size[0]}x{self.size[1]}{rate} {self.coding}"


def describe(path: Path) -> VideoDevice:
    """What the driver says; OSError where it cannot be asked."""
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        answer = bytearray(CAPABILITY.size)
        fcntl.ioctl(device, QUERY_CAPABILITIES, answer)
    finally:
        os.close(device)
    driver, card, _, _, of_all, of_this = CAPABILITY.unpack(answer)
    abilities = of_this if of_all & DEVICE_CAPABILITIES else of_all
    captures = bool(abilities & (CAPTURES | CAPTURES_PLANES))
    return VideoDevice(path, _text(card), _text(driver), captures, bool(abilities & TAKES))


def video_devices() -> list[VideoDevice]:
    """Every video device that may be asked, by its number."""
    paths = [path for path in Path("/dev").glob("video*") if path.name.removeprefix("video").isdecimal()]
    devices = []
    for path in sorted(paths, key=lambda path: int(path.name.removeprefix("video"))):
        with suppress(OSError):
            devices.append(describe(path))
    return devices


def modes_of(path: Path) -> list[OfferedMode]:
    """What the device offers, largest first; of a range of sizes its largest. OSError where it cannot be opened."""
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        modes = set(list_modes(lambda request, question: _ioctl(device, request, question)))
    finally:
        os.close(device)
    return sorted(modes, key=lambda mode: (-mode.size[0] * mode.size[1], -(mode.fps or 0), mode.coding))


def list_modes(ask: Ask) -> Iterator[OfferedMode]:
    """The modes behind `ask`, which answers a request of the kernel's with the filled structure, OSError at the end."""
    for *_, code, _, _, _, _ in _listed(ask, ENUM_FORMATS, FORMAT, CAPTURE, 0, b"", *[0] * 5):
        for size in _sizes(ask, code):
            yield OfferedMode(_letters(code), size, _highest_rate(ask, code, size))


def is_busy(path: Path) -> bool:
    """Whether another program streams from the device: only one may own the buffers of a camera."""
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        fcntl.ioctl(device, REQUEST_BUFFERS, bytearray(BUFFER_REQUEST.pack(1, CAPTURE_BUFFERS, MAPPED)))
    except OSError as error:
        return error.errno == errno.EBUSY
    finally:
        os.close(device)
    return False


def users_of(path: Path) -> list[str]:
    """The programs that have the device open, as "name (process N)"; those of other people are not seen."""
    users = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):  # it ended meanwhile, or belongs to somebody else
            if process.name.isdecimal() and any(link.readlink() == path for link in (process / "fd").iterdir()):
                users.append(f"{(process / 'comm').read_text().strip()} (process {process.name})")
    return users


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


def restore_output(path: Path) -> None:
    """Make a virtual camera that nobody writes to take pictures again.

    With exclusive_caps=1, v4l2loopback up to 0.12 forgets that it takes pictures once a program has written some and
    closed it, and nobody may write until the driver is loaded anew (letmaik/pyvirtualcam#61). It remembers when a
    program closes it that has started to stream.
    """
    with suppress(OSError):
        device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        try:
            fcntl.ioctl(device, STREAM_ON, struct.pack("i", OUTPUT_BUFFERS))
        finally:
            os.close(device)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")


def _letters(code: int) -> str:
    """The four letters as the kernel writes them: the highest bit tells that the bytes come in the other order."""
    letters = (code & ~BIG_ENDIAN).to_bytes(4, "little").decode("ascii", "replace").strip("\0 ")
    return f"{letters}-BE" if code & BIG_ENDIAN else letters


def _sizes(ask: Ask, code: int) -> Iterator[tuple[int, int]]:
    for _, _, kind, *values in _listed(ask, ENUM_SIZES, SIZE, code, 0, *[0] * 8):
        if kind != DISCRETE:  # least width, most width, step, then the same of the height
            yield values[1], values[4]
            return
        yield values[0], values[1]


def _highest_rate(ask: Ask, code: int, size: tuple[int, int]) -> float | None:
    """From the shortest time between two pictures, a fraction of a second."""
    rates = []
    for answer in _listed(ask, ENUM_INTERVALS, INTERVAL, code, *size, 0, *[0] * 8):
        kind, (numerator, denominator) = answer[4], answer[5:7]
        if numerator:
            rates.append(denominator / numerator)
        if kind != DISCRETE:
            break
    return max(rates, default=None)


def _listed(ask: Ask, request: int, layout: struct.Struct, *asked: int | bytes) -> Iterator[tuple[Any, ...]]:
    """The filled structures for the numbers from 0 on, as far as the kernel knows any."""
    for number in range(MOST_ITEMS):
        try:
            answer = ask(request, layout.pack(number, *asked))
        except OSError:
            return
        yield layout.unpack(answer)


def _ioctl(device: int, request: int, question: bytes) -> bytes:
    answer = bytearray(question)
    fcntl.ioctl(device, request, answer)
    return bytes(answer)


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
