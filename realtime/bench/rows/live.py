"""The row "live": how old a painted picture is when a sink has it, and whether that keeps to the bound.

The built-in scene stamps the time of capture into each picture, and the null sink reads it back from the paint. A frame
waits for the net at most as long as the frame before it is painted, then for its own turn, and the frame interval
passes before a newer one can take its place: 2 T + 1 frame interval, and 10 ms for scaling, composing and handing over.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines.cache.folder import EngineCache, default_cache_folder
from engines.errors import ImpastoError
from engines.spec import EngineChoice
from realtime.bench.inputs.clips import SCENE_RATE
from realtime.bench.inputs.subject import Bench, Combination
from realtime.live.options import LiveOptions
from realtime.live.report import LiveReport
from realtime.live.run import run_live
from realtime.live.stats import Percentiles
from realtime.painting.opening import engine_for
from realtime.painting.options import FAST
from realtime.painting.picture_style import resolve

LIVE_SECONDS = 12.0
SINK = "null:"
HANDLING_MS = 10.0


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A live run of `seconds` on the built-in scene, its warm-up included; times in milliseconds.

    `style` and `engine` are told as in the tables, `size` and `paint_size` are (width, height). `coded_ms`
    is the latency from capture to sink as read from the pictures, `net_ms` the net's median.
    """

    style: str
    engine: str
    seconds: float
    painted_fps: float
    captured_fps: float
    net_ms: float
    coded_ms: Percentiles
    stage_ms: dict[str, Percentiles]
    dropped: dict[str, int]
    size: tuple[int, int]
    paint_size: tuple[int, int]

    @property
    def bound_ms(self) -> float:
        """What the 95th percentile of the latency is not to exceed."""
        return 2 * self.net_ms + 1e3 / float(SCENE_RATE) + HANDLING_MS

    @property
    def holds(self) -> bool:
        return self.coded_ms.p95 <= self.bound_ms

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "bound_ms": self.bound_ms, "holds": self.holds}

    def summary(self) -> str:
        """The row for people."""
        late, lost = self.coded_ms, sum(self.dropped.values())
        kept = "within" if self.holds else "above"
        return (
            f"Live, {self.style} on the built-in scene at {self.size[0]}x{self.size[1]}, {self.engine}: "
            f"{self.painted_fps:.1f} of {self.captured_fps:.1f} fps; from capture to sink {late.p50:.0f} ms "
            f"(p95 {late.p95:.0f}, p99 {late.p99:.0f}, jitter {late.jitter:.0f}), {lost} dropped; "
            f"p95 {kept} 2 T + 1 frame + {HANDLING_MS:.0f} ms = {self.bound_ms:.0f} ms."
        )


def measure_live(
    combination: Combination, bench: Bench, report: Callable[[str], None], seconds: float = LIVE_SECONDS
) -> LiveRow:
    """Paint the scene into nothing for so long; belongs on the main thread. ImpastoError where no code was read.

    The engine is opened before, so that the seconds are not spent on building it.
    """
    choice = EngineChoice(combination.engine, combination.precision, verbose=bench.options.verbose)
    asked = LiveOptions(
        style=combination.style_source,
        engine=choice.backend,
        precision=choice.precision,
        net=FAST,
        seconds=seconds,
        control=False,
        verbose=choice.verbose,
    )
    width, height = combination.size
    try:
        engine_for(resolve(combination.style_source)[0], combination.size, choice, report=report).close()
        ran = run_live(f"pattern:{width}x{height}@{SCENE_RATE}", [SINK], asked, report=report)
    finally:
        _forget_engines_of(bench.folder)
    return _row(ran, combination.style)


def _forget_engines_of(folder: Path) -> None:
    """A live run keeps its engines in the user's cache, and nobody will want those of nets with random weights."""
    cache = EngineCache(default_cache_folder())
    for entry in cache.entries():
        if entry.header is not None and Path(entry.header.origin.style_path).is_relative_to(folder.absolute()):
            cache.remove(entry)


def _row(report: LiveReport, style: str) -> LiveRow:
    figures, engine = report.figures, report.engine
    if figures.coded_ms is None or engine is None:
        raise ImpastoError(f"{figures.seconds:.0f} s are too short to measure the latency of a live run")
    return LiveRow(
        style,
        f"{engine.backend} {engine.version} {engine.precision}",
        figures.seconds,
        figures.painted_fps,
        figures.captured_fps,
        figures.stage_ms["net"].p50,
        figures.coded_ms,
        figures.stage_ms,
        figures.dropped,
        report.size,
        (engine.width, engine.height),
    )
