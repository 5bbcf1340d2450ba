"""`python -m realtime.painting.learning_process`: a style learnt in a process of its own, beside a picture that plays.

It says its vector now and then, each on a line, and where the style file is at the end. It is told views of what plays,
which are learnt on too, in lines as well: no frame comes on a disk. Told that it is enough, it keeps what it has. It is
behind all that is live and rests between its steps, so that it takes a third of the processor at most.
"""

import base64
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray

from engines.child_process import ChildProcess, end_with_input
from engines.errors import ImpastoError, in_one_line
from engines.machine import bound_cores
from realtime.frames.frame import Pixels
from realtime.painting.style_learning import Told, learn_styles
from trainers.settings.style_options import StyleOptions

SHARE = 1 / 3  # of the whole processor
NICE = 10
SAID_SECONDS = 1.0
# A picture that plays leaves little, so it takes as many steps as a minute has with the processor to itself.
STEPS = 150
# What plays shows its first picture meanwhile, or the views that judge would have none of it.
FIRST_VIEW_SECONDS = 5.0
VECTOR, DONE, FAILED = "vector", "done", "failed"
VIEW, ENOUGH = "view", "enough"


def learning(picture: Path, net: str, out: Path, steps: int = STEPS) -> ChildProcess:
    """The process; its lines are for `vector_in` and `end_in`. It may be told what `said_view` makes, and ENOUGH."""
    words = str(picture), net, str(out), str(steps)
    return ChildProcess("realtime.painting.learning_process", *words, errors="dropped", environment=_threads())


def said_vector(share: float, vector: NDArray[np.float32]) -> str:
    """The line that tells the vector so far, and the share of the steps that is done."""
    return f"{VECTOR} {share:.3f} {base64.b64encode(vector.astype('<f4').tobytes()).decode()}"


def vector_in(line: str) -> tuple[float, NDArray[np.float32]] | None:
    """The share that is done, and the vector so far, that a line of the process tells."""
    word, _, rest = line.partition(" ")
    if word != VECTOR:
        return None
    share, _, text = rest.partition(" ")
    return float(share), np.frombuffer(base64.b64decode(text), "<f4")


def end_in(line: str) -> str:
    """What a line tells that it saved, or ImpastoError with what failed; "" of another line."""
    word, _, rest = line.partition(" ")
    if word == FAILED:
        raise ImpastoError(rest)
    return rest if word == DONE else ""


def said_view(view: Pixels) -> str:
    """The line that tells a view uint8 [H, W, 3]."""
    height, width = view.shape[:2]
    return f"{VIEW} {width} {height} {base64.b64encode(view.tobytes()).decode()}"


def view_in(line: str) -> Pixels | None:
    """The view that a line tells."""
    word, _, rest = line.partition(" ")
    if word != VIEW:
        return None
    width, height, text = rest.split(" ")
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(int(height), int(width), 3)


class ArrivingViews:
    """The views that are told, line by line, from the thread that hears them to the one that learns."""

    def __init__(self, first_seconds: float = FIRST_VIEW_SECONDS) -> None:
        self._wait = first_seconds
        self._came: SimpleQueue[Pixels] = SimpleQueue()

    def hear(self, line: str) -> None:
        """Of all lines, those with a view are for us."""
        if (view := view_in(line)) is not None:
            self._came.put(view)

    def __call__(self) -> list[Pixels]:
        """Those that came since the last call; the first one waits so long for one, and no other does."""
        wait, self._wait = self._wait, 0.0
        found: list[Pixels] = []
        with suppress(Empty):
            found.append(self._came.get(timeout=wait))
            while True:
                found.append(self._came.get_nowait())
        return found


def _threads() -> Mapping[str, str]:
    return {"OMP_NUM_THREADS": str(max(1, int(bound_cores() * SHARE)))}


def rest_after(step_seconds: float, threads: int, of_cores: int) -> float:
    """Seconds to rest after a step of so many threads, for the share of all cores that is allowed."""
    return step_seconds * max(0.0, threads / (SHARE * of_cores) - 1)


class _Saying:
    """After each step: a rest, and now and then the vector."""

    def __init__(self) -> None:
        self._threads, self._cores = int(os.environ["OMP_NUM_THREADS"]), bound_cores()
        self._step_began = time.monotonic()
        self._said_at = float("-inf")

    def __call__(self, steps: int, total: int | None, vector: Callable[[], NDArray[np.float32]]) -> None:
        now = time.monotonic()
        if now - self._said_at >= SAID_SECONDS:
            self._said_at = now
            share = steps / total if total else 0.0
            _say(said_vector(share, vector()))
        time.sleep(rest_after(now - self._step_began, self._threads, self._cores))
        self._step_began = time.monotonic()


def _say(line: str) -> None:
    print(line, flush=True)


def _main(picture: str, net: str, out: str, steps: str) -> None:
    views, stop = ArrivingViews(), threading.Event()
    end_with_input(lambda line: stop.set() if line.strip() == ENOUGH else views.hear(line))
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(NICE)
    options = StyleOptions(pictures=(Path(picture),), net=net, out=Path(out), steps=int(steps))
    quiet = Told(lambda line: None, lambda text: None, _Saying())
    try:
        written = learn_styles(options, quiet, stop, views)
    except Exception as error:  # a process's border: what it failed by is told on the live picture
        _say(f"{FAILED} {in_one_line(error)}")
        return
    _say(f"{DONE} {written.path}" if written else f"{FAILED} it ended before the first step")


if __name__ == "__main__":
    _main(*sys.argv[1:])
    os._exit(0)  # all is said, each line flushed, and to take torch down again would take seconds
