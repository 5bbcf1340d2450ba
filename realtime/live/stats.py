"""What a live run measures: rates, stages, latency and drops, over the last seconds and over the whole run.

Memory is bounded however long the run is: the last seconds are kept as they were, and the whole run as a histogram
whose bins grow by 1 %, so that a percentile of days is off by no more than half of that.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

RECENT_SECONDS = 5.0
MOST_RECENT = 8192  # values kept of the last seconds, more than 1600 a second
BIN_GROWTH = math.log(1.01)
SHORTEST_SECONDS = 1e-6  # what is shorter, even below 0, counts as this in the histogram


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How `count` times are spread, in milliseconds. `jitter` is the mean absolute difference of neighbours."""

    count: int
    p50: float
    p95: float
    p99: float
    jitter: float
    most: float


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """What was measured in `seconds`.

    `captured` and `painted` count frames. `stage_ms` goes by stage, `latency_ms` (from capture until the sink has the
    frame) by sink, `dropped` (frames) by the place that dropped them. `coded_ms` is the latency that was read back from
    time codes in the pictures, None where none was read.
    """

    seconds: float
    captured: int
    painted: int
    captured_fps: float
    painted_fps: float
    stage_ms: dict[str, Percentiles]
    latency_ms: dict[str, Percentiles]
    coded_ms: Percentiles | None
    dropped: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """The figures for JSON, to three digits after the point."""
        figures: dict[str, Any] = _rounded(asdict(self))
        return figures


