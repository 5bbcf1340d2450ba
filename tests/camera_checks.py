"""What must be true on a machine with a webcam and a virtual camera; tests/camera_guest.py runs it in one.

The webcam is the kernel's `vivid`: eight bars of colour with lines of text that count the time at the top left.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, Pixels, SignalLost
from realtime.frames.request import SinkRequest, SourceRequest
from realtime.media.video_devices import describe, users_of
from realtime.sinks.virtual_camera import open_virtual_camera
from realtime.sources.camera import open_camera

CAMERA, LOOPBACK = Path("/dev/video0"), Path("/dev/video10")
DRIVER = Path("/sys/bus/platform/drivers/vivid")
SIZE = (640, 360)
BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)]
PATIENCE_SECONDS = 120.0  # an emulated processor is slow
IMPASTO = [sys.executable, "-c", "from realtime.cli import main; main()"]


class Checks:
    """Prints a line for each check and counts those that failed."""

    def __init__(self) -> None:
        self.failed = 0
        self._started = time.perf_counter()

    def __call__(self, what: str, good: bool, seen: object = "") -> None:
        self.failed += not good
        word = "ok    " if good else "FAILED"
        print(f"{time.perf_counter() - self._started:6.1f} s  {word}  {what}{f': {seen}' if seen else ''}", flush=True)


class LiveRun:
    """A run of `impasto live` and what it has said on stderr."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*IMPASTO, "live", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip())
                self._changed.notify_all()

    def says(self, pattern: str) -> str:
        """The first line with the pattern, waited for; empty where none came."""
        with self._changed:
            self._changed.wait_for(lambda: self._line(pattern), PATIENCE_SECONDS)
            return self._line(pattern)

    def end(self) -> int:
        """Ctrl-C, and the exit status."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(PATIENCE_SECONDS)
        self._listener.join()
        return status

    def _line(self, pattern: str) -> str:
        return next((line for line in self.lines if re.search(pattern, line)), "")


def main() -> int:
    check = Checks()
    check_what_cannot_be_opened(check)
    check_what_is_granted(check)
    check_silence(check)
    check_the_command(check)
    print(f"{check.failed} failed")
    return min(check.failed, 1)


def check_what_cannot_be_opened(check: Checks) -> None:
    missing = refusal("camera:7")
    check(
        "a missing camera is told with those there are", "no /dev/video7; there is camera:0 (vivid)" in missing, missing
    )
    idle = refusal("camera:10")
    check("a device without pictures is no camera", "gives no pictures" in idle, idle)
    with closing(open_camera("camera:0", SourceRequest(size=SIZE))) as source:
        source.read()
        busy = refusal("camera:0")
        check("a busy camera is told with who has it", f"busy; python (process {os.getpid()}) has it" in busy, busy)
    refused = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", *IMPASTO, "live", "--to", "null:"],
        capture_output=True,
        text=True,
        cwd="/",
    )
    line = refused.stderr.strip().replace("\n", " / ")
    check(
        "a camera that is not allowed says how it can be",
        "no permission for /dev/video0; give it" in line and refused.returncode == 1,
        line,
    )


def check_what_is_granted(check: Checks) -> None:
    told: list[str] = []
    with closing(open_camera("camera:0", SourceRequest(size=SIZE, report=told.append))) as source:
        check("what is granted is told", told == ["camera:0: 640x360 at 30 fps, BGR3"], told)
        frames = [frame for frame in (source.read() for _ in range(10)) if frame is not None]
    check("the bars have their colours", bars_are_right(frames[-1].data), bars_of(frames[-1].data))
    times = [frame.captured_at for frame in frames]
    check("times rise", times == sorted(times) and len(set(times)) == 10)
    told.clear()
    request = SourceRequest(size=(700, 500), frame_rate=Fraction(60), report=told.append)
    open_camera("camera:0", request).close()
    check("the nearest size is taken", "(asked 700x500 at 60 fps)" in told[0], told)


def check_silence(check: Checks) -> None:
    """The virtual camera as a camera: its writer falls silent, and goes, and another comes."""
    sink = open_virtual_camera("virtualcam:", SinkRequest(size=(641, 361), frame_rate=Fraction(30)))
    picture = np.zeros((361, 641, 3), np.uint8)
    picture[:, :320], picture[:, 320:] = (255, 0, 0), (0, 120, 255)
    with written_to(sink.write, Frame(picture, 0.0, 0.0)) as stop_writing:
        source = open_camera("camera:10", SourceRequest(size=SIZE))
        frame = source.read()
        assert frame is not None
        seen = frame.data[180, [50, 600]]
        right = frame.size == (640, 360) and np.abs(seen.astype(int) - picture[180, [50, 600]]).max() <= 4
        check("an odd picture becomes even, with its colours", bool(right), seen.tolist())
        stop_writing()
        check("a silent camera is lost after a second", *lost(source.read))
    sink.close()
    check("others may write again, though it is watched", describe(LOOPBACK).takes)
    open_virtual_camera("virtualcam:", SinkRequest(size=SIZE, frame_rate=Fraction(30))).close()
    source.close()


def check_the_command(check: Checks) -> None:
    run = LiveRun("camera:0", "--to", f"virtualcam:{LOOPBACK}", "--pass-through", "--size", "640x360", "--rate", "30")
    try:
        granted = run.says("camera:0: ")
        check("the command tells what the camera grants", granted.endswith("640x360 at 30 fps, BGR3"), granted)
        sent = run.says("virtualcam:.* to /dev/video10")
        check("and where the pictures go", bool(sent), sent)
        reader = watch()
        check("a second reader sees them move", *moving(reader))
        picture = picture_of(reader)
        check("right-coloured", bars_are_right(picture), bars_of(picture))
        check("upright", text_is_at_the_top_left(picture))
        check_unplugging(check, run, reader)
        reader.release()
    finally:
        status = run.end()
    check("Ctrl-C ends it", status in (0, 130), status)
    check("no device is held any more", not users_of(CAMERA) and not users_of(LOOPBACK))
    check("the virtual camera may be written to again", describe(LOOPBACK).takes)


def check_unplugging(check: Checks, run: LiveRun, reader: cv2.VideoCapture) -> None:
    (DRIVER / "unbind").write_text("vivid.0")
    gone = run.says("camera:0 is gone")
    check("an unplugged camera is told", bool(gone), gone)
    for _ in range(10):
        picture = picture_of(reader)
    check("its last picture stays", bars_are_right(picture), bars_of(picture))
    load_driver_anew()
    back = run.says("picture is back")
    check("it returns when it is plugged in", bool(back), back)
    check("and moves again", *moving(reader))
    picture = picture_of(reader)
    check("with its colours", bars_are_right(picture), bars_of(picture))


def refusal(address: str) -> str:
    try:
        open_camera(address, SourceRequest(size=SIZE)).close()
    except ImpastoError as error:
        return str(error)
    return ""


@contextmanager
def written_to(write: Callable[[Frame], None], frame: Frame) -> Iterator[Callable[[], None]]:
    """Write a frame over and over on another thread, until the function that is given is called."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.wait(1 / 30):
            write(frame)

    def end() -> None:
        stop.set()
        thread.join()

    write(frame)
    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield end
    finally:
        end()


