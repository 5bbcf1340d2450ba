"""A bounded queue between two threads that both sides can leave."""

import threading
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FrameQueue(Generic[Item]):
    """At most `capacity` items wait here.

    A full queue makes `put` wait (a file loses no frame), or with `newest_only` drops the oldest item, so that latency
    cannot grow (a live source).
    """

    def __init__(self, capacity: int, *, newest_only: bool = False) -> None:
        if capacity < 1:
            raise ValueError(f"a queue holds at least one item, not {capacity}")
        self.capacity = capacity
        self.newest_only = newest_only
        self.dropped = 0
        self._items: deque[Item] = deque()
        self._finished = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> bool:
        """Add an item; False where nobody will take it any more."""
        with self._changed:
            if self.newest_only and not self._finished:
                self._drop_oldest()
            self._changed.wait_for(lambda: self._finished or len(self._items) < self.capacity)
            if self._finished:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def get(self, timeout_seconds: float | None = None) -> Item | None:
        """The oldest item; None once the queue is finished and empty. TimeoutError where none came in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._finished or bool(self._items), timeout_seconds):
                raise TimeoutError(f"nothing came within {timeout_seconds} s")
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    @property
    def finished(self) -> bool:
        """Whether nothing will be put any more."""
        return self._finished

    def finish(self) -> None:
        """No more will be put; what waits here is still handed out."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def abort(self) -> None:
        """End at once: what waits here is thrown away."""
        with self._changed:
            self._items.clear()
            self._finished = True
            self._changed.notify_all()

    def _drop_oldest(self) -> None:
        while len(self._items) >= self.capacity:
            self._items.popleft()
            self.dropped += 1
