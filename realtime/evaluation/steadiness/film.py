"""The films on which steadiness is judged: some frames of each, at the size at which photos are judged, and painted.

They are painted twice, at the cost of once as long as no camera moved: as the net paints them, and held by a steady
hand.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from engines.errors import BadFile
from engines.loading.engine import Controls, Engine
from engines.style.styles import StyleFile
from realtime.frames.frame import Frame, Pixels
from realtime.media.picture_file import resize
from realtime.painting.stylizer import Stylizer
from realtime.sources.file import FileSource

FRAMES = 60
# The first frames are painted, but not judged: a steady hand has to learn the camera's noise.
RUN_UP = 8
LEAST_FRAMES = RUN_UP + 4
FRAME_RATE = 25  # no figure depends on it: a hand only asks whether time runs on


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """Frames uint8 [H, W, 3] in their order, of a still camera or a moving one."""

    name: str
    frames: Sequence[Pixels]


def read_film(path: Path, lines: int) -> Film:
    """The first frames of a video as they are seen, no larger than so many lines of its shorter side.

    FileMissing, or BadFile where it has too few frames to be judged.
    """
    source = FileSource(path, square_pixels=True)
    try:
        frames = [source.retrieve(grabbed).data for grabbed in islice(iter(source.grab, None), FRAMES)]
    finally:
        source.close()
    if len(frames) < LEAST_FRAMES:
        least = f"steadiness is judged from {LEAST_FRAMES} on"
        raise BadFile(f"{path} is too short, with {len(frames)} frames, where {least}; give a longer film")
    return Film(path.stem, [_of_lines(frame, lines) for frame in frames])


def _of_lines(frame: Pixels, lines: int) -> Pixels:
    height, width = frame.shape[:2]
    shorter = min(height, width)
    if shorter <= lines:
        return frame
    return resize(frame, (2 * round(width * lines / shorter / 2), 2 * round(height * lines / shorter / 2)))


@dataclass(frozen=True, slots=True, eq=False)
class PaintedFilm:
    """The paintings of a film's frames, at its size: `plain`, and `held` still."""

    plain: list[Pixels]
    held: list[Pixels]


class Hands:
    """A painter that does not steady and one that does, with one engine and one style."""

    def __init__(self, engine: Engine, controls: Controls, steady: float, style: StyleFile | None = None) -> None:
        self._plain, self.steady = Stylizer(engine, controls), Stylizer(engine, controls, steady, style=style)

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
            watched = self.steady.watched(frame, small)
            if watched is not None and watched.given is not small:
                painting = self.steady.paint(frame, small, watched)
            painted.held.append(self.steady.join(self.steady.steadied(painting, watched)).data)
        return painted
