"""An engine with the controls a person has set: a frame in, a painted frame out."""

from dataclasses import replace

from engines.loading.engine import Controls, Engine
from engines.spec import DeviceEngine
from realtime.frames.frame import Frame
from realtime.painting.notes import EngineFacts


class Unfinished(Exception):
    """The run is to stop before the frame could be painted; it is left out."""


class Stylizer:
    """Paints frames. `controls` may be replaced while frames run: the next frame takes the new ones.

    The nets here carry nothing from frame to frame, so a scene cut needs no reset and frames may be painted side by
    side, up to `requests` at once. What does carry something takes them `in_order`, one at a time.
    """

    in_order = False

    def __init__(self, engine: Engine, controls: Controls) -> None:
        self.engine = engine
        self.controls = controls

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

    def __call__(self, frame: Frame) -> Frame:
        if frame.on_device and isinstance(self.engine, DeviceEngine):
            return replace(frame, data=self.engine.paint_device(frame.data, self.controls))
        return replace(frame, data=self.engine(frame.data, self.controls))