def lost(read: Callable[[], Frame | None]) -> tuple[bool, str]:
    """Whether the source is lost, and what it says, once the frames that are on their way have come."""
    last = time.perf_counter()
    try:
        while read() is not None:
            last = time.perf_counter()
    except SignalLost as error:
        return time.perf_counter() - last < 2, f"{error} ({time.perf_counter() - last:.2f} s after the last picture)"
    return False, "it has ended"


def watch() -> cv2.VideoCapture:
    """OpenCV at the virtual camera, as any other program would open it."""
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while not describe(LOOPBACK).captures and time.perf_counter() < deadline:
        time.sleep(0.1)  # the driver gives no sign that could be waited for
    return cv2.VideoCapture(str(LOOPBACK), cv2.CAP_V4L2)


def picture_of(reader: cv2.VideoCapture) -> Pixels:
    """The next picture, RGB."""
    come, picture = reader.read()
    if not come:
        raise RuntimeError(f"{LOOPBACK} gives no picture")
    return np.asarray(picture[..., ::-1], np.uint8)


def moving(reader: cv2.VideoCapture) -> tuple[bool, str]:
    """Whether the text that counts the time goes on changing."""
    pictures = [picture_of(reader) for _ in range(30)]
    changes = sum(bool(np.any(one[:40] != other[:40])) for one, other in pairwise(pictures))
    return changes >= 5, f"{changes} of {len(pictures) - 1} pictures differ from the one before"


def bars_of(picture: Pixels) -> list[list[int]]:
    """The colours of the eight bars, where no text is."""
    height, width, _ = picture.shape
    return [picture[height * 3 // 5, width * (2 * bar + 1) // 16].tolist() for bar in range(len(BARS))]


def bars_are_right(picture: Pixels) -> bool:
    return bool(np.abs(np.subtract(bars_of(picture), BARS)).max() <= 12)  # 8-bit Y'CbCr and back, with halved chroma


def text_is_at_the_top_left(picture: Pixels) -> bool:
    """The text stands on black, and of the bars at its side none is dark."""
    height, width, _ = picture.shape
    dark = picture.max(axis=2) < 40
    top, bottom = dark[: height * 2 // 5, : width // 4].mean(), dark[height * 3 // 5 :, : width // 4].mean()
    return bool(top > 0.3 and bottom < 0.02)


def load_driver_anew() -> None:
    """What plugging in again does; the driver may only go once nobody uses it."""
    words = Path("/proc/cmdline").read_text().split()
    settings = next((word for word in words if word.startswith("vivid=")), "vivid=n_devs=1").removeprefix("vivid=")
    subprocess.run(["rmmod", "vivid"], check=True)
    subprocess.run(["insmod", os.environ["CAMERA_MODULE"], *settings.split(";")], check=True)


if __name__ == "__main__":
    sys.exit(main())
