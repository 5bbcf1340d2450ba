"""Times that never run back."""

from fractions import Fraction

LEAST_JUMP_SECONDS = Fraction(1, 2)


class SteadyClock:
    """Makes a stream's times rise strictly, and changes none that already do.

    A time that is a little late or doubled moves on by one tick. Where the clock jumps back, as where two recordings
    were joined end to end, everything from there on is moved to follow what came before.
    """

    def __init__(self, time_base: Fraction) -> None:
        self.nudged = 0
        self.jumps = 0
        self._jump_ticks = LEAST_JUMP_SECONDS / time_base
        self._shift = 0
        self._last: int | None = None
        self._last_duration = 1

    def shift_for(self, ticks: int, duration: int) -> int:
        """How far to move a time in ticks, of something that lasts `duration` ticks."""
        moved = ticks + self._shift
        shift = self._shift
        if self._last is not None and moved <= self._last:
            if self._last - moved < self._jump_ticks:
                self.nudged += 1
                shift += self._last + 1 - moved
            else:
                self.jumps += 1
                self._shift += self._last + self._last_duration - moved
                shift = self._shift
        self._last = ticks + shift
        self._last_duration = max(1, duration)
        return shift
