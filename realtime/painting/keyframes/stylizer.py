"""`impasto video --keyframes`: a key frame of every shot is painted by optimisation and carried through the shot."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.loading.engine import Controls, EngineSpec, GateReport
from engines.packages import installed_version
from realtime.frames.frame import Frame, Pixels
from realtime.painting.cross_fade import blend_pictures
from realtime.painting.cuts import Sight, is_cut
from realtime.painting.full_size.join import Painted
from realtime.painting.keyframes.carried import Carried, Key, with_colours_of
from realtime.painting.keyframes.folder import KeyFolder
from realtime.painting.keyframes.optimiser import KeyFrame, KeyframeOptimiser, Report
from realtime.painting.keyframes.palette import blended
from realtime.painting.keyframes.shot_net import learn_shot
from realtime.painting.motion import MotionMeter, Small, measured
from realtime.painting.notes import EngineFacts, spoken
from realtime.painting.steady.hand import Watched
from realtime.painting.stylizer import Stylizer, Unfinished

if TYPE_CHECKING:
    from trainers.settings.gatys_options import GatysOptions

# Where less of the frame than this is carried paint, the shot gets another key frame; but not too often.
LEAST_KNOWN = 0.6
FRAMES_APART = 15
# So long the key frame gives way to the net that learnt from it.
FADE_FRAMES = 12


@dataclass(frozen=True, slots=True)
class KeyframeFacts(EngineFacts):
    """What painted where no net did: the key frames, in order."""

    keys: tuple[KeyFrame, ...] = ()

    def __str__(self) -> str:
        if not self.keys:
            return "key frames painted already"
        shots = len({key.shot for key in self.keys})
        frames = "1 key frame" if len(self.keys) == 1 else f"{len(self.keys)} key frames"
        spent = spoken(sum(key.took_seconds for key in self.keys) / len(self.keys))
        return f"{frames} in {shots} shot{'' if shots == 1 else 's'}, {spent} each"

    def as_dict(self) -> dict[str, Any]:
        keys = [
            {"shot": key.shot, "at_seconds": round(key.at_seconds, 3), "took_seconds": round(key.took_seconds, 3)}
            for key in self.keys
        ]
        return {**EngineFacts.as_dict(self), "keyframes": keys}


class OptimisingEngine:
    """What the stylizer shows of itself as an engine: it paints one frame at a time, and only in order."""

    def __init__(self, size: tuple[int, int], on_close: Callable[[], None]) -> None:
        self._on_close = on_close
        self.spec = EngineSpec("keyframes", "fp32", size[1], size[0], "CPU", installed_version("torch"))
        self.gate: GateReport | None = None

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        raise NotImplementedError("key frames are carried from frame to frame; call the stylizer, in order")

    def close(self) -> None:
        """The net of the last shot is given back."""
        self._on_close()


class KeyframeStylizer(Stylizer):
    """Paints the frames of a video in order; raises Unfinished for those that `stop` left without a key frame.

    Key frames lie in `folder`, where one is given: those that are painted there are taken. Without a recipe they all
    must be; BadValue at a shot of which none is, with its frame left there to be painted. With `learn`, a net learns in
    so many steps from the key frame of each shot and paints the shot; the key frame gives way to it in some frames.
    """

    def __init__(
        self,
        size: tuple[int, int],
        recipe: "GatysOptions | None",
        *,
        strength: float = 1.0,
        keep_colour: float = 0.0,
        folder: Path | None = None,
        learn: int | None = None,
        report: Report,
        label: Report,
        stop: threading.Event,
    ) -> None:
        super().__init__(
            OptimisingEngine(size, self._close_net), Controls(np.zeros(1, np.float32), strength, keep_colour)
        )
        self._optimiser = None if recipe is None else KeyframeOptimiser(recipe, report, label, stop)
        self._report, self._label, self._stop = report, label, stop
        self._folder, self._learn = None if folder is None else KeyFolder(folder), learn
        self._net: Stylizer | None = None
        self._meter = MotionMeter()
        self._carried: Carried | None = None
        self._before: tuple[Small, Sight] | None = None
        self._since_key = 0
        self._shot = 0
        self.keys: list[KeyFrame] = []

    takes_planes = False

    @property
    def in_order(self) -> bool:
        return True

    @property
    def facts(self) -> EngineFacts:
        spec = self.engine.spec
        return KeyframeFacts(spec.backend, spec.precision, spec.version, None, None, keys=tuple(self.keys))

    def small(self, frame: Frame) -> Pixels:
        """The frame itself: key frames are painted at full size."""
        return frame.data

    def paint(self, frame: Frame, small: Pixels, watched: Watched | None = None) -> Painted:
        return Painted(frame, small, self._painted(frame), self.controls)

    def join(self, painted: Painted) -> Frame:
        pixels, controls = painted.pixels, painted.controls
        if controls.strength < 1 or controls.keep_colour > 0:
            pixels = blended(painted.small, pixels, controls.strength, controls.keep_colour)
        return replace(painted.frame, data=pixels)

    def _painted(self, frame: Frame) -> Pixels:
        small, sight = measured(frame.data), Sight(frame.data)
        carried, before = self._carried, self._before
        self._before = small, sight
        if carried is not None and before is not None:
            motion = self._meter.between(before[0].luma, small.luma)
            if not is_cut(before[1], sight, motion):
                carried.follow(motion, small)
                return self._go_on(frame, carried)
        return self._begin_shot(frame)

    def _begin_shot(self, frame: Frame) -> Pixels:
        self._carried = None  # what was before is of another shot
        self._shot += 1
        painting = self._first_painting(frame)
        self._carry(Key.of(frame.data, painting), None)
        if self._learn is not None:
            self._close_net()
            name = f"shot {self._shot}"
            self._net = learn_shot(
                frame.data, painting, self._learn, name=name, report=self._report, label=self._label, stop=self._stop
            )
            self._label(name)
        return painting

    def _first_painting(self, frame: Frame) -> Pixels:
        """The shot's, which may have been painted before."""
        found = None if self._folder is None else self._folder.painted(self._shot, frame.data)
        if found is not None:
            self._report(f"shot {self._shot}, at {frame.pts_seconds:.2f} s: its key frame is painted already")
            return found
        if self._optimiser is None and self._folder is not None and not self._stop.is_set():
            raise self._folder.left_to_paint(self._shot, frame.pts_seconds, frame.data)
        painting = self._key_frame(frame, None)
        if painting is None:
            raise Unfinished
        if self._folder is not None:
            self._folder.keep(self._shot, frame.data, painting)
        return painting

    def _go_on(self, frame: Frame, carried: Carried) -> Pixels:
        """The frame as the key is carried to it; where little is left of that, a key frame painted over it.

        Once a net has learnt the shot, it is that which paints.
        """
        self._since_key += 1
        if self._net is not None and self._since_key >= FADE_FRAMES:
            return self._net(frame).data
        shown = carried.paint(frame.data)
        if self._net is not None:
            return blend_pictures(shown, self._net(frame).data, self._since_key / FADE_FRAMES)
        if carried.known_share >= LEAST_KNOWN or self._since_key < FRAMES_APART:
            return shown
        painting = self._key_frame(frame, shown)
        if painting is not None:
            painting = with_colours_of(shown, painting)
            self._carry(Key.of(frame.data, painting), shown.astype(np.int16) - painting)
        return shown

    def _close_net(self) -> None:
        """Give back what a shot's net holds."""
        net, self._net = self._net, None
        if net is not None:
            net.engine.close()

    def _carry(self, key: Key, missing: "np.ndarray | None") -> None:
        self._carried, self._since_key = Carried(key, self._meter, missing), 0
        self._label(f"shot {self._shot}")

    def _key_frame(self, frame: Frame, begun: Pixels | None) -> Pixels | None:
        if self._optimiser is None or self._stop.is_set():
            return None
        number, started = len(self.keys) + 1, time.perf_counter()
        painting = self._optimiser.paint(frame.data, f"key frame {number}", begun)
        if painting is not None:
            took = time.perf_counter() - started
            self.keys.append(KeyFrame(number, self._shot, frame.pts_seconds, took))
            self._report(f"key frame {number}: shot {self._shot}, at {frame.pts_seconds:.2f} s, took {spoken(took)}")
        return painting
