"""What a caller needs while its frame is in the net (a request, a session, a lane): as many as may be in at once."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Generic, TypeVar

Seat = TypeVar("Seat")


class Seats(Generic[Seat]):
    """Seats that callers take in turn; any thread may close them, any number of times."""

    def __init__(self, seats: Iterable[Seat]) -> None:
        self.closed = False
        self._closing = threading.Lock()
        self._free: SimpleQueue[Seat | None] = SimpleQueue()
        for seat in seats:
            self._free.put(seat)
        self._count = self._free.qsize()

    @contextmanager
    def taken(self) -> Iterator[Seat]:
        """A seat, as soon as one is free; ValueError where they are closed."""
        if self.closed:  # or who comes again at once might take every seat before `close` gets it
            raise ValueError("the engine is closed")
        seat = self._free.get()
        try:
            if seat is None:
                raise ValueError("the engine is closed")
            yield seat
        finally:
            self._free.put(seat)

    def close(self) -> list[Seat]:
        """Waits for those who sit, and lets nobody in any more. The seats are the caller's then; none the next time."""
        with self._closing:
            if self.closed:
                return []
            self.closed = True
            seats = [seat for _ in range(self._count) if (seat := self._free.get()) is not None]
            self._free.put(None)
            return seats
