"""The campaign: some 300 files of every kind through `impasto video`, and what comes out beside what went in.

    make campaign            all of it, with a line for each file that comes out wrong
    python tests/campaign.py --count 40 --seconds 60

A net that copies stands in for the styles, so that every picture keeps its number. A whole file must come out with
every picture in its place, each at its time to 3 ms, and the sound as near to the pictures as it was, to 20 ms. Of a
damaged one must come out what FFmpeg decodes of it, in order and in step; or one line. Nothing may hang or end in a
traceback.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import numpy as np
from campaign_files import CLICK_EVERY, PICTURES, CampaignFile, number_of, recipes, write_file
from fakes import copying_stylizer

from engines.errors import ImpastoError
from realtime.files.options import VideoOptions
from realtime.files.video import stylize_video

NEAR_SECONDS, IN_STEP_SECONDS = 0.003, 0.020
LOST_PICTURE_SECONDS = 0.04  # where one is lost its neighbours may take its time, up to the next key picture
HANGS_AFTER_SECONDS = 60.0
LOUD = 0.15


@dataclass(frozen=True, slots=True)
class View:
    """What FFmpeg decodes of a file: its pictures' numbers and times, and when the clicks begin; all in seconds.

    Some muxers change the times that they are given, and FFmpeg makes up times for AVI, which has none but in the order
    of decoding: what is near the recipe's or near FFmpeg's is right. `error` is what ended the decoding before the end.
    """

    numbers: list[int | None] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    clicks: list[float] = field(default_factory=list)
    has_sound: bool = False
    error: str = ""

    def steps(self) -> list[float]:
        """How far each click is from the picture it belongs to."""
        shown = dict(zip(self.numbers, self.times, strict=True))
        wanted = [shown[number] for number in range(CLICK_EVERY, PICTURES, CLICK_EVERY) if number in shown]
        if not wanted or not self.clicks:
            return []
        return [min((click - time for click in self.clicks), key=abs) for time in wanted]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the program did: it painted, with these lines; or it refused with one; or it failed otherwise."""

    lines: tuple[str, ...] = ()
    broke_off: bool = False
    refused: str = ""
    failed: str = ""


def view(path: Path) -> View:
    """Damage is passed over, packet by packet."""
    numbers: list[int | None] = []
    times: list[float] = []
    sounds: list[tuple[float, np.ndarray[Any, Any]]] = []
    error = ""
    with av.open(str(path)) as source:
        film, sound = source.streams.best("video"), source.streams.best("audio")
        packets = source.demux([stream for stream in (film, sound) if stream is not None])
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.EOFError):
                break
            except av.FFmpegError as failure:
                error = str(failure.strerror)
                break
            for frame in _decoded(packet):
                seconds = float((frame.pts or 0) * (frame.time_base or 0))
                if isinstance(frame, av.VideoFrame):
                    numbers.append(number_of(frame))
                    times.append(seconds)
                elif isinstance(frame, av.AudioFrame):
                    sounds.append((seconds, _mono(frame)))
        rate = sound.rate if isinstance(sound, av.AudioStream) else 0
        return View(numbers, times, _clicks(sounds, rate), bool(sounds), error)


def _decoded(packet: Any) -> list[Any]:
    try:
        return list(packet.decode())
    except av.FFmpegError:
        return []


def _mono(frame: av.AudioFrame) -> np.ndarray[Any, Any]:
    samples: np.ndarray[Any, Any] = frame.to_ndarray()
    if samples.dtype.kind in "iu":
        middle = 128 if samples.dtype == np.uint8 else 0
        samples = (samples.astype(np.float32) - middle) / (128 if middle else np.iinfo(samples.dtype).max)
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    return np.asarray(samples[0], np.float32)


def _clicks(sounds: list[tuple[float, np.ndarray[Any, Any]]], rate: int) -> list[float]:
    """When it becomes loud after a tenth of a second of silence."""
    found: list[float] = []
    last = -1.0
    for begin, samples in sounds:
        for place in np.flatnonzero(np.abs(samples) > LOUD):
            seconds = begin + place / rate
            if seconds - last > 0.1:
                found.append(seconds)
            last = seconds
    return found


