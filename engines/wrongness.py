"""In which way a picture is wrong: what tells an overflow from a mixed-up layout or a control that is not read."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from engines.golden_cases import GoldenCase
from engines.spec import Controls

# A net's own black is rare: this share of pixels that are black where they should be lit is an overflow's.
BLACK_SHARE = 0.01
LIT = 32
NEAR = 8.0  # mean difference of values below which two pictures count as the same

Paint = Callable[[np.ndarray, Controls], np.ndarray]


def what_is_wrong(
    paint: Paint, case: GoldenCase, found: np.ndarray, wanted: np.ndarray, before: np.ndarray | None
) -> str:
    """Ends the sentence "the picture came out …".

    `found` and `wanted` are uint8 [H, W, 3]; `before` is what the engine made of the golden frame before this one, and
    `paint` is the engine, which is asked again with other controls.
    """
    return next(_signs(paint, case, found, wanted, before), "different")


def _signs(
    paint: Paint, case: GoldenCase, found: np.ndarray, wanted: np.ndarray, before: np.ndarray | None
) -> Iterator[str]:
    if np.ptp(found) == 0 and np.ptp(wanted) > 0:
        yield "black" if found.flat[0] == 0 else f"all {found.flat[0]}"
    if before is not None and np.array_equal(found, before):
        yield "the same as the frame before, whatever goes in"
    if np.array_equal(found, case.frame):
        yield "unpainted, as it went in"
    if ignored := ", ".join(_ignored(paint, case, found)):
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


def _ignored(paint: Paint, case: GoldenCase, found: np.ndarray) -> Iterator[str]:
    """The controls that may be turned without any value changing."""
    controls = case.controls
    turned = {
        "style": replace(controls, style=0.5 * controls.style[::-1]),
        "strength": replace(controls, strength=0.0 if controls.strength > 0.5 else 1.0),
        "keep_colour": replace(controls, keep_colour=1.0 - controls.keep_colour),
    }
    for name, changed in turned.items():
        if np.array_equal(paint(case.frame, changed), found):
            yield name
