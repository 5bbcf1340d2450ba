"""What a caller needs while its frame is in the net (a request, a session, a lane): as many as may be in at once."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Generic, TypeVar

Slot = TypeVar("Slot")


class RequestSlots(Generic[Slot]):
    """Slots that callers take in turn; any thread may close them, any number of times."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self.closed = False
        self._closing = threading.Lock()
        self._free: SimpleQueue[Slot | None] = SimpleQueue()
        for slot in slots:
            self._free.put(slot)
        self._count = self._free.qsize()

    @contextmanager
    def taken(self) -> Iterator[Slot]:
        """A slot, as soon as one is free; ValueError where they are closed."""
        if self.closed:  # or who comes again at once might take every slot before `close` gets it
            raise ValueError("the engine is closed")
        slot = self._free.get()
        try:
            if slot is None:
                raise ValueError("the engine is closed")
            yield slot
        finally:
            self._free.put(slot)

    def close(self) -> list[Slot]:
        """Waits for the calls that hold one, and grants none any more. The slots are then the caller's; none again."""
        with self._closing:
            if self.closed:
                return []
            self.closed = True
            slots = [slot for _ in range(self._count) if (slot := self._free.get()) is not None]
            self._free.put(None)
            return slots
