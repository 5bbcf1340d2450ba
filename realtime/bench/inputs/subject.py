"""What is measured: a combination with its clip and its engines, which are open only while it has its turn.

The engine with several requests is built in a cache folder of this run, so that the time of a cold build is known; the
one with a single request, which only the row "net only" needs, comes from the user's cache where it is there, unless
the net has random weights: nobody will want that engine again. A quick run, which tells no time of a build, takes all
its engines from there.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engines.loading.engine import Controls, Engine
from engines.style.styles import StyleFile
from realtime.bench.inputs.clips import clip_of
from realtime.bench.inputs.combination import Combination
from realtime.bench.inputs.first_frames import FirstFrames
from realtime.bench.options import BenchOptions
from realtime.frames.frame import Frame
from realtime.painting.opening import engine_for
from realtime.painting.options import STEADY
from realtime.painting.picture_style import resolve
from realtime.painting.stylizer import Stylizer
from realtime.sources.file import FileSource

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """Where this run of the benchmark keeps its files: clips, what was painted, and the cache of cold builds."""

    options: BenchOptions
    folder: Path

    @property
    def engines(self) -> Path:
        """The cache folder; its entries are signed with the user's own key, as any are."""
        return self.folder / "engines"

    @property
    def painted(self) -> Path:
        return self.folder / "painted.mp4"


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A combination that is open. `stylizer` takes several frames at once, `single` one; `open_seconds` it took."""

    combination: Combination
    bench: Bench
    clip: Path
    style: StyleFile
    stylizer: Stylizer
    single: Stylizer
    open_seconds: float

    @property
    def options(self) -> BenchOptions:
        return self.bench.options

    def source(self) -> FirstFrames:
        source = FileSource(self.clip, height=self.combination.size[1])
        return FirstFrames(source, self.options.frames, self.options.row_seconds)

    def frames(self, count: int) -> list[Frame]:
        """The first frames of the clip, decoded."""
        source = self.source()
        try:
            return [frame for _ in range(count) if (frame := source.read()) is not None]
        finally:
            source.close()


@contextmanager
def opened(combination: Combination, bench: Bench, report: Report) -> Iterator[Subject]:
    """The combination with its engines; EngineRefused or ImpastoError where it cannot run here."""
    style, name = resolve(combination.style_source)
    controls = Controls(style.vector(name))
    clip = clip_of(bench.options, combination.size, bench.folder)
    started = time.perf_counter()
    users = bench.engines if style.path.is_relative_to(bench.folder) else None  # None is the user's own
    cache = users if bench.options.quick else bench.engines
    engine = _engine(style, combination, bench, report, bench.options.requests, cache=cache)
    seconds = time.perf_counter() - started
    single = engine
    try:
        if bench.options.requests > 1:
            single = _engine(style, combination, bench, report, requests=1, cache=users)
        stylizers = Stylizer(engine, controls, STEADY), Stylizer(single, controls, STEADY)
        yield Subject(combination, bench, clip, style, *stylizers, seconds)
    finally:
        single.close()
        engine.close()


def _engine(
    style: StyleFile, combination: Combination, bench: Bench, report: Report, requests: int, *, cache: Path | None
) -> Engine:
    choice = combination.choice(bench.options, requests)
    return engine_for(style, combination.size, choice, cache_dir=cache, report=report)
