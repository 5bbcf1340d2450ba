"""What becomes of the work when the machine fails: figures for docs/reliability.md.

    make faults                  all of it, twenty minutes
    python tests/faults.py kills disk     parts of it, by name

Each part runs the real command in processes of its own, does its harm and looks at what is left. A part that needs
root, a C compiler or Linux says so where it has none.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import av
from campaign_files import numbered
from clips import read_times

from engines.errors import ImpastoError
from realtime.live.control.client import send

IMPASTO = [sys.executable, "-c", "from realtime.cli import main; main()"]
STYLE = "starry_night"
LIVE = ["live", "pattern:320x180@25", "--style", STYLE, "--height", "96", "--no-control"]
RATE, SECONDS = 25, 40
KILLS = 20
SWITCHES_A_SECOND, SWITCHING_SECONDS, SOAK_SECONDS = 50, 60, 600
CLOCK_THAT_IS_SET_BACK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

/* The wall clock of this process is an hour behind from its fourth second on. */
static int (*real)(clockid_t, struct timespec *);
static time_t begun;

static time_t behind(void) {
    struct timespec now;
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    real(CLOCK_MONOTONIC, &now);
    if (!begun) begun = now.tv_sec;
    return now.tv_sec - begun >= 4 ? 3600 : 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    time_t late = behind();
    int done = real(clock, time);
    if (!done && clock == CLOCK_REALTIME) time->tv_sec -= late;
    return done;
}

int gettimeofday(struct timeval *time, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}
"""


def write_film(path: Path, seconds: int = SECONDS) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(RATE * seconds):
            output.mux(stream.encode(numbered(number % 256, (320, 180))))
        output.mux(stream.encode(None))
    return path


