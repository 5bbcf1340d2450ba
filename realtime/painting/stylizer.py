"""The one painter, of files and of what is live: an engine with the controls a person has set.

The engine paints a copy of the picture at a size of its own, at full strength and in the style's colours; strength and
kept colours are a matter of the full-size picture, with which the painting is joined (`full_size/join.py`). So an
engine serves pictures of every size, and strength 0 gives back what came.

What a style carries from frame to frame, and what a steady hand holds, begins anew with the painter, and so with a
style file, and wherever a frame does not go on from the one before: at a cut, and where the source was wound.
"""

from dataclasses import replace
from typing import Any, cast

from engines.loading.engine import Controls, Engine
from engines.protocols import DeviceEngine, RangeEngine, begin_anew, carries_state
from engines.style.styles import StyleFile
from realtime.frames.frame import Frame, Pixels
from realtime.media.colour.small_copy import small_copy
from realtime.painting.cross_fade import Vector
from realtime.painting.cuts import Continuity
from realtime.painting.full_size.join import Join, Painted
from realtime.painting.notes import EngineFacts
from realtime.painting.options import OWN
from realtime.painting.steady.hand import SteadyHand, Watched
from realtime.painting.steady.texture import Levels, carried_levels


class Unfinished(Exception):
    """The run is to stop before the frame could be painted; it is left out."""


class Stylizer:
    """Paints frames. `controls` may be replaced while frames run: the next frame takes the new ones.

    Calling it paints a frame; `small`, `watched`, `paint`, `steadied` and `join` are the five steps of that, so that
    frames may wait for the net alone. Where the style carries nothing, frames may be painted side by side, up to
    `requests` at once. What does carry something takes them `in_order`, one at a time. `steady` says how far paintings
    are held still (0..1); where that is more than nothing frames are `watched`, and paintings `steadied`, one at a time
    and in order, however they are painted. The texture of the `style`, the file that the engine is of, then goes with
    the picture; where it is not told, it stays on the screen. `texture` says for the report what strokes grow from,
    which `controls` tell the net.
    """

    takes_planes = True

    def __init__(
        self,
        engine: Engine,
        controls: Controls,
        steady: float = 0.0,
        *,
        style: StyleFile | None = None,
        texture: str = OWN,
    ) -> None:
        self.engine = engine
        self.controls = controls
        self.style = style
        self.texture = texture
        self._levels_for = None if style is None else carried_levels(style)
        self._hand = SteadyHand(steady)
        self._join = Join()
        self._continuity: Continuity | None = None
        self.begin_anew()

    @property
    def in_order(self) -> bool:
        return self._continuity is not None

    @property
    def steadies(self) -> bool:
        """Whether `watched` and `steadied` do anything, and so ask for an order."""
        return self._hand.amount > 0

    @property
    def takes_device_frames(self) -> bool:
        """Whether frames may lie in the memory of the engine's GPU."""
        return isinstance(self.engine, DeviceEngine) and self.engine.takes_device_frames

    def resized(self, size: tuple[int, int]) -> "Stylizer | None":
        """One that paints at this size (width, height) with the same net, closed by the caller; None where none can.

        Nothing is built for it. It is not steady.
        """
        width, height = size
        if not isinstance(self.engine, RangeEngine) or self.engine.spec.size_range is None:
            return None
        if (height, width) not in self.engine.spec.size_range:
            return None
        engine = self.engine.resized(height, width)
        engine.gate = self.engine.gate
        return Stylizer(engine, self.controls, style=self.style, texture=self.texture)

    @property
    def requests(self) -> int:
        """How many frames may be painted at the same time."""
        return self.engine.spec.requests

    @property
    def size(self) -> tuple[int, int]:
        """Width and height at which the net paints."""
        return self.engine.spec.width, self.engine.spec.height

    @property
    def facts(self) -> EngineFacts:
        """What painted, for the report."""
        return EngineFacts.of(self.engine, self.style, self.texture)

    def levels_for(self, vector: Vector) -> Levels:
        """Of the textures that the net adds for a style vector (`carried_levels`)."""
        return () if self._levels_for is None else self._levels_for(vector)

    def begin_anew(self) -> None:
        """The next frame is painted as the first one; for who knows more than the frames tell."""
        begin_anew(self.engine)
        self._hand.begin_anew()
        self._continuity = Continuity() if carries_state(self.engine) else None

    def controls_for(self, frame: Frame) -> Controls:
        """What this frame is painted with."""
        return self.controls

    def __call__(self, frame: Frame) -> Frame:
        small = self.small(frame)
        watched = self.watched(frame, small)
        return self.join(self.steadied(self.paint(frame, small, watched), watched))

    def small(self, frame: Frame) -> Pixels:
        """The copy of the frame that is to be painted."""
        if not frame.on_device:
            return small_copy(frame.data, self.size)
        from realtime.painting.full_size.device_join import small_device_copy

        return cast("Pixels", small_device_copy(cast("Any", frame.data), self.size))

    def watched(self, frame: Frame, small: Pixels) -> Watched | None:
        """What a steady hand sees in the frame; None where nothing is steadied."""
        if not self.steadies:
            return None
        return self._hand.watch(frame, small, self.levels_for(self.controls_for(frame).style))

    def paint(self, frame: Frame, small: Pixels, watched: Watched | None = None) -> Painted:
        """The copy painted; the one step that is in the net."""
        given = small if watched is None else watched.given
        if self._continuity is not None and self._continuity.broken_by(frame, small):
            begin_anew(self.engine)
        controls = self.controls_for(frame)
        if controls.strength == 0 and self._continuity is None:
            return Painted(frame, small, small, controls)  # it would not be seen
        whole = replace(controls, strength=1.0, keep_colour=0.0)
        if frame.on_device and isinstance(self.engine, DeviceEngine):
            return Painted(frame, small, self.engine.paint_device(given, whole), controls)
        return Painted(frame, small, self.engine(given, whole), controls)

    def steadied(self, painted: Painted, watched: Watched | None = None) -> Painted:
        """The painting held still, where frames stand still."""
        planes = painted.frame.planes
        return self._hand(painted, watched, from_rgb=None if planes is None else planes.from_rgb)

    def join(self, painted: Painted) -> Frame:
        """The painting at the frame's size."""
        frame, small, pixels, controls = painted.frame, painted.small, painted.pixels, painted.controls
        if frame.planes is not None and painted.coded is not None:
            return replace(frame, planes=self._join.planes_of(frame.planes, painted.coded, controls))
        if frame.planes is not None:
            return replace(frame, planes=self._join.planes(frame.planes, small, pixels, controls))
        if not frame.on_device:
            return replace(frame, data=self._join.rgb(frame.data, small, pixels, controls))
        from realtime.painting.full_size.device_join import join_on_device

        tensors = (cast("Any", each) for each in (frame.data, small, pixels))
        return replace(frame, data=cast("Pixels", join_on_device(controls, *tensors)))
