"""Golden frames, and which of them meets which style at which size: all that an engine is asked before it is used.

Nothing that builds or calibrates an engine sees these pictures: the exam is not the lesson. What each of them finds is
told where they are made, in tests/make_engine_pictures.py.

Every style of the file has its frame, one frame has a mix of two styles, and strength and keep_colour turn, so that an
engine that ignores a control is caught too. An engine that takes a range of sizes is asked at several of them.

A style that carries state is asked for the first frame of a sequence and for the third in turn: what is fed back
wrongly shows in the second, and what is written where it is still to be read, in the third. Every case begins anew.

The reference costs more than the engine. Large pictures and large nets therefore get fewer golden frames, never fewer
than two.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engines.gate.memory import net_bytes
from engines.pictures import PictureSet
from engines.protocols import begin_anew
from engines.spec import Controls, EngineSpec
from engines.style.styles import StyleFile

GOLDEN = PictureSet(
    Path(__file__).with_name("pictures"),
    ("picture.png", "bright.png", "faces.jpg", "scene.jpg", "dark.png", "flat.png", "noise.png", "backlit.jpg"),
    wall="flat",
)
LEAST_FRAMES = 2
# Bytes of activations in all frames together: some ten seconds of a reference on two slow cores.
WORK_TO_CHECK_BYTES = 900_000_000
# strength and keep_colour of the golden frames in turn
TURNS = ((1.0, 0.0), (0.8, 0.3), (1.0, 0.0), (1.0, 1.0), (1.0, 0.0))
SECOND_SHARE = 0.6  # of the mix
# How far the picture has still to move, in pixels, in the frames that come before the one that is looked at.
STEPS_PX = (4, 2)
RUNS_OF_STATE = 2  # of the net for a case, on the average
Size = tuple[int, int]
Paint = Callable[[np.ndarray, Controls], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class GoldenCase:
    """A golden frame uint8 [H, W, 3], what it is painted with, and the names of both.

    `before` are frames that are painted first, in order, where a style carries state.
    """

    name: str
    style: str
    frame: np.ndarray
    controls: Controls
    before: tuple[np.ndarray, ...] = ()

    def painted(self, paint: Paint, controls: Controls | None = None) -> np.ndarray:
        """What comes out, from the beginning of a sequence on; with other controls where they are given."""
        begin_anew(paint)
        for frame in self.before:
            paint(frame, controls or self.controls)
        return paint(self.frame, controls or self.controls)


def cases_of(style: StyleFile, spec: EngineSpec) -> Iterator[GoldenCase]:
    """All that an engine of this spec is checked with, those at the size in use first."""
    for size, count in plan(style, spec):
        for index in range(count):
            yield _case(style, size, index)


def plan(style: StyleFile, spec: EngineSpec) -> list[tuple[Size, int]]:
    """Sizes (height, width) and how many frames each gets.

    In a range these are the size in use, the least, an odd one between, and the most where that is affordable.
    """
    in_use, sizes = (spec.height, spec.width), spec.size_range
    planned = {in_use: _count(style, in_use)}
    if sizes is not None:
        others = [sizes.least, _between(sizes.least, sizes.most)]
        if LEAST_FRAMES * net_bytes(style, sizes.most) <= WORK_TO_CHECK_BYTES:
            others.append(sizes.most)
        planned |= {size: LEAST_FRAMES for size in others if size not in planned}
    return list(planned.items())


def largest_size(style: StyleFile, spec: EngineSpec) -> Size:
    """The size of the plan with the most pixels."""
    return max((size for size, _ in plan(style, spec)), key=math.prod)


def _count(style: StyleFile, size: Size) -> int:
    """As many as there are frames, or styles and a mix of them, where the work allows it."""
    wanted = max(len(GOLDEN.files), len(style.card.styles) + 1)
    each = net_bytes(style, size) * (RUNS_OF_STATE if style.card.state else 1)
    return max(LEAST_FRAMES, min(wanted, WORK_TO_CHECK_BYTES // each))


def _between(least: Size, most: Size) -> Size:
    """Odd sides, as many times the least as the most is theirs; within the range."""
    height, width = (min(math.isqrt(low * high) | 1, high) for low, high in zip(least, most, strict=True))
    return height, width


def _case(style: StyleFile, size: Size, index: int) -> GoldenCase:
    name = GOLDEN.names[index % len(GOLDEN.files)]
    styles = style.card.styles
    strength, keep_colour = TURNS[index % len(TURNS)]
    if index == 1 and len(styles) > 1:
        first, second = styles[1 % len(styles)], styles[2 % len(styles)]
        vector = (1 - SECOND_SHARE) * first.vector + SECOND_SHARE * second.vector
        title = f"{first.name}={1 - SECOND_SHARE:g},{second.name}={SECOND_SHARE:g}"
    else:
        chosen = styles[max(0, index - 1) % len(styles)]
        vector, title = chosen.vector, chosen.name
    frame = GOLDEN.frame(name, *size)
    steps = STEPS_PX if style.card.state and index % 2 else ()
    before = tuple(np.roll(frame, step, axis=1) for step in steps)
    return GoldenCase(name, title, frame, Controls(vector, strength, keep_colour), before)
