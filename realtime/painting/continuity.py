"""Whether a frame goes on from the one before, so that what was carried there still fits."""

from typing import Any

from realtime.frames.frame import Frame
from realtime.painting.cuts import CutDetector


class Continuity:
    """Asked for every frame that is painted, in order.

    A frame does not go on where a shot begins, where its source was wound (another `take`), and where time runs back.
    """

    def __init__(self) -> None:
        self._begins_shot = CutDetector()
        self._before: tuple[int, float] | None = None

    def broken_by(self, frame: Frame, small: Any) -> bool:
        """False for the first frame of all. `small` is a copy of it, uint8 [h, w, 3], be it a tensor of torch."""
        before, self._before = self._before, (frame.take, frame.pts_seconds)
        cut = self._begins_shot(small)
        return cut or (before is not None and (frame.take != before[0] or frame.pts_seconds < before[1]))
