"""What came of judging steadiness: a row for each style and film, plain and held still."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from realtime.evaluation.jury import Figures
from realtime.frames.frame import Pixels

DIGITS = 6
SCENE = "scene"


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """One column of pixels over time, [H, T, 3]: of the film, and of its paintings as they are and held still."""

    film: Pixels
    plain: Pixels
    held: Pixels


@dataclass(frozen=True, slots=True)
class SteadyRow:
    """One style on one film, or on the built-in scene, of which only the warping error is told.

    Figures are NaN where the film has no place to tell them by.
    """

    label: str
    film: str
    plain: Figures
    held: Figures
    contrast_kept: float | None = None
    slices: Slices | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON, in which NaN is null."""
        kept = {} if self.contrast_kept is None else {"contrast_kept": round(self.contrast_kept, DIGITS)}
        plain, held = _rounded(self.plain), _rounded(self.held)
        return {"style": self.label, "clip": self.film, "plain": plain, "steady": held, **kept}


@dataclass(frozen=True, slots=True)
class SteadyReport:
    """The rows in the order of the styles, and how steady the hand was."""

    steady: float
    rows: Sequence[SteadyRow]

    def as_dict(self) -> dict[str, Any]:
        return {"steady": self.steady, "rows": [row.as_dict() for row in self.rows]}


def _rounded(figures: Figures) -> dict[str, float]:
    return {name: round(value, DIGITS) for name, value in figures.items()}
