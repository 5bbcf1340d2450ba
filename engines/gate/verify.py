"""The acceptance gate: no engine is used before it agreed with the fp32 reference on golden frames.

The engine runs as it will run: compiled, at its own size, uint8 to uint8. The reference (engines/gate/reference.py) is
another runtime with another graph of the same weights, at the same size. So what is caught is a wrong kernel, an
overflow in low precision, a damaged blob, and a graph that does not do what its weights say. What the frames are, and
what they are painted with, is in engines/gate/golden_cases.py.

The reference paints before the engine is built: both at once would take twice the memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from engines.errors import EngineRefused, in_one_line
from engines.failures import any_failure_as
from engines.gate.golden_cases import GoldenCase, Paint, cases_of, largest_size
from engines.gate.memory import check_memory
from engines.gate.reference import open_reference
from engines.machine import available_bytes
from engines.pictures import differences, psnr
from engines.protocols import Engine, RangeEngine
from engines.spec import FLOOR_DB, Controls, EngineSpec, GateCheck, GateReport
from engines.style.styles import StyleFile

# A net's own black is rare: this share of pixels that are black where they should be lit is an overflow's.
BLACK_SHARE = 0.01
LIT = 32
NEAR = 8.0  # mean difference of values below which two pictures count as the same


@dataclass(frozen=True, slots=True, eq=False)
class GoldenPicture:
    """A golden case and what the reference made of it, uint8 [H, W, 3]."""

    case: GoldenCase
    wanted: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.wanted.shape[0], self.wanted.shape[1]

    @property
    def frame(self) -> np.ndarray:
        return self.case.frame

    @property
    def controls(self) -> Controls:
        return self.case.controls


@dataclass(frozen=True, slots=True, eq=False)
class GoldenPictures:
    """All golden pictures for one engine, and who painted them."""

    reference: str
    pictures: tuple[GoldenPicture, ...]


def paint_golden_pictures(style: StyleFile, spec: EngineSpec) -> GoldenPictures:
    """What an engine of this spec has to return; EngineRefused where no reference can run.

    ImpastoError where building and checking an engine of this size takes more memory than there is.
    """
    if spec.precision not in FLOOR_DB:
        raise EngineRefused(f"{spec}: there is no floor for {spec.precision!r}; use one of {', '.join(FLOOR_DB)}")
    check_memory(style, spec, largest_size(style, spec), available_bytes())
    name, run = open_reference(style, spec)

    def told(error: Exception) -> str:
        return f"the reference ({name}) to check {spec} against failed: {in_one_line(error)}"

    with any_failure_as(EngineRefused, told):  # at a large size a reference may run out of memory in its own way
        pictures = [GoldenPicture(case, case.painted(run)) for case in cases_of(style, spec)]
    return GoldenPictures(name, tuple(pictures))


def verify(engine: Engine, golden: GoldenPictures) -> GateReport:
    """Compares the engine with the reference on every golden frame; a failure is told in the report, not raised.

    The problem that is told is that of the frame with the least PSNR. What the engine raises is let through.
    """
    floor, problem, checks = FLOOR_DB[engine.spec.precision], "", list[GateCheck]()
    for size, pictures in groupby(golden.pictures, key=lambda picture: picture.size):
        with _at(engine, size) as sized:
            before = None
            for picture in pictures:
                found = picture.case.painted(sized)
                if found.shape != picture.wanted.shape or found.dtype != picture.wanted.dtype:
                    return _misshapen(golden, floor, found, picture, checks)
                check = _compare(picture, found)
                if check.psnr_db < min((floor, *(each.psnr_db for each in checks))):
                    how = _what_is_wrong(sized, picture, found, before)
                    where = "" if sized is engine else f" of {check.width}x{check.height}"
                    problem = f"the {check.frame} frame{where} in {check.style} came out {how}"
                checks.append(check)
                before = found
    least = min(check.psnr_db for check in checks)
    return GateReport(golden.reference, least, floor, not problem, len(checks), problem, tuple(checks))


def refusal(spec: EngineSpec, gate: GateReport) -> EngineRefused:
    """The error for a gate that was not passed."""
    return EngineRefused(
        f"{spec} is wrong: {gate.problem}, {gate.psnr_db:.1f} dB from the reference ({gate.reference}) where "
        f"{gate.floor_db:.0f} dB is the least; choose another --engine or --precision"
    )


@contextmanager
def _at(engine: Engine, size: tuple[int, int]) -> Iterator[Engine]:
    """The engine at that size: itself, or one of its range that is closed again."""
    if size == (engine.spec.height, engine.spec.width):
        yield engine
        return
    if not isinstance(engine, RangeEngine):
        raise EngineRefused(f"{engine.spec} takes one size alone, and not {engine.spec.size_range}")
    sized = engine.resized(*size)
    try:
        yield sized
    finally:
        sized.close()


def _compare(picture: GoldenPicture, found: np.ndarray) -> GateCheck:
    case, controls = picture.case, picture.controls
    largest = max(int(np.abs(part).max()) for part in differences(found, picture.wanted))
    figure = psnr(found, picture.wanted)
    return GateCheck(case.name, case.style, *picture.size, controls.strength, controls.keep_colour, figure, largest)


def _misshapen(
    golden: GoldenPictures, floor: float, found: np.ndarray, picture: GoldenPicture, checks: list[GateCheck]
) -> GateReport:
    wanted = picture.wanted
    problem = f"it returned {found.dtype} {found.shape} instead of {wanted.dtype} {wanted.shape}"
    return GateReport(golden.reference, 0.0, floor, False, len(checks) + 1, problem, tuple(checks))


def _what_is_wrong(paint: Paint, picture: GoldenPicture, found: np.ndarray, before: np.ndarray | None) -> str:
    """Ends the sentence "the picture came out …".

    `found` is uint8 [H, W, 3]; `before` is what the engine made of the golden frame before this one, and `paint` is the
    engine, which is asked again with other controls.
    """
    return next(_signs(paint, picture, found, before), "different")


def _signs(paint: Paint, picture: GoldenPicture, found: np.ndarray, before: np.ndarray | None) -> Iterator[str]:
    wanted = picture.wanted
    if np.ptp(found) == 0 and np.ptp(wanted) > 0:
        yield "black" if found.flat[0] == 0 else f"all {found.flat[0]}"
    if before is not None and np.array_equal(found, before):
        yield "the same as the frame before, whatever goes in"
    if np.array_equal(found, picture.frame):
        yield "unpainted, as it went in"
    if picture.case.before and np.array_equal(found, replace(picture.case, before=()).painted(paint)):
        yield "as if no frame had come before it, and this style carries state"
    if ignored := ", ".join(_ignored(paint, picture, found)):
        yield f"different, and it ignores {ignored}"
    if _near(found[..., ::-1], wanted) and not _near(found, wanted):
        yield "with red and blue swapped"
    black = _black_share(found, wanted) - _black_share(wanted, found)
    if black > BLACK_SHARE:
        yield f"{black:.0%} black, as after an overflow"


def _black_share(one: np.ndarray, other: np.ndarray) -> float:
    """The share of pixels that are black in one picture and lit in the other; as many either way are only misplaced."""
    return float(np.mean((one.max(axis=-1) == 0) & (other.max(axis=-1) > LIT)))


def _near(one: np.ndarray, other: np.ndarray) -> bool:
    return float(np.abs(one.astype(np.int16) - other).mean()) < NEAR


def _ignored(paint: Paint, picture: GoldenPicture, found: np.ndarray) -> Iterator[str]:
    """The controls that may be turned without any value changing."""
    controls = picture.controls
    turned = {
        "style": replace(controls, style=0.5 * controls.style[::-1]),
        "strength": replace(controls, strength=0.0 if controls.strength > 0.5 else 1.0),
        "keep_colour": replace(controls, keep_colour=1.0 - controls.keep_colour),
    }
    for name, changed in turned.items():
        if np.array_equal(picture.case.painted(paint, changed), found):
            yield name
