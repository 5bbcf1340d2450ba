"""What came of an evaluation: figures of every style on every photo, their means, and the median over the styles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

from realtime.bench.rows.stability import Stability
from realtime.evaluation.jury import Figures
from realtime.evaluation.steadiness.report import SteadyReport
from realtime.painting.notes import EngineFacts

DIGITS = 5


@dataclass(frozen=True, slots=True)
class PictureFigures:
    """The figures of one painted picture."""

    photo: str
    of_scene: bool
    figures: Figures

    def as_dict(self) -> dict[str, Any]:
        return {"photo": self.photo, "of_scene": self.of_scene, **rounded(self.figures)}


@dataclass(frozen=True, slots=True)
class StyleRow:
    """One style: its pictures, its flicker and its speed."""

    label: str
    file: str
    network: Mapping[str, Any]
    pictures: Sequence[PictureFigures]
    noise_pair: float
    stability: Stability
    ms: float
    engine: EngineFacts

    @property
    def on_photos(self) -> Figures:
        """Means over the photos; over the scene where there are no photos."""
        return self.on_scene if all(one.of_scene for one in self.pictures) else self._means(of_scene=False)

    @property
    def on_scene(self) -> Figures:
        return self._means(of_scene=True)

    def _means(self, *, of_scene: bool) -> Figures:
        return means([one.figures for one in self.pictures if one.of_scene == of_scene])

    def as_dict(self) -> dict[str, Any]:
        return {
            "style": self.label,
            "file": self.file,
            "network": dict(self.network),
            **rounded(self.on_photos),
            "on_scene": rounded(self.on_scene),
            "noise_pair": round(self.noise_pair, DIGITS),
            "e_warp": self.stability.e_warp,
            "e_warp_ratio": round(self.stability.ratio, DIGITS),
            "net_ms": round(self.ms, 2),
            **self.engine.as_dict(),
            "pictures": [one.as_dict() for one in self.pictures],
        }


@dataclass(frozen=True, slots=True)
class OptimisedRow:
    """What an optimiser makes of the same photo by moving its pixels so many times."""

    label: str
    iterations: int
    seconds: float
    picture: PictureFigures

    def as_dict(self) -> dict[str, Any]:
        return {
            "style": self.label,
            "iterations": self.iterations,
            "seconds": round(self.seconds, 1),
            **self.picture.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """`judged_by` says how; rows are in the order asked for. Some are missing where it was `interrupted`.

    `steadiness` is there where films were judged.
    """

    size: int
    photos: Sequence[str]
    judged_by: Mapping[str, Any]
    rows: Sequence[StyleRow] = ()
    optimised: Sequence[OptimisedRow] = field(default=())
    interrupted: bool = False
    steadiness: SteadyReport | None = None

    def over_styles(self, summary: Callable[[Sequence[float]], float]) -> Figures:
        """A summary (median, max) over the styles of their means over the photos."""
        return _by_name([row.on_photos for row in self.rows], summary)

    @property
    def optimised_by_iterations(self) -> Mapping[int, Figures]:
        """Means over styles and photos, and the seconds of a picture."""
        counts = sorted({row.iterations for row in self.optimised})
        rows = {count: [row for row in self.optimised if row.iterations == count] for count in counts}
        return {
            count: {**means([row.picture.figures for row in some]), "seconds": mean(row.seconds for row in some)}
            for count, some in rows.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "size": self.size,
            "photos": list(self.photos),
            **self.judged_by,
            "styles": [row.as_dict() for row in self.rows],
            "median": rounded(self.over_styles(median)) if self.rows else {},
            "worst": rounded(self.over_styles(max)) if self.rows else {},
            "optimiser": {str(count): rounded(some) for count, some in self.optimised_by_iterations.items()},
            "optimised": [row.as_dict() for row in self.optimised],
            **({} if self.steadiness is None else {"steadiness": self.steadiness.as_dict()}),
            "interrupted": self.interrupted,
        }


def means(figures: Sequence[Figures]) -> Figures:
    return _by_name(figures, mean)


def rounded(figures: Figures) -> dict[str, float]:
    return {name: round(value, DIGITS) for name, value in figures.items()}


def _by_name(figures: Sequence[Figures], summary: Callable[[Sequence[float]], float]) -> Figures:
    return {name: summary([one[name] for one in figures]) for name in figures[0]}
