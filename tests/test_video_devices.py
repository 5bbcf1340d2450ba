"""What Linux says of its video devices."""

import os
import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("looks at Linux's devices", allow_module_level=True)

from realtime.media.video_devices import describe, is_busy, restore_output, users_of, video_devices


def test_what_is_no_video_device_cannot_be_described(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        describe(tmp_path / "video0")
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        describe(Path("/dev/null"))


def test_every_device_listed_can_be_described() -> None:
    for device in video_devices():
        assert describe(device.path) == device


def test_what_has_no_buffers_is_not_busy() -> None:
    assert not is_busy(Path("/dev/null"))


def test_restoring_what_is_no_virtual_camera_does_nothing(tmp_path: Path) -> None:
    restore_output(tmp_path / "video0")
    restore_output(Path("/dev/null"))


def test_the_program_that_has_a_file_open_is_named(tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.touch()
    assert users_of(path) == []
    with path.open():
        (user,) = users_of(path)
    assert user.endswith(f"(process {os.getpid()})")
