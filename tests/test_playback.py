"""Files, pictures and the scene at their own speed."""

import os
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import write_clip
from servers import read_some

from engines.errors import BadValue, ImpastoError
from realtime.frames.frame import Frame
from realtime.frames.request import SourceRequest
from realtime.frames.sound_feed import Sound
from realtime.frames.time_code import PERIOD_SECONDS, read_code
from realtime.live.openers import open_source
from realtime.sources.playback import PlaybackSource, Reel


class Numbers:
    """Footage of so many numbers at 50 a second."""

    size = (2, 2)
    frame_rate = Fraction(50)

    def __init__(self, count: int, fails_at: int | None = None) -> None:
        self.retrieved: list[int] = []
        self.closed = threading.Event()
        self._count, self._fails_at, self._next = count, fails_at, 0

    def grab(self) -> int | None:
        if self._next == self._fails_at:
            raise OSError("the disk is gone")
        self._next += 1
        return self._next - 1 if self._next <= self._count else None

    def retrieve(self, grabbed: int) -> Frame:
        self.retrieved.append(grabbed)
        return Frame(np.full((2, 2, 3), grabbed, np.uint8), grabbed / 50, time.perf_counter())

    def close(self) -> None:
        self.closed.set()


def numbers_at(seconds_of: Callable[[int], float], numbers: Numbers, request: SourceRequest) -> PlaybackSource:
    return PlaybackSource(Reel(numbers, seconds_of), lambda: Reel(Numbers(5), seconds_of), request)


def read_all(source: PlaybackSource) -> list[Frame]:
    return list(iter(source.read, None))


def fiftieths(number: int) -> float:
    return number / 50


def test_each_picture_comes_when_it_is_due() -> None:
    source = numbers_at(fiftieths, Numbers(10), SourceRequest())
    frames = read_all(source)
    source.close()
    gaps = [later.captured_at - earlier.captured_at for earlier, later in pairwise(frames)]
    positions = [frame.pts_seconds for frame in frames]
    assert positions == sorted(set(positions))
    assert sum(gaps) == pytest.approx(positions[-1] - positions[0], abs=1e-6)


def test_a_slow_taker_misses_pictures_that_are_never_made() -> None:
    numbers = Numbers(60)
    source = numbers_at(fiftieths, numbers, SourceRequest())
    seen = []
    while (frame := source.read()) is not None:
        seen.append(int(frame.data[0, 0, 0]))
        threading.Event().wait(0.1)  # the taker's work
    source.close()
    assert seen == sorted(seen)
    assert numbers.retrieved == seen
    assert len(seen) < 36
    assert seen[-1] > 40


def test_a_gap_repeats_the_last_picture() -> None:
    source = numbers_at(lambda number: number * 0.8, Numbers(2), SourceRequest())
    frames = read_all(source)
    source.close()
    assert [int(frame.data[0, 0, 0]) for frame in frames] == [0, 0, 1]
    assert frames[1].captured_at > frames[0].captured_at


class Stalling(Numbers):
    """Its third picture takes its time."""

    def grab(self) -> int | None:
        if self._next == 2:
            time.sleep(1.2)
        return super().grab()


@pytest.mark.parametrize("waits", [True, False], ids=["a stream", "a file"])
def test_after_a_stall_pictures_are_as_new_as_they_come(waits: bool) -> None:
    source = PlaybackSource(
        Reel(Stalling(4), fiftieths), lambda: Reel(Numbers(4), fiftieths), SourceRequest(), waits=waits
    )
    captured = []
    while (frame := source.read()) is not None:
        captured.append((frame.captured_at, time.perf_counter()))
    source.close()
    assert all(earlier < later for (earlier, _), (later, _) in pairwise(captured))
    assert all(came - captured_at < 0.2 for captured_at, came in captured)


def test_a_loop_goes_on_without_a_seam() -> None:
    source = numbers_at(fiftieths, Numbers(5), SourceRequest(loop=True))
    frames = read_some(source, 12)
    source.close()
    steps = {round(later.pts_seconds - earlier.pts_seconds, 6) for earlier, later in pairwise(frames)}
    assert frames[-1].pts_seconds >= 0.21
    assert min(steps) == 0.02


@pytest.mark.parametrize("loop", [False, True], ids=["once", "in a loop"])
def test_the_last_picture_is_shown_as_long_as_it_lasts(loop: bool) -> None:
    def reel() -> Reel:
        return Reel(Numbers(3), fiftieths, lasts=lambda number: 0.3 if number == 2 else 0.02)

    source = PlaybackSource(reel(), reel, SourceRequest(loop=loop))
    begins = time.perf_counter()
    frames = read_some(source, 4) if loop else read_all(source)
    lasted = time.perf_counter() - begins
    source.close()
    assert lasted >= 0.33  # 0.04 seconds and its 0.3
    assert 0.34 in [round(frame.pts_seconds, 6) for frame in frames] or not loop


@pytest.mark.parametrize(("lasts", "ends"), [(0.3, 0.32), (0.001, 0.04), (3600.0, 60.02)])
def test_how_long_the_last_picture_lasts_is_believed_within_reason(lasts: float, ends: float) -> None:
    reels = iter([Reel(Numbers(2), fiftieths, lasts=lambda _: lasts), Reel(Numbers(2), fiftieths)])
    source = PlaybackSource(next(reels), lambda: next(reels), SourceRequest(loop=True))
    while (picture := source._queue.get(10)) is not None and picture.take == 0:
        pass
    source.close()
    assert picture is not None
    assert picture.position_seconds == pytest.approx(ends)


