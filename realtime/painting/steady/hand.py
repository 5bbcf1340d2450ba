"""The hand that steadies what a run paints: it knows where a frame does not go on from the one before."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from realtime.frames.frame import Frame, Matrix, Pixels
from realtime.media.colour.device import complete_on_device
from realtime.painting.cuts import Continuity
from realtime.painting.full_size.coded import Coded, coded
from realtime.painting.full_size.join import Painted
from realtime.painting.steady.steadier import Steadier
from realtime.painting.steady.texture import CarriedTexture, Levels
from realtime.painting.steady.watch import Seen, Watch, reduced


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """What a hand saw in a frame before it is painted, and what the net is to be given for its copy [h, w, 3]."""

    seen: Seen
    given: Any


class SteadyHand:
    """Steadies paintings of frames that come in order, by `amount`, 0 (not at all) to 1, which may change on the way.

    It begins anew at a cut, where the source was wound and with another size. Another style shows at once, and so does
    what was painted after frames that were not. It is shown each frame twice, in the same order: before it is painted
    (`watch`), when others may still be in the net, and with its painting.
    """

    def __init__(self, amount: float = 0.0) -> None:
        self.amount = amount
        self.begin_anew()

    def begin_anew(self) -> None:
        """The next frame is the first one."""
        self._watch, self._texture = Watch(), CarriedTexture()
        self._continuity = Continuity()
        self._steadier = Steadier()
        self._style: Any = None
        self._has_watched = False

    def watch(self, frame: Frame, small: Any, levels: Levels = ()) -> Watched:
        """`small` is the frame's copy, be it a tensor of torch, and `levels` are the net's (`carried_levels`)."""
        host, self._has_watched = _on_host(small), True
        tiny = reduced(host)
        if self._continuity.broken_by(frame, tiny):
            self._watch = Watch()
        seen = self._watch(tiny)
        self._texture.carry(seen)
        return Watched(seen, self._given(small, host, levels))

    def given(self, small: Any, levels: Levels) -> Any:
        """What another net is to be given for its copy of the frame that was watched last."""
        return self._given(small, _on_host(small), levels)

    def _given(self, small: Any, host: Pixels, levels: Levels) -> Any:
        given = self._texture.onto(host, levels)
        return small if given is host else _beside(small, given)

    def __call__(
        self,
        painted: Painted,
        watched: Watched | None = None,
        *,
        from_rgb: Matrix | None = None,
        changes: bool = False,
    ) -> Painted:
        """The painting as it is to be shown; where its look `changes`, it is as it was painted.

        With the matrix `from_rgb` of the planes that it is to be joined with, it is held as it will be joined, `coded`.
        Without, in RGB, and `small` has from then on the luma of the copy alone: no join takes more of it. A frame that
        was not `watched` before is watched now.
        """
        if self.amount == 0:
            if self._has_watched:
                self.begin_anew()
            return painted
        seen = (watched or self.watch(painted.frame, painted.small)).seen
        if painted.pixels is painted.small:
            self._steadier.let_go()
            return painted
        small, pixels = _on_host(painted.small), _on_host(painted.pixels)
        style, self._style = self._style, painted.controls.style
        if changes or (style is not None and not np.array_equal(style, self._style)):
            self._steadier.let_go()
        if from_rgb is not None:
            return replace(painted, coded=self._in_codes(coded(small, pixels, from_rgb), seen))
        small, pixels = self._in_rgb(small, pixels, seen)
        return replace(painted, small=_beside(painted.small, small), pixels=_beside(painted.pixels, pixels))

    def _in_codes(self, now: Coded, seen: Seen) -> Coded:
        guide, (luma, blue, red) = self._steadier(now.guide, (now.luma, *now.chroma), self.amount, seen)
        return Coded(guide, luma, (blue, red))

    def _in_rgb(self, small: Pixels, pixels: Pixels, seen: Seen) -> tuple[Pixels, Pixels]:
        """Green stands for luma, of which it is most."""
        red, green, blue = (np.asarray(plane, np.uint8) for plane in cv2.split(pixels))
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        guide, (green, red, blue) = self._steadier(grey, (green, red, blue), self.amount, seen)
        merged = (cv2.merge(planes) for planes in ((guide, guide, guide), (red, green, blue)))
        small, pixels = (np.asarray(each, np.uint8) for each in merged)
        return small, pixels


def _on_host(pixels: Any) -> Pixels:
    """From a GPU's memory too: a small copy travels in no time."""
    return pixels if isinstance(pixels, np.ndarray) else pixels.cpu().numpy()


def _beside(place: Any, pixels: Pixels) -> Any:
    """Where the other one lies."""
    if isinstance(place, np.ndarray):
        return pixels
    import torch

    with complete_on_device(place):
        return torch.from_numpy(pixels).to(place.device)
