"""An engine with the controls a person has set: a frame in, a painted frame out."""

from dataclasses import replace

from engines.engine import Controls, Engine
from realtime.frame import Frame


class Stylizer:
    """Paints frames. `controls` may be replaced while frames run: the next frame takes the new ones.

    The nets here carry nothing from frame to frame, so a scene cut needs no reset and frames may be painted side by
    side, up to `requests` at once.
    """

    def __init__(self, engine: Engine, controls: Controls) -> None:
        self.engine = engine
        self.controls = controls

    @property
    def requests(self) -> int:
        """How many frames may be painted at the same time."""
        return self.engine.spec.requests

    def __call__(self, frame: Frame) -> Frame:
        return replace(frame, data=self.engine(frame.data, self.controls))
