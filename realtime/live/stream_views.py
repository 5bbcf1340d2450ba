"""Views of the stream that plays, for a style that is learnt meanwhile: small copies of a few unlike frames."""

import threading
import time
from collections.abc import Callable
from math import inf

from engines.errors import ImpastoError, in_one_line
from realtime.frames.frame import Pixels, scaled_size
from realtime.media.colour.small_copy import small_copy
from realtime.painting.cuts import Sight

MOST_VIEWS = 8
APART_SECONDS = 3.0
LOOK_SECONDS = 0.5
VIEW_PX = 640  # the long side: what the net paints at --stroke 1
# Of the structure. Somebody who sits and talks before a webcam differs from frame to frame by 0.02 to 0.05, one who
# moves the arms by 0.1, and two scenes by 0.2 and more.
LEAST_UNLIKE = 0.05


class ViewChoice:
    """Chooses the frames that become views: some seconds apart, each unlike all before, and none of them blank."""

    def __init__(self) -> None:
        self._seen: list[Sight] = []
        self._last = -inf

    @property
    def full(self) -> bool:
        """Whether there are enough."""
        return len(self._seen) >= MOST_VIEWS

    def is_due(self, now: float) -> bool:
        """Whether one may be chosen at this time, in seconds."""
        return not self.full and now - self._last >= APART_SECONDS

    def takes(self, view: Pixels, now: float) -> bool:
        """Whether it is chosen at this time."""
        if not self.is_due(now):
            return False
        sight = Sight(view)
        if sight.blank or any(sight.unlike(before) < LEAST_UNLIKE for before in self._seen):
            return False
        self._seen.append(sight)
        self._last = now
        return True


class StreamViews:
    """Gives views to who learns on them, from a thread of its own, from now on until `end` or until there are enough.

    `newest` is the frame that was captured last, None before the first. `give` takes a view uint8 [H, W, 3]; it may
    block as long as it likes, and raises ImpastoError where nobody learns any more.
    """

    def __init__(
        self, newest: Callable[[], Pixels | None], give: Callable[[Pixels], None], report: Callable[[str], None]
    ) -> None:
        self._newest, self._give, self._report = newest, give, report
        self._choice = ViewChoice()
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="impasto-views", daemon=True).start()

    def end(self) -> None:
        """No more of them; what blocks in `give` is for its owner to end."""
        self._ended.set()

    def _run(self) -> None:
        try:
            while not self._ended.is_set() and not self._choice.full:
                self._look()
                self._ended.wait(LOOK_SECONDS)
        except ImpastoError:  # who learnt is gone, and that is told elsewhere
            return
        except Exception as error:  # a thread's border: what was given stays of use
            self._report(f"no more views of the stream are learnt on: {in_one_line(error)}")

    def _look(self) -> None:
        frame, now = self._newest(), time.monotonic()
        if frame is not None and self._choice.is_due(now) and self._choice.takes(view := view_of(frame), now):
            self._give(view)


def view_of(frame: Pixels) -> Pixels:
    """A copy whose long side is no more than VIEW_PX."""
    height, width = frame.shape[:2]
    scale = min(1.0, VIEW_PX / max(width, height))
    return small_copy(frame, scaled_size((width, height), scale)).copy()
