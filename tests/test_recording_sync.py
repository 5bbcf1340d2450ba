"""Flash and beep: what was seen and heard at once is seen and heard at once in the recording."""

import random
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.frames.frame import Frame
from realtime.frames.request import SinkRequest
from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.sinks.recording import open_recording

START = 4000.0
RATE = 48000
BLOCK = 960
SIZE = (32, 32)
EVERY_SECONDS = 2  # flash and beep begin at 2 s, 4 s, …
LASTS_SECONDS = 0.2
NOBODY_NOTICES_SECONDS = 0.025
WHITE, BLACK = (np.full((SIZE[1], SIZE[0], 3), level, np.uint8) for level in (255, 0))


def beeps(seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether it is loud at these times."""
    return (seconds >= EVERY_SECONDS) & (seconds % EVERY_SECONDS < LASTS_SECONDS)


def sound_block(number: int, speed: float) -> tuple[Sound, float]:
    """A block of a sound card that runs at `speed`, and when its last sample was heard."""
    begins = number * BLOCK / RATE / speed
    seconds = begins + np.arange(BLOCK) / RATE / speed
    samples = np.zeros((2, BLOCK), np.float32)
    loud = beeps(seconds)
    if loud.any():
        samples[:] = 0.5 * np.sin(2 * np.pi * 1000 * seconds) * loud
    return Sound(samples, RATE, START + begins), float(seconds[-1])


def record_flashes(
    path: Path,
    times: list[float],
    *,
    speed: float = 1.0,
    jitter_seconds: float = 0.0,
    sound_is_late_seconds: float = 0.0,
    cut: Path | None = None,
) -> None:
    """Record frames captured at `times`, and the sound until then but for what comes late.

    `cut` gets what a kill would leave before the end.
    """
    dice = random.Random(1)
    feed = SoundFeed(RATE, 2)
    recording = open_recording(str(path), SinkRequest(size=SIZE, frame_rate=Fraction(10), sound=feed))
    blocks = 0
    for seconds in times:
        while (block := sound_block(blocks, speed))[1] <= seconds - sound_is_late_seconds:
            sound = block[0]
            shift = dice.uniform(-jitter_seconds, jitter_seconds)
            feed.put(Sound(sound.samples, RATE, sound.captured_at + shift))
            blocks += 1
        white = bool(beeps(np.array([seconds]))[0])
        recording.write(Frame(WHITE if white else BLACK, seconds, START + seconds))
    if cut is not None:
        shutil.copy(path, cut)
    recording.close()


def flash_times(path: Path) -> list[float]:
    """When a black picture is followed by a white one."""
    begins: list[float] = []
    was_white = False
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            white = bytes(frame.planes[0])[0] > 128
            if white and not was_white:
                begins.append(float(frame.time or 0))
            was_white = white
    return begins


def beep_times(path: Path) -> list[float]:
    """When silence is followed by sound, by the loudness of each millisecond."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        frames = [(float(frame.time or 0), frame.to_ndarray()[0]) for frame in file.decode(stream)]
        rate = stream.codec_context.sample_rate
    times = np.concatenate([start + np.arange(len(samples)) / rate for start, samples in frames])
    loud = np.concatenate([np.abs(samples) for _, samples in frames]) > 0.1
    onsets = np.flatnonzero(loud & ~np.roll(loud, 1))
    begins: list[float] = []
    for time in times[onsets]:
        if not begins or time - begins[-1] > 1:
            begins.append(float(time))
    return begins


def offsets(path: Path) -> NDArray[np.float64]:
    """How much later each beep is than its flash, in seconds."""
    flashes, heard = flash_times(path), beep_times(path)
    both = min(len(flashes), len(heard))  # one of the two may be cut off
    assert both >= max(len(flashes), len(heard), 2) - 1
    return np.subtract(heard[:both], flashes[:both])


def steady(seconds: float, rate: float) -> list[float]:
    return [number / rate for number in range(round(seconds * rate))]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_flash_and_beep_are_together(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"live{suffix}"
    record_flashes(path, steady(13, 30))
    assert len(offsets(path)) == 6
    assert np.abs(offsets(path)).max() < NOBODY_NOTICES_SECONDS
    assert flash_times(path) == pytest.approx([2, 4, 6, 8, 10, 12], abs=0.002)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_they_are_together_in_what_a_kill_leaves(tmp_path: Path, suffix: str) -> None:
    cut = tmp_path / f"cut{suffix}"
    record_flashes(tmp_path / f"live{suffix}", steady(13, 30), cut=cut)
    assert np.abs(offsets(cut)).max() < NOBODY_NOTICES_SECONDS
    assert flash_times(cut)[:5] == pytest.approx([2, 4, 6, 8, 10], abs=0.002)


def without_most(times: list[float]) -> list[float]:
    """Three of four frames are dropped for a while; no flash begins there."""
    return [time for number, time in enumerate(times) if not 4.5 < time < 5.8 or number % 4 == 0]


def without_a_second(times: list[float]) -> list[float]:
    return [time for time in times if not 4.4 < time < 5.4]


@pytest.mark.parametrize("drop", [without_most, without_a_second])
def test_dropped_frames_do_not_part_them(tmp_path: Path, drop: Callable[[list[float]], list[float]]) -> None:
    path = tmp_path / "live.mp4"
    record_flashes(path, drop(steady(13, 30)))
    assert np.abs(offsets(path)).max() < NOBODY_NOTICES_SECONDS


def test_sound_with_a_clock_of_its_own_fills_no_disk(tmp_path: Path) -> None:
    feed = SoundFeed(RATE, 2)
    path = tmp_path / "live.mkv"
    recording = open_recording(str(path), SinkRequest(size=SIZE, frame_rate=Fraction(10), sound=feed))
    for number in range(20):
        feed.put(Sound(np.zeros((2, BLOCK), np.float32), RATE, START + 600))
        recording.write(Frame(BLACK, number / 10, START + number / 10))
    recording.close()
    with av.open(str(path)) as film:
        assert sum(block.samples for block in film.decode(audio=0)) < 5 * RATE


def test_sound_that_comes_late_is_where_it_belongs(tmp_path: Path) -> None:
    path = tmp_path / "live.mkv"
    record_flashes(path, steady(13, 30), sound_is_late_seconds=0.3, jitter_seconds=0.004)
    assert np.abs(offsets(path)).max() < NOBODY_NOTICES_SECONDS


@pytest.mark.parametrize(("seconds", "speed"), [(100, 1 + 600e-6), (60, 1 - 1e-3)])
def test_another_clock_in_the_sound_card_does_not_part_them(tmp_path: Path, seconds: int, speed: float) -> None:
    """Uncorrected, they would be 60 ms apart at the end of both."""
    path = tmp_path / "live.mkv"
    record_flashes(path, steady(seconds, 5), speed=speed, jitter_seconds=0.002)
    apart = offsets(path)
    assert len(apart) == seconds / EVERY_SECONDS - 1
    assert np.abs(apart).max() < NOBODY_NOTICES_SECONDS
    assert abs(apart[-10:].mean() - apart[:10].mean()) < 0.012
