"""`load_engine`: from a style file to what repaints frames of one size, checked, and kept for the next start."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engines.backends.candidates import PassedOver, candidates, check_choice, check_size
from engines.backends.registry import backend_names, open_backend, probe
from engines.cache.entry import Origin
from engines.cache.fields import cache_fields
from engines.cache.folder import CacheEntry, EngineCache, EntryRefused, default_cache_folder
from engines.errors import EngineRefused, in_one_line
from engines.failures import any_failure_as, on_failure
from engines.names import AUTO, CALIBRATED
from engines.protocols import Backend, BackendState, BuildAids, Engine, begin_anew, carries_state
from engines.spec import ANY_ENGINE, Controls, EngineChoice, EngineSpec, GateReport
from engines.style.styles import StyleFile

if TYPE_CHECKING:
    from engines.gate.verify import GoldenPictures

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

Report = Callable[[str], None]
Progress = Callable[[str, float], None]
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
    progress: Progress = lambda stage, share: None,
) -> Engine:
    """The first engine, fastest first, that can run here and passes the gate; closed by the caller.

    A precision that was asked for and is refused falls to the next that keeps more. What was taken goes to `report`,
    then what was passed over, in one line, without engines for a GPU where there is none unless the choice is verbose;
    the engine's spec has all of it. `progress(stage, share)` is called during a build, share 0..1, and what it
    raises ends the build. ImpastoError where the size or a name is wrong, EngineRefused where nothing
    is left to try; the reasons are in the message.
    """
    cache = EngineCache(cache_dir or default_cache_folder())
    aids = BuildAids(cache.aids_folder, choice.calibration, progress, report)

    def open_engine(state: BackendState, spec: EngineSpec) -> Engine:
        restored = _restore(style, state, spec, cache, report)
        if restored is not None:
            return restored
        return _build(style, state, spec, cache, aids, report)

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
    check_size(size)
    check_choice(choice)
    passed_over: list[PassedOver] = []
    for state, spec in candidates(style, size, choice, passed_over):
        try:
            engine = open_engine(state, spec)
        except EngineRefused as error:
            if choice.strict and not (spec.ready and choice.precision == AUTO):  # nobody asked for that one
                raise
            passed_over.append(PassedOver(str(error)))
            report(f"refused: {error}")
            continue
        if engine is not None:
            begin_anew(engine)
            _report_choice(engine, [each for each in passed_over if each.expected or choice.verbose], report)
        return engine
    reasons = "; ".join(each.reason for each in passed_over)
    raise EngineRefused(f"no engine can run {style.path.name} here: {reasons}")


def _restore(
    style: StyleFile, state: BackendState, spec: EngineSpec, cache: EngineCache, report: Report
) -> Engine | None:
    """The engine from the cache; None where it has to be built, EngineRefused where it was found wrong before."""
    spec = _as_calibrated(style, state, spec, cache)
    fields = cache_fields(style, state, spec)
    entry = _load_entry(cache, fields, report)
    if entry is None:
        return None
    if not entry.gate.passed:
        _refuse_again(style, spec, entry.gate, report)
        return None
    try:
        engine = open_backend(spec.backend).restore(entry.blob, style, spec)
    except EngineRefused as error:
        report(f"the compiled engine in the cache cannot be used and is built again: {error}")
        return None
    engine.gate = entry.gate
    for remark in entry.origin.remarks:
        report(remark)
    return engine


def _as_calibrated(style: StyleFile, state: BackendState, spec: EngineSpec, cache: EngineCache) -> EngineSpec:
    """Where no calibration was asked for: the engine that somebody calibrated on a clip, the one used last."""
    if spec.precision not in CALIBRATED or spec.calibration or spec.ready:
        return spec
    wanted = cache_fields(style, state, spec)
    found = cache.find(lambda header: header.gate.passed and {**header.fields, "calibration": ""} == wanted)
    return next((replace(spec, calibration=header.fields["calibration"]) for header in found), spec)


def _refuse_again(style: StyleFile, spec: EngineSpec, gate: GateReport, report: Report) -> None:
    """EngineRefused as before, unless another reference judges now: then None, for the engine is to be built anew."""
    from engines.gate.reference import open_reference

    judge, _ = open_reference(style, spec)
    if judge == gate.reference:
        raise _refusal(spec, gate, " (found before; `impasto compile --prune` has it checked again)")
    report(f"{spec} was refused by {gate.reference}, and is checked again by {judge}")


def _build(
    style: StyleFile, state: BackendState, spec: EngineSpec, cache: EngineCache, aids: BuildAids, report: Report
) -> Engine:
    """Compiles the engine and lets it through the gate; the verdict is stored either way."""
    from engines.gate.verify import paint_golden_pictures

    report(f"preparing {spec}; the next start will be faster")
    started = time.perf_counter()
    with suppress(OSError):  # what cannot be kept is told when it is to be stored
        cache.claim_folder()
    aids.progress("painting the golden frames", 0)
    golden = paint_golden_pictures(style, spec)
    aids.progress("compiling", 0)
    backend, remarks = open_backend(spec.backend), list[str]()
    engine = backend.build(style, spec, replace(aids, report=remarks.append))
    _check_carries(engine, style)
    for remark in remarks:
        report(remark)
    with on_failure(engine.close):
        aids.progress("checking", 0)
        engine.gate, blob = _check(backend, engine, golden)
        seconds = time.perf_counter() - started
        origin = Origin(style.card.name, str(style.path.absolute()), time.time(), seconds, tuple(remarks))
        _store_entry(cache, cache_fields(style, state, spec), CacheEntry(blob, engine.gate, origin), report)
        if not engine.gate.passed:
            raise _refusal(spec, engine.gate)
    return engine


def _check_carries(engine: Engine, style: StyleFile) -> None:
    """EngineRefused, and closed, where a backend promised to carry state and the engine does not."""
    if style.card.state and not carries_state(engine):
        engine.close()
        raise EngineRefused(f"{engine.spec} carries nothing from frame to frame, and {style.path.name} does")


def _check(backend: Backend, engine: Engine, golden: "GoldenPictures") -> tuple[GateReport, bytes]:
    """The verdict, and what the cache keeps of an engine that passed."""
    from engines.gate.verify import verify

    def told(error: Exception) -> str:
        return f"{engine.spec} failed while it was checked ({in_one_line(error)})"

    with any_failure_as(EngineRefused, told):  # not a verdict: it may be for want of memory
        gate = verify(engine, golden)
        return gate, backend.dump(engine) if gate.passed else b""


def _refusal(spec: EngineSpec, gate: GateReport, addition: str = "") -> EngineRefused:
    from engines.gate.verify import refusal

    return EngineRefused(f"{refusal(spec, gate)}{addition}")


def _load_entry(cache: EngineCache, fields: dict[str, str], report: Report) -> CacheEntry | None:
    try:
        return cache.load(fields)
    except EntryRefused as error:
        report(f"the engine in the cache is refused and is built again: {error}")
    except OSError as error:
        report(f"the engine cache {cache.folder} cannot be read ({in_one_line(error)})")
    return None


def _store_entry(cache: EngineCache, fields: dict[str, str], entry: CacheEntry, report: Report) -> None:
    try:
        cache.store(fields, entry)
    except OSError as error:
        report(f"the engine cannot be kept in {cache.folder} ({in_one_line(error)}); the next start will be as slow")


def _report_choice(engine: Engine, passed_over: Sequence[PassedOver], report: Report) -> None:
    gate = engine.gate
    agreement = f"; {gate.psnr_db:.1f} dB from {gate.reference}" if gate else ""
    report(f"engine: {engine.spec}{agreement}")
    if passed_over:
        report(f"passed over: {' | '.join(each.reason for each in passed_over)}")
