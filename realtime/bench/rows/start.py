"""How long a person waits for the first painted frame, and how much memory a run takes: measured in a fresh process."""

import json
import time
from dataclasses import asdict, dataclass

from engines.cache.folder import default_cache_folder
from engines.child_process import ChildProcess
from engines.errors import ImpastoError
from realtime.bench.inputs.subject import Subject
from realtime.bench.machine import gpu_memory_mib


@dataclass(frozen=True, slots=True)
class FreshStart:
    """Seconds from the start of the process to its first painted frame, and its greatest resident memory in MiB.

    `gpu_mib` is by how much the memory in use on the cards had grown at its end; None where there is no card.
    """

    first_frame_seconds: float
    peak_mib: float
    gpu_mib: float | None


def fresh_start(subject: Subject) -> FreshStart:
    """Paints the first frames in a new process, whose engine is in the subject's cache."""
    made = subject.combination
    choice = asdict(made.choice(subject.options, subject.options.requests))
    cache = str(subject.engines or default_cache_folder())
    settings = json.dumps({"style": made.style_source, "height": made.size[1], "choice": choice, "cache": cache})
    arguments = [str(subject.clip), str(subject.bench.painted), settings]
    gpu_before = gpu_memory_mib()
    started = time.perf_counter()
    with ChildProcess("realtime.bench.rows.fresh_process", *arguments) as child:
        first = child.next_line()
        seconds = time.perf_counter() - started
        rest = child.next_line() if first else None
        if child.wait() != 0 or not rest:
            raise ImpastoError(f"the run in a process of its own {child.how_it_ended()}: {child.last_errors()[-1:]}")
    peak_mib, gpu_after = json.loads(rest)
    grown = None if gpu_before is None or gpu_after is None else gpu_after - gpu_before
    return FreshStart(seconds, peak_mib, grown)
