"""Measured figures with their spread: one number without it cannot be compared with another."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DIGITS = 4


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of what was measured, with the least and the most."""

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """ValueError where there are no values."""
        values = list(values)
        if not values:
            raise ValueError("a spread needs at least one value")
        median, least, most = (_rounded(value) for value in (statistics.median(values), min(values), max(values)))
        return cls(median, least, most, len(values))

    def __str__(self) -> str:
        return (
            f"{shown(self.median)} ({shown(self.least)}–{shown(self.most)})" if self.count > 1 else shown(self.median)
        )


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of `count` frames in milliseconds, and those of the median of each repeat."""

    p50: float
    p95: float
    p99: float
    count: int
    p50_of_repeats: Spread

    @classmethod
    def of(cls, repeats: Sequence[Sequence[float]]) -> "Latency":
        """From the milliseconds of every frame of every repeat."""
        times = sorted(time for repeat in repeats for time in repeat)
        p50, p95, p99 = (_rounded(percentile(times, share)) for share in (0.50, 0.95, 0.99))
        return cls(p50, p95, p99, len(times), Spread.of(statistics.median(repeat) for repeat in repeats))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the ordered values do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def shown(value: float) -> str:
    """Three digits that count: 0.042, 4.20, 42.0, 420, 4200."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def _rounded(value: float) -> float:
    return round(value, DIGITS)
