"""The loop of the tutorials, one frame after the other on one thread, as written down in a hundred repositories."""

import time
from pathlib import Path

import cv2
import numpy as np

from engines.errors import ImpastoError, in_one_line
from engines.failures import any_failure_as
from engines.pictures import psnr
from realtime.bench.inputs.subject import Subject
from realtime.bench.peers.peers import open_peer
from realtime.bench.peers.torch_painter import Paint
from realtime.bench.rows.rows import FRAMES_IN_MEMORY, allowance_of, each_ms, small_copies

FOURCC = "mp4v"
COMPARED_FRAMES = 2
LEAST_WARM_UP_FRAMES = 2


class PeerLoop:
    """One peer at the size and on the clip of a subject. It stays open through all repeats, unlike our engines."""

    def __init__(self, name: str, subject: Subject) -> None:
        """Opens, warms up and compares it; ImpastoError with the reason where it cannot run here."""
        self.name = name
        started = time.perf_counter()
        self._paint = open_peer(name, subject.style, subject.stylizer.controls.style)
        copies = small_copies(subject.single, subject.frames(max(COMPARED_FRAMES, LEAST_WARM_UP_FRAMES)))
        # Some layers are refused, and graphs compiled, only when they first run.
        with any_failure_as(ImpastoError, in_one_line, but=ImpastoError):
            painted = [self._paint(small) for _, small in copies]
        self.open_seconds = time.perf_counter() - started
        ours = [subject.single.paint(*copy).pixels for copy in copies]
        self.agreement_db = min(psnr(mine, theirs) for mine, theirs in zip(ours, painted, strict=True))

    def net_ms(self, subject: Subject) -> list[float]:
        """Milliseconds of every frame in the net alone, from an array to an array of the size at which ours paints."""
        frames = [small for _, small in small_copies(subject.single, subject.frames(FRAMES_IN_MEMORY))]
        self._paint(frames[0])
        return each_ms(self._paint, frames, allowance_of(subject))

    def fps(self, subject: Subject, output: Path) -> float:
        """Frames a second from file to file, painted at the size that our own rows have in the end."""
        return tutorial_loop(self._paint, subject, output)


def tutorial_loop(paint: Paint, subject: Subject, output: Path) -> float:
    """OpenCV reads, resizes and writes; frames a second."""
    size = subject.combination.size
    reader = cv2.VideoCapture(str(subject.clip))
    rate = reader.get(cv2.CAP_PROP_FPS) or 25
    writer = cv2.VideoWriter(str(output), cv2.VideoWriter.fourcc(*FOURCC), rate, size)
    allowance, done, started = allowance_of(subject), 0, time.perf_counter()
    while allowance.take():
        found, frame = reader.read()
        if not found:
            break
        rgb = cv2.cvtColor(cv2.resize(frame, size), cv2.COLOR_BGR2RGB)
        writer.write(cv2.cvtColor(np.ascontiguousarray(paint(rgb)), cv2.COLOR_RGB2BGR))
        done += 1
    writer.release()
    reader.release()
    return done / (time.perf_counter() - started)
