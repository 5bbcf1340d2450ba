"""The virtual camera without one; tests/camera_guest.py has a real one."""

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, Pixels, SignalLost, habits_of
from realtime.frames.request import SinkRequest
from realtime.sinks.virtual_camera import VirtualCameraSink, open_virtual_camera


class KeepingCamera:
    """Keeps what it is sent, or refuses it."""

    def __init__(self, device: Path, *, refuses: bool = False) -> None:
        self.device = str(device)
        self.sent: list[Pixels] = []
        self.closed = 0
        self._refuses = refuses

    def send(self, pixels: Pixels) -> None:
        if self._refuses:
            raise RuntimeError("the device\nis broken")
        self.sent.append(pixels.copy())

    def close(self) -> None:
        self.closed += 1


def request(size: tuple[int, int] = (64, 48)) -> SinkRequest:
    return SinkRequest(size=size, frame_rate=Fraction(30))


def frame(width: int, height: int) -> Frame:
    data = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    data.flags.writeable = False
    return Frame(data, 0.0, 0.0)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "video10"
    path.touch()
    return path


def test_frames_are_sent_as_they_are_at_a_steady_rate(device: Path) -> None:
    camera = KeepingCamera(device)
    sink = VirtualCameraSink("virtualcam", camera, (64, 48))
    sink.write(frame(64, 48))
    assert np.array_equal(camera.sent[0], frame(64, 48).data)
    assert habits_of(sink).steady
    sink.close()
    sink.close()
    assert camera.closed == 1
    with pytest.raises(ValueError, match="virtualcam is closed"):
        sink.write(frame(64, 48))


def test_an_odd_row_and_column_are_left_out(device: Path) -> None:
    camera = KeepingCamera(device)
    VirtualCameraSink("virtualcam", camera, (64, 48)).write(frame(65, 49))
    assert np.array_equal(camera.sent[0], frame(65, 49).data[:48, :64])
    assert camera.sent[0].flags.c_contiguous


def test_a_device_that_refuses_a_picture_is_lost(device: Path) -> None:
    sink = VirtualCameraSink("virtualcam", KeepingCamera(device, refuses=True), (64, 48))
    with pytest.raises(SignalLost, match=r"^virtualcam takes no more pictures: the device is broken$"):
        sink.write(frame(64, 48))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows it as a file")
def test_a_device_that_goes_is_lost(device: Path) -> None:
    sink = VirtualCameraSink("virtualcam", KeepingCamera(device), (64, 48))
    device.unlink()
    with pytest.raises(SignalLost, match="is gone; load its driver again"):
        sink.write(frame(64, 48))
    sink.close()


def test_without_the_package_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(ImpastoError) as caught:
        open_virtual_camera("virtualcam:", request())
    assert str(caught.value) == "virtualcam needs pyvirtualcam; install it with: pip install 'impasto[virtualcam]'"


@pytest.mark.skipif(sys.platform != "linux", reason="looks for Linux's driver")
def test_without_a_device_one_line_says_how_to_get_one() -> None:
    pytest.importorskip("pyvirtualcam", reason="pyvirtualcam is not installed")
    with pytest.raises(ImpastoError) as caught:
        open_virtual_camera("virtualcam:/dev/video79", request())
    line = str(caught.value)
    assert line.startswith(
        "virtualcam:/dev/video79: there is no virtual camera /dev/video79; install Debian's v4l2loop"
    )
    assert "sudo modprobe v4l2loopback devices=1 exclusive_caps=1 card_label=impasto" in line
    assert "\n" not in line


def test_the_package_is_not_imported_before_it_is_asked_for() -> None:
    module = sys.modules["realtime.sinks.virtual_camera"]
    assert not any(getattr(value, "__name__", "") == "pyvirtualcam" for value in vars(module).values())
