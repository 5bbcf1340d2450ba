"""`load_engine`: from a style file to what repaints frames of one size, checked, and kept for the next start."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engines.cache import CacheEntry, DamagedEntryError, EngineCache, default_cache_folder
from engines.errors import EngineRefused, ImpastoError
from engines.registry import backend_names, open_backend, probe
from engines.spec import (
    ANY_ENGINE,
    AUTO,
    CALIBRATED,
    FLOOR_DB,
    LEAST_SIZE_PX,
    MODES,
    PRECISIONS,
    Backend,
    BackendState,
    BuildAids,
    Calibration,
    Controls,
    Engine,
    EngineChoice,
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
    "EngineChoice",
    "EngineSpec",
    "GateReport",
    "load_engine",
    "probe_backends",
    "restore_engine",
]

# Raise it when the gate or the way engines are built changes, so that older entries of the cache are not found.
CACHE_FORMAT = "2"

Report = Callable[[str], None]
Opened = TypeVar("Opened", bound=Engine | None)
logger = logging.getLogger("impasto")


def load_engine(
    style: StyleFile,
    *,
    height: int,
    width: int,
    choice: EngineChoice = ANY_ENGINE,
    cache_dir: Path | None = None,
    report: Report = logger.info,
) -> Engine:
    """The first engine, fastest first, that can run here and passes the gate; closed by the caller.

    A precision that was asked for and is refused falls to the next that keeps more. What was taken and what was passed
    over goes to `report`, a line at a time. ImpastoError where the size or a name is wrong, EngineRefused where nothing
    is left to try; the reasons are in the message.
    """
    cache = EngineCache(cache_dir or default_cache_folder())

    def open_engine(state: BackendState, spec: EngineSpec) -> Engine:
        restored = _restore(style, state, spec, cache, report)
        if restored is not None:
            return restored
        return _build(style, state, spec, cache, choice.calibration, report)

    return _first(style, (height, width), choice, open_engine, report)


def restore_engine(
    style: StyleFile,
    *,
    height: int,
    width: int,
    choice: EngineChoice = ANY_ENGINE,
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

    engine = _first(style, (height, width), choice, open_engine, lines.append)
    for line in lines if engine is not None else ():
        report(line)
    return engine


def probe_backends() -> list[BackendState]:
    """What every backend says about this machine, in the order in which `auto` tries them."""
    return [probe(name) for name in backend_names()]


def _first(
    style: StyleFile,
    size: tuple[int, int],
    choice: EngineChoice,
    open_engine: Callable[[BackendState, EngineSpec], Opened],
    report: Report,
) -> Opened:
    """What `open_engine` makes of the first candidate that it does not refuse."""
    _check_size(size)
    _check_choice(choice)
    reasons: list[str] = []
    for state, spec in _candidates(size, choice, reasons):
        try:
            engine = open_engine(state, spec)
        except EngineRefused as error:
            if choice.strict:
                raise
            reasons.append(str(error))
            report(f"refused: {error}")
            continue
        if engine is not None:
            _report_choice(engine, reasons, report)
        return engine
    raise EngineRefused(f"no engine can run {style.path.name} here: {'; '.join(reasons)}")


def _check_size(size: tuple[int, int]) -> None:
    height, width = size
    if min(height, width) < LEAST_SIZE_PX:
        raise ImpastoError(
            f"the picture has {width}x{height} pixels and the nets need {LEAST_SIZE_PX}x{LEAST_SIZE_PX} at least; "
            "enlarge it first, or choose a larger --height"
        )


def _check_choice(choice: EngineChoice) -> None:
    if choice.backend != AUTO:
        open_backend(choice.backend)
    for what, value, known in (("precision", choice.precision, PRECISIONS), ("mode", choice.mode, MODES)):
        if value not in (AUTO, *known):
            raise ImpastoError(f"there is no {what} {value!r}; choose auto or one of {', '.join(known)}")
    if choice.requests < 1:
        raise ImpastoError(f"requests is {choice.requests}; at least one frame must be in the engine at once")


def _candidates(
    size: tuple[int, int], choice: EngineChoice, reasons: list[str]
) -> Iterator[tuple[BackendState, EngineSpec]]:
    """What to try, in order, each backend asked when its turn comes; what cannot be tried is added to `reasons`.

    Where a precision was asked for, the backends that have it come first; then, if there was one, what keeps more.
    """
    usable = []
    for name in backend_names() if choice.backend == AUTO else (choice.backend,):
        state = probe(name)
        if not state.available:
            reasons.append(f"{name}: {state.reason}")
        elif choice.precision == AUTO:
            yield from ((state, spec_for(state, precision, size, choice)) for precision in state.precisions)
        elif choice.precision in state.all_precisions:
            usable.append(state)
            yield state, spec_for(state, choice.precision, size, choice)
        else:
            has = ", ".join(state.all_precisions)
            reasons.append(f"{name} has no {choice.precision} on this {state.device}, only {has}")
    for state in usable:
        for precision in state.precisions:
            if FLOOR_DB[precision] > FLOOR_DB[choice.precision]:
                yield state, spec_for(state, precision, size, choice)


def spec_for(state: BackendState, precision: str, size: tuple[int, int], choice: EngineChoice) -> EngineSpec:
    """What a backend builds for this choice; `size` is (height, width)."""
    mode = choice.mode
    if mode == AUTO:
        mode = "latency" if choice.requests == 1 else "throughput"
    calibrated = precision in CALIBRATED and choice.calibration is not None
    return EngineSpec(
        state.name, precision, *size, state.device, state.version, choice.requests, choice.threads, choice.pinned, mode,
        choice.size_range, choice.calibration.sha256 if calibrated and choice.calibration else "",
    )  # fmt: skip


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


def _build(
    style: StyleFile,
    state: BackendState,
    spec: EngineSpec,
    cache: EngineCache,
    calibration: Calibration | None,
    report: Report,
) -> Engine:
    """Compiles the engine and lets it through the gate; the verdict is stored either way."""
    from engines.verify import paint_golden_pictures

    report(f"preparing {spec}; the next start will be faster")
    golden = paint_golden_pictures(style, spec)
    backend = open_backend(spec.backend)
    engine = backend.build(style, spec, BuildAids(cache.folder, calibration))
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
        "size": str(spec.size_range or f"{spec.width}x{spec.height}"),
        "load": f"{spec.requests} requests, {spec.threads} threads, pinned {spec.pinned}, {spec.mode}",
        "calibration": spec.calibration,
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
