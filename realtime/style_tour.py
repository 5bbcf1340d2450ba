"""A film that passes through several styles: held for a while, then melting into the next."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engines.engine import Controls, Engine
from realtime.frame import Frame
from realtime.stylizer import Stylizer

FADE_SHARE = 0.3  # of a style's time, spent on melting into the next


class StyleTour(Stylizer):
    """Paints by the time of the frame alone, so that frames may be painted side by side and in any order."""

    def __init__(self, engine: Engine, styles: Sequence[NDArray[np.float32]], seconds: float) -> None:
        if not styles or seconds <= 0:
            raise ValueError(f"a tour needs a style and some time, not {len(styles)} styles in {seconds} s")
        super().__init__(engine, Controls(styles[0]))
        self._styles = styles
        self._each_seconds = seconds / len(styles)

    def __call__(self, frame: Frame) -> Frame:
        controls = replace(self.controls, style=self.style_at(frame.pts_seconds))
        return replace(frame, data=self.engine(frame.data, controls))

    def style_at(self, seconds: float) -> NDArray[np.float32]:
        """The style vector at a time: averages of vectors are styles too (arXiv 1610.07629, section 3.3)."""
        last = len(self._styles) - 1
        place = min(max(seconds / self._each_seconds, 0.0), last + 1.0 - FADE_SHARE)
        number = int(place)
        share = max(0.0, (place - number - (1 - FADE_SHARE)) / FADE_SHARE)
        following = self._styles[min(number + 1, last)]
        return np.asarray((1 - share) * self._styles[number] + share * following, np.float32)
