"""When decoded pictures are shown. They come in the decoder's order, which is right even where their times are not."""

from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")

MOST_HELD = 4  # pictures are large


class PictureTimes(Generic[Item]):
    """Makes the times of pictures rise strictly, and changes none that already do; all times are in ticks.

    A picture whose time breaks the order, or that has none, is put between its neighbours, at most `interval` after the
    one before it. Which of two is wrong shows in what comes next: an odd one waits for that, a real gap as well.
    Pictures without any time begin at `begins`.
    """

    def __init__(self, interval: int, begins: int = 0) -> None:
        self.moved = 0
        self._interval, self._begins = interval, begins
        self._last: int | None = None
        self._held: deque[tuple[Item, int | None]] = deque()

    def push(self, item: Item, pts: int | None) -> list[tuple[Item, int]]:
        """The pictures whose times are known now."""
        self._held.append((item, pts))
        return self._known(final=False)

    def rest(self) -> list[tuple[Item, int]]:
        """What still waits, at the end."""
        return self._known(final=True)

    def _known(self, final: bool) -> list[tuple[Item, int]]:
        known: list[tuple[Item, int]] = []
        while self._held:
            times = self._next_times(final)
            if not times:
                break
            known += [self._give(time) for time in times]
        return known

    def _give(self, time: int) -> tuple[Item, int]:
        item, pts = self._held.popleft()
        self.moved += pts is not None and pts != time
        self._last = time
        return item, time

    def _next_times(self, final: bool) -> list[int]:
        """The times of the pictures in front; none where it takes a look at the next picture."""
        times = [pts for _, pts in self._held]
        front = times[0]
        if front is not None and self._in_line(front):
            return [front]
        if len(times) == 1 and not final:
            return []
        behind = times[1] if len(times) > 1 else None
        if front is None and behind is None:
            return [self._expected()]
        if front is not None and self._rises(front) and (behind is None or behind > front):
            return [front]
        newest = times[-1]
        if len(times) > 1 and newest is not None and self._leaves_room(newest, len(times)):
            return self._between(newest, len(times) - 1)
        if final or len(times) >= MOST_HELD:
            return [self._expected() if final else self._after(1)]
        return []

    def _in_line(self, time: int) -> bool:
        return self._last is None or self._last < time <= self._last + self._interval * 3 // 2

    def _rises(self, time: int) -> bool:
        return self._last is None or time > self._last

    def _leaves_room(self, time: int, count: int) -> bool:
        """Whether the newest of `count` pictures can be right: they are seldom closer than half of what is usual."""
        return self._last is None or time >= self._last + count * self._interval // 2

    def _expected(self) -> int:
        return self._after(self._interval)

    def _after(self, ticks: int) -> int:
        return self._begins if self._last is None else self._last + ticks

    def _between(self, newest: int, count: int) -> list[int]:
        """Times for `count` pictures between the last one and the newest."""
        last = newest - self._interval * (count + 1) if self._last is None else self._last
        step = max(1, min(self._interval, (newest - last) // (count + 1)))
        return [last + step * (number + 1) for number in range(count)]


class DecodeTimes:
    """For files that say when a picture is decoded and not when it is shown: AVI, and streams without a container.

    In the order in which they are shown, pictures take the times at which they were to be decoded. Where some are lost,
    the next key picture tells how many: all that were decoded before it are shown before it, and those after it that
    are shown before it have come.
    """

    def __init__(self) -> None:
        self._times: deque[int] = deque()  # that no picture has taken
        self._taken = 0  # or left out
        self._numbers: dict[int, int] = {}  # of packets in the decoder, by their times
        self._since_key: list[int] = []

    def send(self, dts: int | None) -> None:
        """A packet goes to the decoder."""
        if dts is not None:
            self._numbers[dts] = self._taken + len(self._times)
            self._times.append(dts)

    def take(self, dts: int | None, *, is_key: bool) -> int | None:
        """The time of the picture that comes out; `dts` is its own packet's."""
        if dts is not None and is_key and dts in self._numbers:
            self._leave_out_lost(dts)
        elif dts is not None:
            self._since_key.append(dts)
        return self._pop() if self._times else None

    def _leave_out_lost(self, key: int) -> None:
        place = self._numbers[key] + sum(dts > key for dts in self._since_key)
        while self._taken < place and len(self._times) > 1:
            self._pop()
        self._since_key.clear()
        self._numbers = {dts: number for dts, number in self._numbers.items() if dts > key}

    def _pop(self) -> int:
        self._taken += 1
        return self._times.popleft()
