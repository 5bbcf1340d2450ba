"""A process that paints the first frames of a clip like `impasto video`, started anew for each measurement.

`python -m realtime.bench.rows.fresh_process CLIP OUTPUT SETTINGS` prints a line at the first frame, and last JSON: its
greatest resident memory and the GPU memory that is in use then. It loads nothing that `impasto video` would not.
"""

import json
import math
import sys
import threading
from pathlib import Path

from engines.child_process import end_with_input
from engines.loading.engine import Controls, EngineChoice
from realtime.bench.inputs.clips import FirstFrames
from realtime.bench.machine import gpu_memory_mib
from realtime.files.loop import run
from realtime.painting.opening import engine_for
from realtime.painting.options import STEADY
from realtime.painting.picture_style import resolve
from realtime.painting.stylizer import Stylizer
from realtime.sinks.file import FileSink
from realtime.sources.file import FileSource

KIB = 2**10
FRAMES = 24  # enough for every buffer to have been in use


def main() -> None:
    """The fresh process."""
    end_with_input()
    clip, output, settings = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    source = FirstFrames(FileSource(clip, height=settings["height"]), FRAMES, math.inf)
    style, name = resolve(settings["style"])
    choice = EngineChoice(**settings["choice"])
    engine = engine_for(style, source.size, choice, cache_dir=Path(settings["cache"]), report=lambda line: None)
    sound_ends = threading.Event()
    sound_ends.set()
    sink = FileSink(output, source.clip, stop=sound_ends)
    stylizer = Stylizer(engine, Controls(style.vector(name)), STEADY, style=style)
    source.prepare_for(stylizer, sink)
    run(source, stylizer, [sink], on_progress=_tell_first)
    print(json.dumps([peak_resident_mib(), gpu_memory_mib()]))
    engine.close()


def _tell_first(done: int) -> None:
    if done == 1:
        print("first frame", flush=True)


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
