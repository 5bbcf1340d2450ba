"""The video devices of Linux: what each is, and who uses it.

The numbers are those of the kernel's linux/videodev2.h.
"""

import errno
import fcntl
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

QUERY_CAPABILITIES = 0x80685600  # VIDIOC_QUERYCAP
REQUEST_BUFFERS = 0xC0145608  # VIDIOC_REQBUFS
STREAM_ON = 0x40045612  # VIDIOC_STREAMON
CAPABILITY = struct.Struct("16s32s32s3I12x")  # struct v4l2_capability
BUFFER_REQUEST = struct.Struct("3I8x")  # struct v4l2_requestbuffers
CAPTURES, TAKES, CAPTURES_PLANES, DEVICE_CAPABILITIES = 0x1, 0x2, 0x1000, 0x80000000
CAPTURE_BUFFERS, OUTPUT_BUFFERS, MAPPED = 1, 2, 1
LOOPBACK = "v4l2 loopback"


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
    paths = [path for path in Path("/dev").glob("video*") if path.name.removeprefix("video").isdigit()]
    devices = []
    for path in sorted(paths, key=lambda path: int(path.name.removeprefix("video"))):
        with suppress(OSError):
            devices.append(describe(path))
    return devices


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
            if process.name.isdigit() and any(link.readlink() == path for link in (process / "fd").iterdir()):
                users.append(f"{(process / 'comm').read_text().strip()} (process {process.name})")
    return users


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
