"""The built-in moving scene as a source: a test pattern that looks like a film."""

import re
import time
from fractions import Fraction

from engines.errors import BadValue
from realtime.frames.frame import Frame, SplitSource
from realtime.scene import Scene

DEFAULT_SIZE = (640, 360)
DEFAULT_RATE = Fraction(30)
WRITTEN = re.compile(r"pattern:(?:(\d+)x(\d+))?(?:@(\d+(?:/\d+)?))?")


class PatternSource(SplitSource):
    """Frames of the scene at a steady rate; `frames` None never ends.

    The same arguments always give the same frames. Raises ValueError for a size below 64x48, a frame rate that is not
    above 0, or a negative number of frames.
    """

    live = False

    def __init__(
        self,
        width: int = DEFAULT_SIZE[0],
        height: int = DEFAULT_SIZE[1],
        frame_rate: Fraction = DEFAULT_RATE,
        frames: int | None = None,
    ) -> None:
        if frames is not None and frames < 0:
            raise ValueError(f"the number of frames is 0 or more, or None for no end, not {frames}")
        self.scene = Scene(width, height, frame_rate=frame_rate)
        self.size = (width, height)
        self.frame_rate: Fraction | None = frame_rate
        self.frames = frames
        self._time_base = 1 / frame_rate
        self._next = 0
        self._closed = False

    @classmethod
    def from_text(cls, text: str) -> "PatternSource":
        """The source that a person wrote as `pattern:`, `pattern:1280x720` or `pattern:640x360@30000/1001`.

        Raises ImpastoError where it is written otherwise.
        """
        written = WRITTEN.fullmatch(text)
        if written is None:
            raise BadValue(f"{text!r} is no pattern; write pattern: or pattern:WIDTHxHEIGHT@RATE")
        width, height, rate = written.groups()
        try:
            size = (int(width), int(height)) if width else DEFAULT_SIZE
            return cls(*size, frame_rate=Fraction(rate) if rate else DEFAULT_RATE)
        except (ValueError, ZeroDivisionError) as error:
            raise BadValue(f"{text!r} is no pattern: {error}") from error

    def grab(self) -> int | None:
        """The number of the next frame; None at the end."""
        if self._closed or self._next == self.frames:
            return None
        self._next += 1
        return self._next - 1

    def retrieve(self, grabbed: int) -> Frame:
        """Draw a frame; any thread, any order."""
        return Frame(
            self.scene.frame(grabbed),
            pts_seconds=self.scene.seconds(grabbed),
            captured_at=time.perf_counter(),
            pts=grabbed,
            time_base=self._time_base,
            duration=1,
        )

    def close(self) -> None:
        """No frame comes after this."""
        self._closed = True
