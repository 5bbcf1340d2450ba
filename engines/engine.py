"""`load_engine`: from a style file to what repaints frames of one size, checked, and kept for the next start."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engines.cache import CacheEntry, DamagedEntryError, EngineCache, default_cache_folder
from engines.errors import EngineRefused, ImpastoError
from engines.registry import backend_names, open_backend, probe
from engines.spec import (
    LEAST_SIZE_PX,
    PRECISIONS,
    Backend,
    BackendState,
    Controls,
    Engine,
    EngineSpec,
    GateReport,
    one_line,
)
from engines.style import StyleFile

if TYPE_CHECKING:
    from engines.verify import GoldenPictures

__all__ = [
    "BackendState",
    "Controls",
    "Engine",
    "EngineSpec",
    "GateReport",
    "load_engine",
    "probe_backends",
    "restore_engine",
]

AUTO = "auto"
# Raise it when the gate or the way engines are built changes, so that older entries of the cache are not found.
CACHE_FORMAT = "1"

Report = Callable[[str], None]
Opened = TypeVar("Opened", bound=Engine | None)
logger = logging.getLogger("impasto")


def load_engine(
    style: StyleFile,
    *,
    height: int,
    width: int,
    backend: str = AUTO,
    precision: str = AUTO,
    requests: int = 1,
    threads: int = 0,
    strict: bool = False,
    cache_dir: Path | None = None,
    report: Report = logger.info,
) -> Engine:
    """The first engine, fastest first, that can run here and passes the gate; closed by the caller.

    `requests` is how many frames may be in the engine at once, `threads` how many cores it uses (0: all). What was
    taken and what was passed over goes to `report`, a line at a time. With `strict` the first refusal is raised instead
    of trying the next precision or backend. ImpastoError where the size or a name is wrong, EngineRefused where nothing
    is left to try; the reasons are in the message.
    """
    cache = EngineCache(cache_dir or default_cache_folder())

    def open_engine(state: BackendState, spec: EngineSpec) -> Engine:
        restored = _restore(style, state, spec, cache, report)
        return restored if restored is not None else _build(style, state, spec, cache, report)

    request = _Request(backend, precision, (height, width), (requests, threads), strict)
    return _first(style, request, open_engine, report)


def restore_engine(
    style: StyleFile,
    *,
    height: int,
    width: int,
    backend: str = AUTO,
    precision: str = AUTO,
    requests: int = 1,
    threads: int = 0,
    strict: bool = False,
    cache_dir: Path | None = None,
    report: Report = logger.info,
) -> Engine | None:
    """The engine that `load_engine` would give, where it need only be taken from the cache; else None.

    That takes a fraction of a second, for nothing is compiled and nothing checked anew. The settings and errors are
    those of `load_engine`; `report` hears nothing where the answer is None.
    """
    cache = EngineCache(cache_dir or default_cache_folder())
    lines: list[str] = []

    def open_engine(state: BackendState, spec: EngineSpec) -> Engine | None:
        return _restore(style, state, spec, cache, lines.append)

    request = _Request(backend, precision, (height, width), (requests, threads), strict)
    engine = _first(style, request, open_engine, lines.append)
    for line in lines if engine is not None else ():
        report(line)
    return engine


def probe_backends() -> list[BackendState]:
    """What every backend says about this machine, in the order in which `auto` tries them."""
    return [probe(name) for name in backend_names()]


@dataclass(frozen=True, slots=True)
class _Request:
    """What an engine is wanted for: `size` is (height, width), `load` (requests, threads)."""

    backend: str
    precision: str
    size: tuple[int, int]
    load: tuple[int, int]
    strict: bool


def _first(
    style: StyleFile,
    request: _Request,
    open_engine: Callable[[BackendState, EngineSpec], Opened],
    report: Report,
) -> Opened:
    """What `open_engine` makes of the first candidate that it does not refuse."""
    _check_request(request)
    reasons: list[str] = []
    for state, spec in _candidates(request, reasons):
        try:
            engine = open_engine(state, spec)
        except EngineRefused as error:
            if request.strict:
                raise
            reasons.append(str(error))
            report(f"refused: {error}")
            continue
        if engine is not None:
            _report_choice(engine, reasons, report)
        return engine
    raise EngineRefused(f"no engine can run {style.path.name} here: {'; '.join(reasons)}")


def _check_request(request: _Request) -> None:
    height, width = request.size
    if min(height, width) < LEAST_SIZE_PX:
        raise ImpastoError(
            f"the picture has {width}x{height} pixels and the nets need {LEAST_SIZE_PX}x{LEAST_SIZE_PX} at least; "
            "enlarge it first, or choose a larger --height"
        )
    if request.backend != AUTO:
        open_backend(request.backend)
    if request.precision not in (AUTO, *PRECISIONS):
        raise ImpastoError(
            f"there is no precision {request.precision!r}; choose auto or one of {', '.join(PRECISIONS)}"
        )
    if request.load[0] < 1:
        raise ImpastoError(f"requests is {request.load[0]}; at least one frame must be in the engine at once")


def _candidates(request: _Request, reasons: list[str]) -> Iterator[tuple[BackendState, EngineSpec]]:
    """What to try, in order, each backend asked when its turn comes; what cannot be tried is added to `reasons`."""
    precision = request.precision
    for name in backend_names() if request.backend == AUTO else (request.backend,):
        state = probe(name)
        if not state.available:
            reasons.append(f"{name}: {state.reason}")
        elif precision != AUTO and precision not in state.precisions:
            reasons.append(f"{name} has no {precision} on this {state.device}, only {', '.join(state.precisions)}")
        else:
            for chosen in state.precisions if precision == AUTO else (precision,):
                yield state, EngineSpec(name, chosen, *request.size, state.device, state.version, *request.load)


def _restore(
    style: StyleFile, state: BackendState, spec: EngineSpec, cache: EngineCache, report: Report
) -> Engine | None:
    """The engine from the cache; None where it has to be built, EngineRefused where it was found wrong before."""
    fields = _cache_fields(style, state, spec)
    entry = _load_entry(cache, fields, report)
    if entry is None:
        return None
    if not entry.gate.passed:
        raise _refusal(spec, entry.gate, f" (found before; delete {cache.path_of(fields)} to check again)")
    try:
        engine = open_backend(spec.backend).restore(entry.blob, style, spec)
    except EngineRefused as error:
        report(f"the compiled engine in the cache cannot be used and is built again: {error}")
        return None
    engine.gate = entry.gate
    return engine


def _build(style: StyleFile, state: BackendState, spec: EngineSpec, cache: EngineCache, report: Report) -> Engine:
    """Compiles the engine and lets it through the gate; the verdict is stored either way."""
    from engines.verify import paint_golden_pictures

    report(f"preparing {spec}; the next start will be faster")
    golden = paint_golden_pictures(style, spec)
    backend = open_backend(spec.backend)
    engine = backend.build(style, spec)
    try:
        engine.gate, blob = _check(backend, engine, golden)
        _store_entry(cache, _cache_fields(style, state, spec), CacheEntry(blob, engine.gate), report)
        if not engine.gate.passed:
            raise _refusal(spec, engine.gate)
    except BaseException:
        engine.close()
        raise
    return engine


def _check(backend: Backend, engine: Engine, golden: "GoldenPictures") -> tuple[GateReport, bytes]:
    """The verdict, and what the cache keeps of an engine that passed."""
    from engines.verify import verify

    try:
        gate = verify(engine, golden)
        return gate, backend.dump(engine) if gate.passed else b""
    except Exception as error:  # runtimes fail in every possible way; not a verdict: it may be for want of memory
        raise EngineRefused(f"{engine.spec} failed while it was checked ({one_line(error)})") from error


def _refusal(spec: EngineSpec, gate: GateReport, addition: str = "") -> EngineRefused:
    from engines.verify import refusal

    return EngineRefused(f"{refusal(spec, gate)}{addition}")


def _cache_fields(style: StyleFile, state: BackendState, spec: EngineSpec) -> dict[str, str]:
    """All that a compiled engine and the verdict on it depend on."""
    return {
        "format": CACHE_FORMAT,
        "style": style.sha256,
        "backend": f"{spec.backend} {spec.version}",
        "device": f"{spec.device} {state.hardware}",
        "precision": spec.precision,
        "size": f"{spec.width}x{spec.height}",
        "load": f"{spec.requests} requests, {spec.threads} threads",
    }


def _load_entry(cache: EngineCache, fields: dict[str, str], report: Report) -> CacheEntry | None:
    try:
        return cache.load(fields)
    except DamagedEntryError as error:
        report(f"the engine in the cache is damaged and is built again: {error}")
    except OSError as error:
        report(f"the engine cache {cache.folder} cannot be read ({one_line(error)})")
    return None


def _store_entry(cache: EngineCache, fields: dict[str, str], entry: CacheEntry, report: Report) -> None:
    try:
        cache.store(fields, entry)
    except OSError as error:
        report(f"the engine cannot be kept in {cache.folder} ({one_line(error)}); the next start will be as slow")


def _report_choice(engine: Engine, reasons: list[str], report: Report) -> None:
    gate = engine.gate
    agreement = f"; {gate.psnr_db:.1f} dB from {gate.reference}" if gate else ""
    report(f"engine: {engine.spec}{agreement}")
    for reason in reasons:
        report(f"passed over: {reason}")
