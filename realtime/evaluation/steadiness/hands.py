"""Films painted twice at the cost of once: as the net paints them, and held by a steady hand."""

from collections.abc import Iterable
from dataclasses import dataclass

from engines.loading.engine import Controls, Engine
from realtime.frames.frame import Frame, Pixels
from realtime.painting.stylizer import Stylizer

FRAME_RATE = 25  # no figure depends on it: a hand only asks whether time runs on


@dataclass(frozen=True, slots=True, eq=False)
class PaintedFilm:
    """The paintings of a film's frames, at its size: `plain`, and `held` still."""

    plain: list[Pixels]
    held: list[Pixels]


class Hands:
    """A painter that does not steady and one that does, with one engine and one style."""

    def __init__(self, engine: Engine, controls: Controls, steady: float) -> None:
        self._plain, self.steady = Stylizer(engine, controls), Stylizer(engine, controls, steady)

    def __call__(self, frames: Iterable[Pixels]) -> PaintedFilm:
        """Of frames that go on from one another; those of the film before do not."""
        for stylizer in (self._plain, self.steady):
            stylizer.begin_anew()
        painted = PaintedFilm([], [])
        for number, pixels in enumerate(frames):
            frame = Frame(pixels, number / FRAME_RATE, 0.0)
            small = self._plain.small(frame)
            painting = self._plain.paint(frame, small)
            painted.plain.append(self._plain.join(painting).data)
            painted.held.append(self.steady.join(self.steady.steadied(painting)).data)
        return painted