@contextmanager
def running(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    surroundings = {**os.environ, **(environment or {})}
    process = subprocess.Popen(
        [*IMPASTO, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finished(*arguments: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """The exit status, and what was said on stderr."""
    with running(*arguments, environment=environment) as process:
        said = process.communicate(timeout=300)[1]
        return process.returncode, said.strip().splitlines()[-1] if said.strip() else ""


def painting(film: Path, target: Path) -> list[str]:
    return ["video", str(film), str(target), "--style", STYLE, "--height", "96"]


# --- the parts: each yields lines for people


def kills(folder: Path) -> Iterator[str]:
    """kill -9 at twenty random moments, of video and of live."""
    film, chance = write_film(folder / "film.mp4"), random.Random(12)
    finished(*painting(film, folder / "warm.mkv"))  # the engine is kept from here on
    under_the_name = 0
    for number in range(KILLS):
        target = folder / f"killed{number}.mp4"
        with running(*painting(film, target)) as process:
            time.sleep(chance.uniform(0.5, 6))
            process.kill()
            process.wait()
        under_the_name += target.exists() and len(read_times(target)) < RATE * SECONDS
    yield f"`video`, {KILLS} kills: {under_the_name} files under the final name that are not whole"
    target = folder / "again.mp4"
    status, _ = finished(*painting(film, target))
    yield f"the same film after that: exit {status}, {len(read_times(target))} of {RATE * SECONDS} pictures"
    lost = [_killed_live(folder, number, chance) for number in range(KILLS)]
    yield (
        f"`live` to a file, {KILLS} kills: at most {max(lost):.2f} s lost at the end, "
        f"{sum(lost) / KILLS:.2f} s on average"
    )


def _killed_live(folder: Path, number: int, chance: random.Random) -> float:
    """How many seconds of the recording are missing at its end, counted from the first picture in a pipe beside it."""
    target = folder / f"live{number}.{('mkv', 'mp4')[number % 2]}"
    with running(*LIVE, "--to", str(target), "--to", "pipe:") as process:
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        os.read(pipe, 1)
        begun = time.perf_counter()
        reader = threading.Thread(target=_read_to_the_end, args=(pipe,))
        reader.start()
        time.sleep(chance.uniform(2, 7))
        process.kill()
        seconds = time.perf_counter() - begun
        reader.join()
    times = read_times(target)
    return seconds - float(times[-1]) if times else seconds


def _read_to_the_end(pipe: int) -> None:
    while os.read(pipe, 1 << 16):
        pass


def disk(folder: Path) -> Iterator[str]:
    """A disk of one megabyte, a folder that may only be read, one that vanishes."""
    film = write_film(folder / "film.mp4")
    small = folder / "small"
    small.mkdir()
    if _mounted(small, "size=300k"):
        status, said = finished(*painting(film, small / "out.mkv"))
        yield f'full disk, `video`: exit {status}, "{_named(said, folder)}"; left there: {_left(small)}'
        status, said = finished(*LIVE, "--seconds", "60", "--to", str(small / "live.mkv"))
        times = read_times(small / "live.mkv")
        yield f'full disk, `live`: exit {status}, "{_named(said, folder)}"; {float(times[-1]):.1f} s of it play'
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        status, said = finished(*painting(film, small / "other.mkv"))
        yield f'read-only folder, `video`: exit {status}, "{_named(said, folder)}"'
        subprocess.run(["umount", small], check=True)
    else:
        yield "full disk and read-only folder: not tried, mounting a small disk needs root"
    gone = folder / "gone"
    gone.mkdir()
    with running(*painting(film, gone / "out.mp4")) as process:
        while not any(gone.iterdir()):
            time.sleep(0.01)
        shutil.rmtree(gone)
        said = process.communicate(timeout=120)[1].strip().splitlines()[-1]
        yield f'folder that vanishes, `video`: exit {process.returncode}, "{_named(said, folder)}"'


def _mounted(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _named(line: str, folder: Path) -> str:
    return line.replace(f"{folder}/", "")


def _left(folder: Path) -> str:
    return ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"


def twins(folder: Path) -> Iterator[str]:
    """Two programs write one OUT at once."""
    film, target = write_film(folder / "film.mp4"), folder / "out.mp4"
    with running(*painting(film, target)) as one, running(*painting(film, target)) as other:
        one.communicate(timeout=300)
        other.communicate(timeout=300)
        statuses = f"exits {one.returncode} and {other.returncode}"
    whole = f"{len(read_times(target))} of {RATE * SECONDS} pictures"
    yield f"two programs, one OUT: {statuses}, {whole}, left: {_left(folder)}"


def clock(folder: Path) -> Iterator[str]:
    """The wall clock is set back by an hour while live runs."""
    compiler = shutil.which("cc")
    if compiler is None:
        yield "clock set back: not tried, there is no C compiler"
        return
    code, library, target = folder / "clock.c", folder / "clock.so", folder / "live.mkv"
    code.write_text(CLOCK_THAT_IS_SET_BACK)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, code, "-ldl"], check=True)
    status, _ = finished(*LIVE, "--seconds", "10", "--to", str(target), environment={"LD_PRELOAD": str(library)})
    times = read_times(target)
    longest = max(late - early for early, late in pairwise(times))
    recorded = f"{float(times[-1]):.1f} s recorded, longest step {1000 * float(longest):.0f} ms"
    yield f"clock set back an hour, `live`: exit {status}, {recorded}"


def switches(folder: Path) -> Iterator[str]:
    """Fifty styles a second for a minute."""
    socket = folder / "live.sock"
    target = folder / "live.mkv"
    arguments = [word for word in LIVE if word != "--no-control"]
    with running(*arguments, "--socket", str(socket), "--to", str(target)) as process:
        _answering(socket)
        begun, done, refused, before = time.perf_counter(), 0, 0, 0.0
        while time.perf_counter() - begun < SWITCHING_SECONDS:
            refused += not send("next", None, socket)["ok"]
            done += 1
            if done == 10 * SWITCHES_A_SECOND:  # by then everything has been painted once
                before = _memory_mb(process.pid)
            time.sleep(max(0.0, begun + done / SWITCHES_A_SECOND - time.perf_counter()))
        grown = _memory_mb(process.pid) - before
        send("quit", None, socket)
        process.communicate(timeout=60)
        status = process.returncode
    times = read_times(target)
    fluent = f"{len(times) / float(times[-1]):.1f} pictures a second of {RATE}"
    yield f"{done} styles in {SWITCHING_SECONDS} s: {refused} refused, exit {status}, {fluent}, memory {grown:+.0f} MB"


def soak(folder: Path) -> Iterator[str]:
    """Ten minutes of live with a recording."""
    target = folder / "live.mkv"
    memory: list[float] = []
    with running(*LIVE, "--seconds", str(SOAK_SECONDS), "--to", str(target)) as process:
        while process.poll() is None:
            time.sleep(5)
            memory.append(_memory_mb(process.pid))
        status = process.returncode
    times = read_times(target)
    steps = sorted(late - early for early, late in pairwise(times))
    quarter = max(1, len(memory) // 4)
    early, late = (sum(part) / len(part) for part in (memory[quarter : 2 * quarter], memory[-quarter - 1 : -1]))
    fluent = f"{len(times) / float(times[-1]):.2f} pictures a second of {RATE}"
    even = f"99.9 % of steps within {1000 * float(steps[int(len(steps) * 0.999)]):.0f} ms"
    held = f"memory {early:.0f} MB in the second quarter and {late:.0f} MB in the last"
    yield f"{SOAK_SECONDS} s of `live` to a file: exit {status}, {fluent}, {even}, {held}"


def _answering(socket: Path) -> None:
    begun = time.perf_counter()
    while time.perf_counter() - begun < 60:
        try:
            send("status", None, socket)
            return
        except ImpastoError:
            time.sleep(0.1)
    raise TimeoutError("impasto live does not answer")


def _memory_mb(process: int) -> float:
    """What is resident; 0 where the process has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0.0)


PARTS: Sequence[Callable[[Path], Iterator[str]]] = (kills, disk, twins, clock, switches, soak)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(part.__name__ for part in PARTS))
    wanted = parser.parse_args().parts
    for part in PARTS:
        if not wanted or part.__name__ in wanted:
            with tempfile.TemporaryDirectory() as folder:
                for line in part(Path(folder)):
                    print(f"- {line}", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
