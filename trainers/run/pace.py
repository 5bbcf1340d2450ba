"""How a short run goes: its learning rate, and when it is judged, by steps or by the clock."""

import math
import time

WARM_UP_STEPS = 8  # a rate that is highest at once throws away what the run begins with
CHECKS = 6
# With no end in sight: steps between checks, and of the highest rate.
CHECK_EVERY, POLISH_SHARE = 50, 0.2


class Pace:
    """How far a run is: by `steps` where they are given, by the clock from now on, or without an end."""

    def __init__(self, seconds: float, steps: int | None, *, endless: bool) -> None:
        self._seconds, self._steps, self._endless = seconds, steps, endless
        self._began = time.monotonic()
        self._checked = 0

    def share(self, step: int) -> float:
        """0 at the beginning, 1 at the end; 0 for ever where there is none."""
        if self._endless:
            return 0.0
        return step / self._steps if self._steps else (time.monotonic() - self._began) / self._seconds

    def rate(self, step: int, share: float) -> float:
        """Of the highest learning rate: it rises in a few steps, then falls as a half cosine to a fiftieth."""
        fallen = POLISH_SHARE if self._endless else 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share))
        return min(1.0, (step + 1) / WARM_UP_STEPS) * fallen

    def total(self, steps: int) -> int | None:
        """Steps of the whole run, as far as can be told after so many."""
        if self._endless or self._steps:
            return None if self._endless else self._steps
        return max(steps, round(steps / max(self.share(steps), 1e-9)))

    def is_check(self, steps: int) -> bool:
        """Whether views that were held back are to be judged after so many steps."""
        due = steps // CHECK_EVERY if self._endless else int(self.share(steps) * CHECKS)
        passed, self._checked = due > self._checked, max(due, self._checked)
        return passed