def problems(recipe: CampaignFile, before: View, after: View | None, outcome: Outcome) -> list[str]:
    """What is wrong, in a few words each; nothing where all is well."""
    if outcome.failed:
        return [outcome.failed]
    if outcome.refused:
        return [f"refused: {outcome.refused}"] if before.times else []
    assert after is not None
    wrong = [f"what was written does not decode: {after.error}"] if after.error else []
    if any(late <= early for early, late in zip(after.times, after.times[1:], strict=False)):
        wrong.append("times do not rise")
    if len(after.times) < len(before.times):
        wrong.append(f"{len(after.times)} pictures of {len(before.times)}")
    if before.has_sound and not after.has_sound:
        wrong.append("the sound is lost")
    if before.clicks and after.clicks:
        after_by, before_by = (float(np.median(seen.steps() or [0.0])) for seen in (after, before))
        apart = after_by - before_by
        if min(abs(after_by), abs(apart)) > IN_STEP_SECONDS + (LOST_PICTURE_SECONDS if recipe.damage else 0):
            wrong.append(f"sound is out of step by {apart:.3f} s")
    return wrong + ([] if recipe.damage else _wrong_in_a_whole_file(recipe, before, after, outcome))


def _wrong_in_a_whole_file(recipe: CampaignFile, before: View, after: View, outcome: Outcome) -> list[str]:
    wrong = [f"told: {line}" for line in outcome.lines if "damage" in line or "breaks off" in line]
    if len(after.numbers) != PICTURES or any(seen not in (at, None) for at, seen in enumerate(after.numbers)):
        return [*wrong, f"pictures are {after.numbers}"]
    apart = min(_apart(after.times, list(map(float, recipe.times))), _apart(after.times, before.times))
    if apart > NEAR_SECONDS:
        wrong.append(f"a picture is {apart:.3f} s from its time")
    if len(after.clicks) < len(before.clicks):
        wrong.append(f"{len(after.clicks)} clicks of {len(before.clicks)}")
    return wrong


def _apart(times: list[float], others: list[float]) -> float:
    """The most by which two rows of times differ when both begin at 0."""
    return float(np.abs(np.subtract(times, times[0]) - np.subtract(others, others[0])).max())


def paint(source: Path, target: Path) -> Outcome:
    lines: list[str] = []
    options = VideoOptions(preset=None if target.suffix == ".webm" else "ultrafast")
    try:
        report = stylize_video(
            str(source), target, options, report=lines.append, open_painter=lambda size: copying_stylizer(1)
        )
    except (ImpastoError, OSError) as error:
        return Outcome(tuple(lines), refused=str(error))
    except Exception as error:  # what must never come
        return Outcome(tuple(lines), failed=f"{type(error).__name__}: {error}")
    return Outcome(tuple(report.notes), broke_off=report.input_broke_off)


def judge(recipe: CampaignFile, folder: Path) -> list[str] | None:
    """What is wrong with one file; None where this FFmpeg cannot make or open it at all."""
    source, target = folder / f"in.{recipe.suffix}", folder / f"out.{recipe.to}"
    try:
        write_file(recipe, source)
    except (av.FFmpegError, ValueError):
        return None
    try:
        before = view(source)
    except av.FFmpegError:
        before = View()
    outcome = paint(source, target)
    after = view(target) if target.exists() else None
    if after is None and not (outcome.refused or outcome.failed):
        return ["nothing was written"]
    return problems(recipe, before, after, outcome)


def judged(recipe: CampaignFile) -> list[str] | None:
    """In a process of its own, which may hang or crash."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_judge_and_send, args=(recipe, there))
    process.start()
    there.close()
    try:
        if not here.poll(HANGS_AFTER_SECONDS):
            return [f"hangs for {HANGS_AFTER_SECONDS:g} s"]
        found: list[str] | None = here.recv()
        return found
    except EOFError:
        process.join()
        return [f"crashed with {process.exitcode}"]
    finally:
        process.kill()
        process.join()


def _judge_and_send(recipe: CampaignFile, answers: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder:
        answers.send(judge(recipe, Path(folder)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="files")
    parser.add_argument("--seconds", type=float, default=900, help="begin no further file after so long")
    parser.add_argument("--only", default="", help="files in whose name this stands")
    asked = parser.parse_args()
    started, tried, wrong, skipped = time.perf_counter(), 0, 0, 0
    for recipe in recipes(asked.count):
        if asked.only not in str(recipe) or time.perf_counter() - started > asked.seconds:
            continue
        found = judged(recipe)
        tried, wrong, skipped = tried + 1, wrong + bool(found), skipped + (found is None)
        if found:
            print(f"{recipe}: {'; '.join(found)}", flush=True)
    print(f"{tried} files, {wrong} wrong, {skipped} that cannot be made here; {time.perf_counter() - started:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
