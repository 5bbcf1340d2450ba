"""`impasto compile STYLE...`: engines built ahead, one after the other, each in a process that can be ended."""

import threading
import time
from collections.abc import Callable, Sequence

from engines.cache import EngineCache, StoredEntry, default_cache_folder
from engines.cache_fields import spec_fields
from engines.errors import ImpastoError
from engines.prepare import prepare_in_child
from engines.spec import EngineSpec
from realtime.compiling.builds import Build
from realtime.compiling.report import CompiledEngine, CompileReport

Stage = Callable[[str, str, float], None]


def compile_engines(
    builds: Sequence[Build],
    *,
    report: Callable[[str], None] = lambda line: None,
    progress: Stage = lambda build, stage, share: None,
    stop: threading.Event | None = None,
) -> CompileReport:
    """Build every engine, past the gate and into the cache; one that fails does not end the others.

    `report` gets a line now and then, each once, `progress(build, stage, share)` what is being done, share 0..1.
    Setting `stop` ends a build within half a second and leaves nothing half written.
    """
    stop = stop or threading.Event()
    report = _once_each(report)
    cache = EngineCache(default_cache_folder())
    done: list[CompiledEngine] = []
    for number, build in enumerate(builds, start=1):
        label = f"{number}/{len(builds)} {build}"
        engine = None if stop.is_set() else _compile(build, label, cache, report, progress, stop)
        if engine is None:
            return CompileReport(tuple(done), cache.folder, interrupted=True)
        done.append(engine)
    return CompileReport(tuple(done), cache.folder)


def _once_each(report: Callable[[str], None]) -> Callable[[str], None]:
    """Builds of one style for `live` and for `video` have nearly all to tell in common."""
    told = set[str]()

    def tell(line: str) -> None:
        if line not in told:
            told.add(line)
            report(line)

    return tell


def _compile(
    build: Build, label: str, cache: EngineCache, report: Callable[[str], None], progress: Stage, stop: threading.Event
) -> CompiledEngine | None:
    """One engine; None where it was interrupted."""
    began_at = time.time()
    progress(label, "starting", 0)
    try:
        spec = prepare_in_child(
            build.file,
            height=build.height,
            width=build.width,
            choice=build.choice,
            cache_dir=cache.folder,
            on_line=report,
            on_progress=lambda stage, share: progress(label, stage, share),
            cancelled=stop,
        )
    except ImpastoError as error:
        return CompiledEngine(build, problem=str(error))
    return None if spec is None else _found(build, spec, cache, began_at)


def _found(build: Build, spec: EngineSpec, cache: EngineCache, began_at: float) -> CompiledEngine:
    """What the child has left in the cache."""
    entry = next((entry for entry in cache.entries() if _is_of(entry, build, spec)), None)
    if entry is None or entry.header is None:
        return CompiledEngine(build, problem=f"the engine could not be kept in {cache.folder}")
    return CompiledEngine(build, spec, entry, built=entry.header.origin.built_at >= began_at)


def _is_of(entry: StoredEntry, build: Build, spec: EngineSpec) -> bool:
    return entry.header is not None and spec_fields(build.file.sha256, spec).items() <= entry.header.fields.items()
