"""Ctrl-C, `kill` and a closed terminal: who hears them, and when."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType


def stop_signals() -> list[signal.Signals]:
    """A closed terminal is no reason to stop under nohup, which has its signal ignored; Windows has no such signal."""
    hangup = [number for number in signal.Signals if number.name == "SIGHUP"]
    return [signal.SIGINT, signal.SIGTERM, *(number for number in hangup if signal.getsignal(number) != signal.SIG_IGN)]


@contextmanager
def heard_by(hear: Callable[[int, FrameType | None], None], numbers: Iterable[signal.Signals]) -> Iterator[None]:
    """Gives these signals to `hear` in the block, and after it to who had them before; in the main thread alone."""
    before = {number: signal.signal(number, hear) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def signals_later() -> Iterator[None]:
    """They come after the block, where Python has handlers for them.

    A package in C++ that is interrupted while it is imported says that its initialisation failed, which is taken for a
    package that is not there; and it cannot be imported again. Signals come to the main thread alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    handled = [number for number in stop_signals() if callable(signal.getsignal(number))]
    try:
        with heard_by(lambda number, _frame: arrived.append(number), handled):
            yield
    finally:
        for number in arrived:
            signal.raise_signal(number)
