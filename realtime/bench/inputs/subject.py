"""What is measured: one style at one size on one engine in one precision, with its clip and its engines.

The engines are open only while it has its turn. The one with several requests is built in a cache folder of its own, so
that the time of a cold build is known, with nothing in it that was kept of another size. The one with a single request,
which only the row "net only" needs, comes from the user's cache where it is there, unless the net has random weights,
for nobody will want that engine again, or is calibrated, for the user's may be calibrated on another clip. A quick run,
which tells no time of a build, takes all its engines from there.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from engines.loading.engine import Controls, Engine, EngineChoice
from engines.names import CALIBRATED
from engines.networks.transform.config import PRESETS
from engines.style.styles import SUFFIX, StyleFile
from realtime.bench.inputs.clips import FirstFrames, clip_of
from realtime.bench.inputs.random_net import write_random_style
from realtime.bench.options import BenchOptions
from realtime.frames.frame import Frame
from realtime.painting.opening import engine_for
from realtime.painting.options import STEADY
from realtime.painting.picture_style import resolve
from realtime.painting.stylizer import Stylizer
from realtime.sources.file import FileSource

AUTO = "auto"
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Combination:
    """What was asked for. `style` is shown to people, `style_source` is what opens it; `size` is (width, height)."""

    style: str
    style_source: str
    size: tuple[int, int]
    engine: str
    precision: str

    def __str__(self) -> str:
        return f"{self.style} at {self.size_text}, {self.engine}, {self.precision}"

    @property
    def size_text(self) -> str:
        return f"{self.size[0]}x{self.size[1]}"

    def choice(self, options: BenchOptions, requests: int) -> EngineChoice:
        """A precision that was asked for by name is measured or refused: another in its place would mislead."""
        return EngineChoice(
            backend=self.engine,
            precision=self.precision,
            strict=self.precision != AUTO,
            requests=requests,
            threads=options.threads,
            mode=options.mode,
            verbose=options.verbose,
        )

    def as_dict(self) -> dict[str, Any]:
        return {"style": self.style, "size": self.size_text, "engine": self.engine, "precision": self.precision}


def combinations(options: BenchOptions, sizes: list[tuple[int, int]], folder: Path) -> list[Combination]:
    """All that the options ask for; nets with random weights are written into `folder`.

    ImpastoError or FileNotFoundError where there is no such style.
    """
    styles = {style: _opened(style, folder) for style in options.styles}
    found = product(styles.items(), sizes, options.engines, options.precisions)
    return [Combination(*shown, size, engine, precision) for (_, shown), size, engine, precision in found]


def _opened(style: str, folder: Path) -> tuple[str, str]:
    """(what is shown, what opens it): no folder's name is shown, for a person's own name may be in it."""
    if style in PRESETS:
        return f"{style} (random weights)", str(write_random_style(folder / f"{style}{SUFFIX}", style))
    resolve(style)  # a style that is not there ends the benchmark before it begins
    return Path(style).name, style


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """Where this run of the benchmark keeps its files: clips, what was painted, and the caches of cold builds."""

    options: BenchOptions
    folder: Path

    def engines_for(self, style: StyleFile, made: Combination) -> Path:
        """The cache folder of one combination, whichever style of the file; entries are signed as any are."""
        known = style.sha256, made.size_text, made.engine, made.precision
        return self.folder / "engines" / hashlib.sha256(" ".join(known).encode()).hexdigest()[:16]

    @property
    def painted(self) -> Path:
        return self.folder / "painted.mp4"


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A combination that is open. `stylizer` takes several frames at once, `single` one; `open_seconds` it took.

    The engine of `stylizer` lies in the cache folder `engines`; None is the user's own.
    """

    combination: Combination
    bench: Bench
    clip: Path
    style: StyleFile
    stylizer: Stylizer
    single: Stylizer
    open_seconds: float
    engines: Path | None

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
    own = bench.engines_for(style, combination)
    users = own if style.path.is_relative_to(bench.folder) else None
    cache = users if bench.options.quick else own
    engine = _engine(style, combination, bench, report, bench.options.requests, cache=cache)
    seconds = time.perf_counter() - started
    single = engine
    try:
        if bench.options.requests > 1:
            cache_of_single = own if combination.precision in CALIBRATED else users
            single = _engine(style, combination, bench, report, requests=1, cache=cache_of_single)
        both, one = (Stylizer(each, controls, STEADY, style=style) for each in (engine, single))
        yield Subject(combination, bench, clip, style, both, one, seconds, cache)
    finally:
        single.close()
        engine.close()


def _engine(
    style: StyleFile, combination: Combination, bench: Bench, report: Report, requests: int, *, cache: Path | None
) -> Engine:
    choice = combination.choice(bench.options, requests)
    return engine_for(style, combination.size, choice, cache_dir=cache, report=report)
