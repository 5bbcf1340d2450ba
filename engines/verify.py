"""The acceptance gate: no engine is used before it agreed with the fp32 reference on golden frames.

The engine runs as it will run: compiled, at its own size, uint8 to uint8. The reference (engines/reference.py) is
another runtime with another graph of the same weights, at the same size. So what is caught is a wrong kernel, an
overflow in low precision, a damaged blob, and a graph that does not do what its weights say. Each case takes another
style of the file, and some turn strength and keep_colour, so that an engine that ignores a control is caught too.

The reference costs about as much as the engine. Large pictures and large nets therefore get fewer golden frames, never
fewer than two. It paints before the engine is built: both at once would take twice the memory.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.errors import EngineRefused
from engines.golden import FRAMES, golden_frames
from engines.reference import open_reference
from engines.spec import FLOOR_DB, Controls, Engine, EngineSpec, GateReport, one_line
from engines.style import StyleFile

LEAST_FRAMES = 2
# Pixels times bytes of weights, about what the work grows with: all frames of a 1 MB net at 640x360.
WORK_TO_CHECK = len(FRAMES) * 640 * 360 * 1_000_000
# strength and keep_colour of each golden frame in turn
TURNS = ((1.0, 0.0), (0.8, 0.3), (1.0, 0.0), (1.0, 1.0), (1.0, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class GoldenPicture:
    """A golden frame and what the reference made of it, both uint8 [H, W, 3]."""

    name: str
    frame: np.ndarray
    controls: Controls
    wanted: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class GoldenPictures:
    """All golden pictures for one engine, and who painted them."""

    reference: str
    pictures: tuple[GoldenPicture, ...]


def paint_golden_pictures(style: StyleFile, spec: EngineSpec) -> GoldenPictures:
    """What an engine of this spec has to return; EngineRefused where no reference can run."""
    if spec.precision not in FLOOR_DB:
        raise EngineRefused(f"{spec}: there is no floor for {spec.precision!r}; use one of {', '.join(FLOOR_DB)}")
    name, run = open_reference(style, spec)
    cases = golden_cases(style, spec)
    try:
        return GoldenPictures(name, tuple(GoldenPicture(case, frame, c, run(frame, c)) for case, frame, c in cases))
    except Exception as error:  # a probe too: at a large size a reference may run out of memory in its own way
        raise EngineRefused(f"the reference ({name}) to check {spec} against failed: {one_line(error)}") from error


def verify(engine: Engine, golden: GoldenPictures) -> GateReport:
    """Compares the engine with the reference on every golden frame; a failure is told in the report, not raised."""
    floor, least = FLOOR_DB[engine.spec.precision], math.inf
    for count, picture in enumerate(golden.pictures, start=1):
        found, wanted = engine(picture.frame, picture.controls), picture.wanted
        if found.shape != wanted.shape or found.dtype != wanted.dtype:
            problem = f"it returned {found.dtype} {found.shape} instead of {wanted.dtype} {wanted.shape}"
            return GateReport(golden.reference, 0.0, floor, False, count, problem)
        least = min(least, psnr(found, wanted))
        if not least >= floor:
            problem = f"the {picture.name} frame came out {_how(found, wanted)}"
            return GateReport(golden.reference, least, floor, False, count, problem)
    return GateReport(golden.reference, least, floor, True, len(golden.pictures))


def refusal(spec: EngineSpec, gate: GateReport) -> EngineRefused:
    """The error for a gate that was not passed."""
    return EngineRefused(
        f"{spec} is wrong: {gate.problem}, {gate.psnr_db:.1f} dB from the reference ({gate.reference}) where "
        f"{gate.floor_db:.0f} dB is the least; choose another --engine or --precision"
    )


def golden_cases(style: StyleFile, spec: EngineSpec) -> Iterator[tuple[str, np.ndarray, Controls]]:
    """(name, frame, controls) of every case at the engine's size; the styles of the file come in turn."""
    count = WORK_TO_CHECK // (spec.height * spec.width * len(style.data))
    frames = golden_frames(spec.height, spec.width, max(LEAST_FRAMES, min(count, len(FRAMES))))
    for index, (name, frame) in enumerate(frames):
        strength, keep_colour = TURNS[index]
        vector = style.card.styles[index % len(style.card.styles)].vector
        yield name, frame, Controls(vector, strength, keep_colour)


def psnr(found: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal-to-noise ratio of uint8 pictures in dB; infinite where they are equal."""
    error = np.mean(np.square(found.astype(np.float32) - wanted.astype(np.float32)), dtype=np.float64)
    return math.inf if error == 0 else float(10 * np.log10(255**2 / error))


def _how(found: np.ndarray, wanted: np.ndarray) -> str:
    if np.ptp(found) == 0 and np.ptp(wanted) > 0:
        return "black" if found.max() == 0 else f"all {found.flat[0]}"
    return "different"
