"""The one painter, of files and of what is live: an engine with the controls a person has set.

What a style carries from frame to frame begins anew with the painter, and so with a style file, and wherever a frame
does not go on from the one before: at a cut, and where the source was wound.
"""

from dataclasses import replace

from engines.loading.engine import Controls, Engine
from engines.protocols import DeviceEngine, begin_anew, carries_state
from realtime.frames.frame import Frame
from realtime.painting.continuity import Continuity
from realtime.painting.notes import EngineFacts


class Unfinished(Exception):
    """The run is to stop before the frame could be painted; it is left out."""


class Stylizer:
    """Paints frames. `controls` may be replaced while frames run: the next frame takes the new ones.

    Where the style carries nothing, frames may be painted side by side, up to `requests` at once, and nobody looks for
    cuts. What does carry something takes them `in_order`, one at a time.
    """

    def __init__(self, engine: Engine, controls: Controls) -> None:
        self.engine = engine
        self.controls = controls
        self._continuity: Continuity | None = None
        self.begin_anew()

    @property
    def in_order(self) -> bool:
        return self._continuity is not None

    @property
    def takes_device_frames(self) -> bool:
        """Whether frames may lie in the memory of the engine's GPU."""
        return isinstance(self.engine, DeviceEngine) and self.engine.takes_device_frames

    @property
    def requests(self) -> int:
        """How many frames may be painted at the same time."""
        return self.engine.spec.requests

    @property
    def facts(self) -> EngineFacts:
        """What painted, for the report."""
        return EngineFacts.of(self.engine)

    def begin_anew(self) -> None:
        """The next frame is painted as the first one; for who knows more than the frames tell."""
        begin_anew(self.engine)
        self._continuity = Continuity() if carries_state(self.engine) else None

    def controls_for(self, frame: Frame) -> Controls:
        """What this frame is painted with."""
        return self.controls

    def __call__(self, frame: Frame) -> Frame:
        if self._continuity is not None and self._continuity.broken_by(frame):
            begin_anew(self.engine)
        controls = self.controls_for(frame)
        if frame.on_device and isinstance(self.engine, DeviceEngine):
            return replace(frame, data=self.engine.paint_device(frame.data, controls))
        return replace(frame, data=self.engine(frame.data, controls))
