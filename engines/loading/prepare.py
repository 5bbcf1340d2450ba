"""`prepare_in_child`: an engine is built, checked and stored in the cache by a process of its own.

Compiling and the gate take every core for seconds and cannot be interrupted, and a live picture would stand still
meanwhile. A child with low priority leaves the cores to the picture, and ending it is all it takes to cancel. Then
`restore_engine` takes the engine from the cache.

The child is this module run as a program: its argument is a JSON object. It writes a JSON object a line, with one key:
`line` for people, `progress` (stage and share), and at its end `prepared` (an EngineSpec), `refused` or `failed`.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from engines.cache.folder import EngineCache, default_cache_folder
from engines.child_process import ChildProcess, end_with_input
from engines.errors import EngineRefused, ImpastoError, in_one_line
from engines.loading.engine import load_engine
from engines.spec import ANY_ENGINE, Calibration, EngineChoice, EngineSpec, SizeRange
from engines.style.file import read_style_file
from engines.style.styles import StyleFile

NICENESS = 10
LISTEN_SECONDS = 0.05  # how late a cancellation may be noticed

logger = logging.getLogger("impasto")


def prepare_in_child(
    style: StyleFile,
    *,
    height: int,
    width: int,
    choice: EngineChoice = ANY_ENGINE,
    cache_dir: Path | None = None,
    on_line: Callable[[str], None] = logger.info,
    on_progress: Callable[[str, float], None] = lambda stage, share: None,
    cancelled: threading.Event | None = None,
) -> EngineSpec | None:
    """What `load_engine` chose in the child, and left in the cache where that can be written.

    `on_line` gets the child's report, and `on_progress` the stage of its build with the share of it that is done, 0..1;
    both on the calling thread. Setting `cancelled` ends the child, which takes less than half a second and leaves
    nothing half written, and the answer is None. Raises EngineRefused as `load_engine` does, and ImpastoError where the
    style file is no longer what was opened, or the child died.
    """
    cache = EngineCache(cache_dir or default_cache_folder())
    with TemporaryDirectory(prefix="impasto-") as folder:
        settings = {
            "style": {"path": str(style.path.absolute()), "sha256": style.sha256},
            "height": height,
            "width": width,
            "choice": _packed_choice(choice, Path(folder)),
            "cache_dir": str(cache.folder),
        }
        child = ChildProcess("engines.loading.prepare", json.dumps(settings), errors="among the lines")
        try:
            with child:
                return _follow(child, on_line, on_progress, cancelled or threading.Event())
        finally:
            cache.remove_partial_of(child.pid)


def _packed_choice(choice: EngineChoice, folder: Path) -> dict[str, Any]:
    """As JSON takes it; the frames to calibrate on go into a file."""
    packed = asdict(replace(choice, calibration=None))
    if choice.calibration is not None:
        np.save(folder / "calibration.npy", choice.calibration.frames)
        packed["calibration"] = {"frames": str(folder / "calibration.npy"), "source": choice.calibration.source}
    return packed


def _unpacked_choice(packed: dict[str, Any]) -> EngineChoice:
    if calibration := packed.get("calibration"):
        packed["calibration"] = Calibration(np.load(calibration["frames"]), calibration["source"])
    return EngineChoice(**packed | {"size_range": SizeRange.from_dict(packed["size_range"])})


def _unpacked_spec(packed: dict[str, Any]) -> EngineSpec:
    again = {"size_range": SizeRange.from_dict(packed["size_range"]), "passed_over": tuple(packed["passed_over"])}
    return EngineSpec(**packed | again)


def _follow(
    child: ChildProcess,
    on_line: Callable[[str], None],
    on_progress: Callable[[str, float], None],
    cancelled: threading.Event,
) -> EngineSpec | None:
    last_words = ""
    while not cancelled.is_set():
        try:
            text = child.next_line(LISTEN_SECONDS)
        except TimeoutError:
            continue
        if text is None:
            raise ImpastoError(_obituary(child.how_it_ended(), last_words))
        kind, content = _parse(text)
        if kind == "prepared":
            return _unpacked_spec(content)
        _raise_if_over(kind, content)
        if kind == "progress":
            on_progress(*content)
            continue
        if kind == "line":
            on_line(content)
        last_words = content if kind == "line" else text or last_words
    return None


def _parse(text: str) -> tuple[str, Any]:
    """(key, content) of a line of ours; ("", None) for what a runtime wrote past us."""
    try:
        ((key, content),) = json.loads(text).items()
    except (ValueError, AttributeError):
        return "", None
    return key, content


def _raise_if_over(kind: str, content: Any) -> None:
    if kind == "refused":
        raise EngineRefused(content)
    if kind == "failed":
        raise ImpastoError(content)


def _obituary(how: str, last_words: str) -> str:
    said = f", last it said {last_words:.200}" if last_words else ""
    return f"the process that prepared the engine {how}{said}; there may be too little memory for this size"


def main() -> None:
    """The child's side."""
    end_with_input()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the parent, which ends us
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        _tell("prepared", asdict(_prepare(**json.loads(sys.argv[1]))))
    except EngineRefused as error:
        _tell("refused", str(error))
    except (ImpastoError, FileNotFoundError) as error:
        _tell("failed", str(error))
    except Exception as error:  # a process's border
        _tell("failed", f"preparing the engine failed ({in_one_line(error)})")


def _prepare(style: dict[str, str], height: int, width: int, choice: dict[str, Any], cache_dir: str) -> EngineSpec:
    file = read_style_file(Path(style["path"]))
    if file.sha256 != style["sha256"]:
        raise ImpastoError(f"{file.path} has changed since it was opened; choose the style again")
    engine = load_engine(
        file,
        height=height,
        width=width,
        choice=_unpacked_choice(choice),
        cache_dir=Path(cache_dir),
        report=lambda line: _tell("line", line),
        progress=_Progress(),
    )
    engine.close()
    return engine.spec


class _Progress:
    """Tells a stage when it begins and at every hundredth of it: some builders call for every layer and every try."""

    def __init__(self) -> None:
        self._told = ("", 0)

    def __call__(self, stage: str, share: float) -> None:
        reached = stage, int(100 * share)
        if reached != self._told:
            self._told = reached
            _tell("progress", [stage, min(1.0, max(0.0, share))])


def _tell(key: str, content: object) -> None:
    sys.stdout.write(f"{json.dumps({key: content})}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
