"""The screen as a source: a real X server that nobody sees, and what is drawn on it."""

import subprocess
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from xvfb import Screen, running_screen

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, Pixels, SignalLost, SplitSource
from realtime.frames.request import SourceRequest
from realtime.sources.screen import fitting, open_screen

SIZE = (320, 240)
MOST_OF_A_POINTER = 0.01  # of all pixels; it stands in the middle
LEFT, RIGHT = (200, 40, 10), (10, 90, 220)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    with running_screen(SIZE) as screen:
        monkeypatch.setenv("DISPLAY", screen.display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        yield screen


def draw(screen: Screen, picture: Pixels, folder: Path) -> None:
    """Put an RGB picture on the screen's ground; `display` always exits with 1 when it has."""
    path = folder / "ground.png"
    cv2.imwrite(str(path), picture[..., ::-1])
    subprocess.run(["display", "-window", "root", str(path)], env=screen.environment, check=False, timeout=30)


def two_colours() -> Pixels:
    picture = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    picture[:, : SIZE[0] // 2], picture[:, SIZE[0] // 2 :] = LEFT, RIGHT
    return picture


def differing(one: Pixels, other: Pixels) -> float:
    """The share of pixels that differ at all."""
    return float(np.any(one != other, axis=2).mean())


def seen(frame: Frame | None) -> Pixels:
    assert frame is not None
    return frame.data


def test_the_screen_is_seen_as_it_is_and_as_it_changes(screen: Screen, tmp_path: Path) -> None:
    told: list[str] = []
    source = open_screen("screen:", SourceRequest(report=told.append))
    try:
        assert isinstance(source, SplitSource)
        assert told == ["screen: 320x240 at 30 fps"]
        draw(screen, two_colours(), tmp_path)
        source.read()  # it may have been on its way while the picture was drawn
        assert differing(seen(source.read()), two_colours()) < MOST_OF_A_POINTER
        draw(screen, two_colours()[:, ::-1], tmp_path)
        source.read()
        assert differing(seen(source.read()), two_colours()[:, ::-1]) < MOST_OF_A_POINTER
    finally:
        source.close()
        source.close()
    assert source.read() is None


def test_no_picture_is_old_however_long_nobody_looked(screen: Screen) -> None:
    source = open_screen("screen:100x50", SourceRequest(frame_rate=Fraction(20)))
    times = []
    for _ in range(4):
        grabbed = source.grab()
        assert grabbed is not None
        assert grabbed.picture.pts is not None
        assert grabbed.picture.time_base is not None
        taken_at = float(grabbed.picture.pts * grabbed.picture.time_base)  # on the clock of time.time()
        times.append(taken_at - time.time() - grabbed.captured_at + time.perf_counter())
    source.close()
    assert np.abs(times[1:]).max() < 0.5


def test_a_part_is_seen_and_a_large_screen_fits_the_size_asked_for(screen: Screen, tmp_path: Path) -> None:
    told: list[str] = []
    keeps = open_screen("screen:", SourceRequest())  # the server forgets the picture with its last program
    draw(screen, two_colours(), tmp_path)
    part = open_screen("screen:41x31+140+20", SourceRequest(report=told.append))
    assert np.array_equal(seen(part.read()), two_colours()[20:51, 140:181])
    small = open_screen(f"screen:{screen.display}", SourceRequest(size=(160, 160), report=told.append))
    picture = seen(small.read())
    assert small.size == (160, 120)
    assert picture.shape == (120, 160, 3)
    assert np.abs(picture[60, [10, 150]].astype(int) - [LEFT, RIGHT]).max() <= 1
    assert [line.partition(": ")[2] for line in told] == ["41x31 at 30 fps", "320x240 at 30 fps, scaled to 160x120"]
    for source in (small, part, keeps):
        source.close()


def test_a_stop_ends_it(screen: Screen) -> None:
    stop = threading.Event()
    source = open_screen("screen:", SourceRequest(stop=stop))
    stop.set()
    assert source.read() is None
    source.close()


def test_a_part_beside_the_screen_is_told(screen: Screen) -> None:
    with pytest.raises(ImpastoError, match=r"100x100\+300\+0 cannot be grabbed; does all of it lie on the screen\?$"):
        open_screen("screen:100x100+300+0", SourceRequest())


def test_a_screen_that_goes_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with running_screen(SIZE) as screen:
        source = open_screen(f"screen:{screen.display}", SourceRequest())
        source.read()
    with pytest.raises(SignalLost, match="the screen is gone"):
        source.read()
    source.close()
    with pytest.raises(ImpastoError, match=f"the screen {screen.display} cannot be grabbed"):
        open_screen(f"screen:{screen.display}", SourceRequest())


def test_without_a_screen_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ImpastoError, match=r"^screen: there is no screen to grab, DISPLAY is not set; name one"):
        open_screen("screen:", SourceRequest())
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with pytest.raises(ImpastoError, match=r"a Wayland session hides its screen .*; log in with X11"):
        open_screen("screen:", SourceRequest())


@pytest.mark.parametrize("address", ["screen:abc", "screen:640", "screen:640x", "screen:1x1+2", "screen:1:"])
def test_an_address_that_is_no_screen_says_how_one_is_written(address: str) -> None:
    with pytest.raises(ImpastoError, match="is no screen; write screen:, screen:WIDTHxHEIGHT"):
        open_screen(address, SourceRequest())


def test_a_size_is_fitted_with_its_shape_and_never_made_larger() -> None:
    assert fitting((3840, 2160), (1280, 720)) == (1280, 720)
    assert fitting((1920, 1200), (1280, 720)) == (1152, 720)
    assert fitting((640, 360), (1280, 720)) == (640, 360)
    assert fitting((640, 360), None) == (640, 360)
    assert fitting((5000, 2), (50, 50)) == (50, 1)
