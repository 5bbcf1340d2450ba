"""The webcam, as far as one can be had without a webcam; tests/camera_guest.py has a real one."""

import os
import re
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from fake_camera import USB_2, FakeCapture, coded

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, Pixels, SignalLost, SplitSource
from realtime.frames.request import SourceRequest
from realtime.sources.camera import CameraSource, MotionJpegDecoder, open_camera
from realtime.sources.camera_mode import CameraMode, negotiate

SIZE = (64, 48)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks at Linux's devices")


def half_red(size: tuple[int, int] = SIZE) -> Pixels:
    """RGB: red on the left, blue on the right."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[:, : size[0] // 2, 0] = 255
    picture[:, size[0] // 2 :, 2] = 255
    return picture


def opened(capture: FakeCapture, fourcc: str = "YUYV", stop: threading.Event | None = None) -> CameraSource:
    mode = CameraMode(SIZE, Fraction(30), fourcc)
    return CameraSource("camera:0", capture, mode, capture.wait, stop or threading.Event())


def seen(frame: Frame | None) -> Pixels:
    assert frame is not None
    return frame.data


@pytest.mark.parametrize(
    ("size", "rate", "granted"),
    [
        ((640, 480), 30, "640x480 at 30 fps, YUYV"),
        ((1280, 720), 30, "1280x720 at 30 fps, MJPG"),
        ((1280, 720), 10, "1280x720 at 10 fps, YUYV"),
        ((1920, 1080), 60, "1920x1080 at 30 fps, MJPG"),
        ((4096, 2160), 30, "1920x1080 at 30 fps, MJPG"),
        ((700, 500), 30, "640x480 at 30 fps, YUYV"),
    ],
)
def test_the_nearest_mode_is_taken_and_motion_jpeg_only_where_it_helps(
    size: tuple[int, int], rate: int, granted: str
) -> None:
    capture = FakeCapture()
    mode = negotiate(capture, size, Fraction(rate))
    assert str(mode) == granted
    assert (capture.fourcc, capture.size) == (mode.fourcc, mode.size)


def test_a_camera_without_motion_jpeg_keeps_its_raw_pictures() -> None:
    capture = FakeCapture({"YUYV": USB_2["YUYV"]})
    assert str(negotiate(capture, (1280, 720), Fraction(30))) == "1280x720 at 10 fps, YUYV"


def test_motion_jpeg_is_left_again_where_it_is_no_better() -> None:
    capture = FakeCapture({"YUYV": {(1280, 720): 10}, "MJPG": {(1280, 720): 10}})
    assert negotiate(capture, (1280, 720), Fraction(30)).fourcc == capture.fourcc == "YUYV"


def test_a_rate_of_television_is_told_exactly_and_an_unknown_one_is_none() -> None:
    ntsc = negotiate(FakeCapture({"YUYV": {(640, 480): 29.97003}}), (640, 480), Fraction(30))
    assert ntsc.frame_rate == Fraction(30000, 1001)
    unknown = negotiate(FakeCapture({"YUYV": {(640, 480): 0.0}}), (640, 480), Fraction(30))
    assert unknown.frame_rate is None
    assert str(unknown) == "640x480, YUYV"


def test_pictures_are_rgb_whatever_the_camera_sends() -> None:
    grey = np.full((SIZE[1], SIZE[0]), 77, np.uint8)
    source = opened(FakeCapture(pictures=[half_red()[..., ::-1], grey, grey[..., np.newaxis]]))
    assert np.array_equal(seen(source.read()), half_red())
    for _ in range(2):
        assert np.array_equal(seen(source.read()), np.full((SIZE[1], SIZE[0], 3), 77, np.uint8))


def test_a_grabbed_picture_may_be_decoded_after_the_next_is_grabbed() -> None:
    pictures = [half_red(), half_red()[:, ::-1].copy()]
    source = opened(FakeCapture(pictures=[coded(picture) for picture in pictures]), "MJPG")
    assert isinstance(source, SplitSource)
    grabbed = [source.grab() for _ in pictures]
    for one, picture in zip(grabbed[::-1], pictures[::-1], strict=True):
        assert one is not None
        assert np.abs(source.retrieve(one).data.astype(int) - picture)[:, 8:24].max() <= 3


def test_motion_jpeg_is_asked_for_as_it_comes_and_has_its_colours() -> None:
    capture = FakeCapture(pictures=[coded(half_red())])
    picture = seen(opened(capture, "MJPG").read()).astype(int)
    assert capture.settings[cv2.CAP_PROP_CONVERT_RGB] == 0
    assert np.abs(picture[:, :24] - [255, 0, 0]).max() <= 3
    assert np.abs(picture[:, 40:] - [0, 0, 255]).max() <= 3


def test_a_broken_jpeg_shows_the_picture_before_it_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    decode = MotionJpegDecoder(SIZE)
    assert np.all(decode(np.zeros(100, np.uint8)) == 128)
    whole = coded(half_red())[0]
    before = decode(whole)
    assert np.array_equal(decode(whole[:20]), before)
    assert decode(whole[: whole.size // 2]).shape == before.shape
    padded = np.concatenate([whole[:-2], np.arange(1, 4, dtype=np.uint8), whole[-2:]])
    assert np.array_equal(decode(padded), before)
    assert capfd.readouterr() == ("", "")


def test_a_picture_has_the_time_that_the_driver_gives_it() -> None:
    captured_at = time.perf_counter() - 0.05
    pictures = [half_red()] * 2
    frame = opened(FakeCapture(pictures=pictures, clock_ms=captured_at * 1000)).read()
    assert frame is not None
    assert frame.captured_at == pytest.approx(captured_at, abs=1e-4)
    before = time.perf_counter()
    frame = opened(FakeCapture(pictures=pictures, clock_ms=(before + 3600) * 1000)).read()
    assert frame is not None
    assert before <= frame.captured_at <= time.perf_counter()


def test_a_silent_camera_is_lost_after_a_second() -> None:
    source = opened(FakeCapture())
    started = time.perf_counter()
    with pytest.raises(SignalLost, match="camera:0 has given no picture for 1 s"):
        source.read()
    assert time.perf_counter() - started >= 1
    source.close()


def test_a_stop_ends_the_wait() -> None:
    stop = threading.Event()
    waiting = threading.Event()

    def wait(seconds: float) -> bool:
        waiting.set()
        return False

    capture = FakeCapture()
    source = CameraSource("camera:0", capture, CameraMode(SIZE, None, "YUYV"), wait, stop)
    read: list[Frame | None] = []
    thread = threading.Thread(target=lambda: read.append(source.read()))
    thread.start()
    assert waiting.wait(30)
    stop.set()
    thread.join(30)
    assert read == [None]


def test_a_camera_is_given_back_once() -> None:
    capture = FakeCapture(pictures=[half_red()])
    source = opened(capture)
    source.close()
    source.close()
    assert capture.released == 1
    assert source.read() is None


@pytest.mark.parametrize("address", ["camera:x", "camera:-1", "camera:0.5"])
def test_an_address_that_is_no_camera_says_how_one_is_written(address: str) -> None:
    with pytest.raises(ImpastoError, match=re.escape(f"'{address}' is no camera; write camera:0")):
        open_camera(address, SourceRequest())


@linux_only
@pytest.mark.parametrize("address", ["camera:79", "camera:/dev/video79", "/dev/video79"])
def test_a_missing_camera_is_told_in_one_line(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImpastoError) as caught:
        open_camera(address, SourceRequest())
    assert str(caught.value).startswith(f"{address}: there is no /dev/video79; ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@linux_only
def test_a_device_that_is_no_camera_is_told() -> None:
    with pytest.raises(ImpastoError, match="camera:/dev/null: /dev/null is no camera"):
        open_camera("camera:/dev/null", SourceRequest())


@linux_only
@pytest.mark.parametrize(
    ("group", "remedy"),
    [("video", "join its group with 'sudo usermod -aG video $USER'"), ("root", "give it to the group video with")],
)
def test_a_camera_that_is_not_allowed_says_how_it_can_be(
    group: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path / "camera"
    device.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may use every file
    monkeypatch.setattr(Path, "group", lambda path: group)
    with pytest.raises(ImpastoError, match=re.escape(f"camera:{device}: no permission for {device}; {remedy}")):
        open_camera(f"camera:{device}", SourceRequest())
