"""The hand that steadies what a run paints: it knows where a frame does not go on from the one before."""

from dataclasses import replace
from typing import Any

import numpy as np

from realtime.frames.frame import Pixels
from realtime.media.colour.device import complete_on_device
from realtime.painting.cuts import Continuity
from realtime.painting.full_size.join import Painted
from realtime.painting.steady.steadier import Steadier, reduced


class SteadyHand:
    """Steadies paintings of frames that come in order, by `amount`, 0 (not at all) to 1, which may change on the way.

    It begins anew at a cut, where the source was wound, with another size and where nothing was painted; another style
    shows at once.
    """

    def __init__(self, amount: float = 0.0) -> None:
        self.amount = amount
        self.begin_anew()

    def begin_anew(self) -> None:
        """The next frame is the first one."""
        self._steadier = Steadier()
        self._continuity = Continuity()
        self._style: Any = None

    def __call__(self, painted: Painted, *, changes: bool = False) -> Painted:
        """The painting as it is to be shown; where its look `changes`, it is as it was painted."""
        if self.amount == 0 or painted.pixels is painted.small:
            if self._style is not None:
                self.begin_anew()
            return painted
        small, pixels = _on_host(painted.small), _on_host(painted.pixels)
        tiny = reduced(small)
        if self._continuity.broken_by(painted.frame, tiny):
            self._steadier = Steadier()
        style, self._style = self._style, painted.controls.style
        if changes or (style is not None and not np.array_equal(style, self._style)):
            self._steadier.let_go()
        small, pixels = self._steadier(small, pixels, self.amount, tiny)
        return replace(painted, small=_beside(painted.small, small), pixels=_beside(painted.pixels, pixels))


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
