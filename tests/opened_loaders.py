"""Engine loaders opened for tests, waited for, and closed with no thread left."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes import painting_threads

from realtime.painting.engine_loader import EngineLoader, LoadedEngine, LoadFailed


@contextmanager
def opened_loaders(report: Callable[[str], None]) -> Iterator[Callable[[Path], EngineLoader]]:
    """Opens loaders with the cache in a folder; those that are open at the end are closed."""
    opened: list[EngineLoader] = []

    def open_one(cache_dir: Path) -> EngineLoader:
        opened.append(EngineLoader(report, cache_dir=cache_dir))
        return opened[-1]

    yield open_one
    for loader in opened:
        loader.close()
    assert not painting_threads()


def await_result(loader: EngineLoader) -> LoadedEngine | LoadFailed:
    """What a painting thread gets that looks again and again."""
    deadline = time.monotonic() + 60
    while (found := loader.take()) is None:
        assert time.monotonic() < deadline, "nothing came for a minute"
        threading.Event().wait(0.005)
    return found


def await_engine(loader: EngineLoader) -> LoadedEngine:
    found = await_result(loader)
    assert isinstance(found, LoadedEngine), found
    return found
