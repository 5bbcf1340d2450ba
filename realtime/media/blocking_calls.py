"""Calls that may block for ever, as FFmpeg's do, made where they can be left behind."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")

STOP_SECONDS = 0.5  # what a call still gets once everything is to stop
LOOK_SECONDS = 0.05


class BlockingCalls:
    """One thread for all blocking calls on what belongs to one thread; who asks waits only so long.

    A call that takes longer is left behind: the thread ends after it, having called `clean_up`. It is a daemon, so a
    call that never ends does not keep the program from ending.
    """

    def __init__(self, name: str, clean_up: Callable[[], None]) -> None:
        self._clean_up = clean_up
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._left = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, call: Callable[[], Result], seconds: float, stop: threading.Event) -> Result:
        """The call's result or its error; TimeoutError where it took longer than `seconds`, or than `stop` allows."""
        result: Future[Result] = Future()
        self._calls.put((call, result))
        deadline = time.perf_counter() + seconds
        while not result.done():
            if stop.is_set():
                deadline = min(deadline, time.perf_counter() + STOP_SECONDS)
                stop = threading.Event()  # seen
            if time.perf_counter() > deadline:
                self._leave()
                raise TimeoutError(f"nothing happened within {seconds:.0f} s")
            with suppress(TimeoutError):
                return result.result(LOOK_SECONDS)
        return result.result()

    def finish(self) -> None:
        """No call comes any more: clean up, at once or, where a call was left behind, when that ends."""
        if not self._left:
            self._leave()
            self._thread.join(STOP_SECONDS)

    def _leave(self) -> None:
        self._left = True
        self._calls.put(None)

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            call, result = item
            try:
                result.set_result(call())
            except BaseException as error:  # a thread's border: whoever asked gets it
                result.set_exception(error)
            del call, result, item
        with suppress(Exception):  # nobody is left to be told
            self._clean_up()