def test_what_is_unusual_is_told_once_however_often_a_film_begins(tmp_path: Path) -> None:
    told: list[str] = []
    path = write_clip(tmp_path / "a.mkv", pixel_format="yuv420p10le", pts=range(0, 1000, 40))
    source = open_source(str(path), SourceRequest(loop=True, report=told.append))
    for _ in range(40):
        source.read()
    source.close()
    assert told
    assert len(told) == len(set(told))


def test_a_pipe_that_nobody_writes_to_can_be_given_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    request = SourceRequest()
    request.stop.set()
    with pytest.raises(ImpastoError, match="pipe was not opened: stopped before"):
        open_source(str(tmp_path / "pipe"), request)


def test_an_error_of_the_footage_comes_to_the_reader() -> None:
    numbers = Numbers(5, fails_at=2)
    source = numbers_at(fiftieths, numbers, SourceRequest())
    with pytest.raises(OSError, match="disk is gone"):
        read_all(source)
    source.close()
    assert numbers.closed.is_set()


def test_stop_ends_the_waiting() -> None:
    request = SourceRequest()
    source = numbers_at(lambda number: number * 1000.0, Numbers(3), request)
    assert source.read() is not None
    request.stop.set()
    assert source.read() is None
    source.close()
    assert "impasto-play" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("stall_seconds", [0.0, 1.5], ids=["in time", "with a stall"])
def test_a_film_is_played_with_its_sound(tmp_path: Path, stall_seconds: float) -> None:
    """Every block at the moment of its pictures; where the machine stalls for more than a second both go on later."""
    clip = write_clip(tmp_path / "a.mp4", pts=range(0, 30 * 512, 512), sounds=("aac",))
    source = open_source(str(clip), SourceRequest())
    feed = source.sound  # type: ignore[attr-defined]
    listener = feed.listen()
    frames = read_some(source, 5)
    time.sleep(stall_seconds)
    frames += read_all(source)  # type: ignore[arg-type]
    assert source.size == (64, 48)
    sounds: list[Sound] = []
    while len(sounds) < 20:
        sound = listener.get(timeout_seconds=10)
        assert isinstance(sound, Sound)
        sounds.append(sound)
    source.close()
    assert float(np.abs(np.concatenate([sound.samples for sound in sounds], axis=1)).max()) > 0.5
    # When the film's second 0 was, by each picture and by each block of sound: a stall puts that off.
    by_pictures = [frame.captured_at - frame.pts_seconds for frame in frames]
    lengths = [sound.samples.shape[1] / feed.rate for sound in sounds]
    by_sound = [sound.captured_at - sum(lengths[:number]) for number, sound in enumerate(sounds)]
    steps = [later - earlier for earlier, later in pairwise(by_sound)]
    assert min(by_pictures) - 0.15 < by_sound[0] <= by_sound[-1] < max(by_pictures) + 0.15
    assert min(steps) > -1e-3
    assert max(steps) < 1e-3 or max(by_pictures) - min(by_pictures) > 1


def test_a_folder_of_pictures_is_played(tmp_path: Path) -> None:
    for number in range(3):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((48, 64, 3), number * 50, np.uint8))
    source = open_source(str(tmp_path), SourceRequest(frame_rate=Fraction(40)))
    levels = [int(frame.data[0, 0, 0]) for frame in iter(source.read, None)]
    source.close()
    assert source.frame_rate == 40
    assert levels[0] == 0
    assert levels[-1] == 100


def test_a_missing_file_is_told() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.mp4"):
        open_source("nowhere.mp4", SourceRequest())


def test_a_size_or_a_rate_that_a_file_would_not_take_is_refused(tmp_path: Path) -> None:
    clip = str(write_clip(tmp_path / "clip.mp4"))
    assert cv2.imwrite(str(tmp_path / "0.png"), np.zeros((48, 64, 3), np.uint8))
    for address in (clip, str(tmp_path), "http://127.0.0.1:1/clip.mp4"):
        with pytest.raises(BadValue, match=r"--size is for cameras and screens, and .* has its own; leave it out, or"):
            open_source(address, SourceRequest(size=(320, 240)))
    for address in (clip, "http://127.0.0.1:1/clip.mp4"):
        with pytest.raises(BadValue, match=r"--rate is for cameras, screens and pictures, and .*; see --fps-cap"):
            open_source(address, SourceRequest(frame_rate=Fraction(5)))


def test_standard_input_is_no_source() -> None:
    with pytest.raises(BadValue, match=r"SOURCE is -, and .*; `impasto video - OUT` reads standard input"):
        open_source("-", SourceRequest())


def test_the_pattern_is_stamped_with_its_moment() -> None:
    source = open_source("pattern:128x72@50", SourceRequest())
    for frame in read_some(source, 4):
        assert read_code(frame.data) == pytest.approx(frame.captured_at % PERIOD_SECONDS, abs=1e-3)
    source.close()
    assert source.live


def test_the_pattern_takes_what_was_asked_for() -> None:
    source = open_source("pattern:", SourceRequest(size=(160, 96), frame_rate=Fraction(12)))
    assert source.size == (160, 96)
    assert source.frame_rate == Fraction(12)
    source.close()


def test_no_pattern() -> None:
    with pytest.raises(ImpastoError, match="pattern:WIDTHxHEIGHT@RATE"):
        open_source("pattern:large", SourceRequest())
