"""Ctrl-C and `kill` while a package in C++ is imported: they come when that is done."""

import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from engines.stop_signals import signals_later


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """Processes of the tests ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_comes_after_the_block() -> None:
    done: list[str] = []

    def interrupted_import() -> None:
        with signals_later():
            signal.raise_signal(signal.SIGINT)
            done.append("imported")

    with pytest.raises(KeyboardInterrupt):
        interrupted_import()
    assert done == ["imported"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_ones_own_is_called_once_for_each_signal_and_stands_again() -> None:
    heard: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGTERM, hear)
    try:
        with signals_later():
            signal.raise_signal(signal.SIGTERM)
            assert heard == []
        assert heard == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is hear
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_signal_comes_though_the_import_fails() -> None:
    def failing_import() -> None:
        with signals_later():
            signal.raise_signal(signal.SIGINT)
            raise ImportError("initialization failed")

    with pytest.raises(KeyboardInterrupt):
        failing_import()


def test_another_thread_sets_no_handlers() -> None:
    """Python allows it to the main thread alone."""
    passed: list[bool] = []

    def inside() -> None:
        with signals_later():
            passed.append(True)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert passed == [True]
