"""How long a person waits for the first painted frame, and how much memory a run takes: measured in a fresh process.

`python -m realtime.bench.start CLIP OUTPUT OPTIONS` paints like `impasto video`, prints a line at the first frame, and
at the end its greatest resident memory.
"""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from engines.errors import ImpastoError
from realtime.options import BenchOptions, VideoOptions

KIB = 2**10


@dataclass(frozen=True, slots=True)
class FreshStart:
    """Seconds from the start of the process to its first painted frame, and its greatest resident memory in MiB."""

    first_frame_seconds: float
    peak_mib: float


def fresh_start(clip: Path, output: Path, options: BenchOptions) -> FreshStart:
    """Paints the clip in a new process; the engine is in the cache already if it was ever used at this size."""
    choices = {name: getattr(options, name) for name in ("style", "height", "engine", "precision", "frames")}
    command = [sys.executable, "-m", "realtime.bench.start", str(clip), str(output), json.dumps(choices)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        seconds = time.perf_counter() - started
        peak, errors = process.communicate()
    if process.returncode != 0 or not first:
        raise ImpastoError(f"the run in a process of its own failed: {errors.strip().splitlines()[-1:]}")
    return FreshStart(seconds, float(peak))


def main() -> None:
    from realtime.video import stylize_video

    clip, output, choices = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    frames = choices.pop("frames")
    stop = threading.Event()

    def progress(done: int, total: int | None) -> None:
        if done == 1:
            print("first frame", flush=True)
        if done >= frames:
            stop.set()

    stylize_video(clip, output, VideoOptions(**choices), report=lambda line: None, progress=progress, stop=stop)
    print(peak_resident_mib())


def peak_resident_mib() -> float:
    """The greatest resident memory of this process.

    getrusage would also count what the parent held when it started us, so the kernel's own count is read.
    """
    status = Path("/proc/self/status")
    if not status.exists():  # no Linux: better a figure that may be too high than none
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (KIB**2 if sys.platform == "darwin" else KIB)
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / KIB


if __name__ == "__main__":
    main()