class LiveStats:
    """Takes what the threads of a live run measure; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()
        self._counts = {"captured": _Count(), "painted": _Count()}
        self._stages: dict[str, _Times] = {}
        self._latencies: dict[str, _Times] = {}
        self._coded = _Times()
        self._dropped: dict[str, _Count] = {}

    def begin(self) -> None:
        """The run begins now, and rates count from here."""
        with self._lock:
            self._started = self._clock()

    def captured(self) -> None:
        """The source gave a frame."""
        with self._lock:
            self._counts["captured"].add(self._clock(), 1)

    def painted(self) -> None:
        """A frame left the net."""
        with self._lock:
            self._counts["painted"].add(self._clock(), 1)

    def dropped(self, where: str, count: int = 1) -> None:
        """So many frames were thrown away there."""
        with self._lock:
            self._dropped.setdefault(where, _Count()).add(self._clock(), count)

    def stage(self, name: str, seconds: float) -> None:
        """One frame spent so long in a stage."""
        with self._lock:
            self._stages.setdefault(name, _Times()).add(self._clock(), seconds)

    def delivered(self, label: str, latency_seconds: float) -> None:
        """A sink has taken a frame, so long after its capture."""
        with self._lock:
            self._latencies.setdefault(label, _Times()).add(self._clock(), latency_seconds)

    def coded(self, latency_seconds: float) -> None:
        """A time code was read from a picture that is so old."""
        with self._lock:
            self._coded.add(self._clock(), latency_seconds)

    def now(self, seconds: float = RECENT_SECONDS) -> LiveFigures:
        """The last seconds, 5 at the most."""
        with self._lock:
            now = self._clock()
            span = max(0.0, min(seconds, RECENT_SECONDS, now - self._started))
            since = now - span
            figures = self._figures(span, lambda times: times.recent(since), lambda count: count.recent(since))
            captured_fps, painted_fps = (count.recent_rate(since, now) for count in self._counts.values())
            return replace(figures, captured_fps=captured_fps, painted_fps=painted_fps)

    def totals(self) -> LiveFigures:
        """The whole run."""
        with self._lock:
            span = self._clock() - self._started
            return self._figures(span, lambda times: times.all(), lambda count: count.total)

    def _figures(
        self, seconds: float, spread: Callable[["_Times"], Percentiles | None], total: Callable[["_Count"], int]
    ) -> LiveFigures:
        captured, painted = (total(count) for count in self._counts.values())
        return LiveFigures(
            seconds,
            captured,
            painted,
            captured / seconds if seconds > 0 else 0.0,
            painted / seconds if seconds > 0 else 0.0,
            {name: found for name, times in self._stages.items() if (found := spread(times))},
            {label: found for label, times in self._latencies.items() if (found := spread(times))},
            spread(self._coded),
            {where: lost for where, count in self._dropped.items() if (lost := total(count))},
        )


class _Count:
    """How often something happened."""

    def __init__(self) -> None:
        self.total = 0
        self._recent: deque[tuple[float, int]] = deque(maxlen=MOST_RECENT)

    def add(self, now: float, count: int) -> None:
        self.total += count
        self._recent.append((now, count))
        _forget(self._recent, now - RECENT_SECONDS)

    def recent(self, since: float) -> int:
        return sum(count for at, count in self._recent if at >= since)

    def recent_rate(self, since: float, now: float) -> float:
        """How many a second, from one event to another: counting those of a short time would be off by one of them.
        A pause that is longer than usual counts as soon as it is."""
        first = next((index for index, (at, _) in enumerate(self._recent) if at >= since), None)
        if first is None:
            return 0.0
        first = max(0, first - 1)
        count = len(self._recent) - 1 - first
        begun, ended = self._recent[first][0], self._recent[-1][0]
        if now - ended > 1.5 * (ended - begun) / max(1, count):
            ended = now
        return count / (ended - begun) if ended > begun else 0.0


class _Times:
    """How long something took, each time."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, float]] = deque(maxlen=MOST_RECENT)
        self._bins: Counter[int] = Counter()
        self._count = 0
        self._last: float | None = None
        self._differences = 0.0
        self._most = -math.inf

    def add(self, now: float, seconds: float) -> None:
        self._recent.append((now, seconds))
        _forget(self._recent, now - RECENT_SECONDS)
        self._bins[_bin_of(seconds)] += 1
        self._count += 1
        self._differences += 0.0 if self._last is None else abs(seconds - self._last)
        self._last = seconds
        self._most = max(self._most, seconds)

    def recent(self, since: float) -> Percentiles | None:
        values = [seconds for at, seconds in self._recent if at >= since]
        if not values:
            return None
        ranked = sorted(values)
        p50, p95, p99 = (1e3 * _interpolated(ranked, share) for share in (0.50, 0.95, 0.99))
        differences = sum(abs(after - before) for before, after in pairwise(values))
        jitter = 1e3 * differences / max(1, len(values) - 1)
        return Percentiles(len(values), p50, p95, p99, jitter, 1e3 * ranked[-1])

    def all(self) -> Percentiles | None:
        if not self._count:
            return None
        p50, p95, p99 = (1e3 * min(self._most, self._at(share)) for share in (0.50, 0.95, 0.99))
        jitter = 1e3 * self._differences / max(1, self._count - 1)
        return Percentiles(self._count, p50, p95, p99, jitter, 1e3 * self._most)

    def _at(self, share: float) -> float:
        """The middle of the bin that holds this share of the values, in seconds."""
        rank = share * (self._count - 1)
        below = 0
        for number, count in sorted(self._bins.items()):
            below += count
            if below > rank:
                return SHORTEST_SECONDS * math.exp((number + 0.5) * BIN_GROWTH)
        return self._most


def _bin_of(seconds: float) -> int:
    return int(math.log(max(seconds, SHORTEST_SECONDS) / SHORTEST_SECONDS) / BIN_GROWTH)


def _forget(recent: "deque[tuple[float, Any]]", before: float) -> None:
    """All but the last of what lies before."""
    while len(recent) > 1 and recent[1][0] < before:
        recent.popleft()


def _interpolated(ranked: list[float], share: float) -> float:
    """Linear between the two neighbours of the rank, as numpy.percentile."""
    rank = share * (len(ranked) - 1)
    low = int(rank)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (rank - low) * (ranked[high] - ranked[low])


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return round(value, 3) if isinstance(value, float) else value
