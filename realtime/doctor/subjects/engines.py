"""Each backend: whether it can run here, in which precisions, and why not; and how fast it paints when it does."""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from engines.backends.registry import probe
from engines.errors import EngineRefused, in_one_line
from engines.gate.golden_cases import GOLDEN
from engines.loading.engine import load_engine
from engines.protocols import BackendState, Engine
from engines.spec import Controls, EngineChoice
from engines.style.styles import resolve
from realtime.doctor.finding import Finding, State, missing
from realtime.painting.options import StylizeOptions

WIDTH, HEIGHT = 640, 360
MEASURED_SECONDS = 5.0
WARM_UP_FRAMES = 3
LEAST_FRAMES = 2


Report = Callable[[str], None]


def look_at_engine(name: str, _report: Callable[[str], None]) -> list[Finding]:
    """What the backend of that name says."""
    return [of_state(probe(name))]


def of_state(state: BackendState) -> Finding:
    """A backend that cannot run is no fault by itself: most machines have what only some of them need."""
    if not state.available:
        return missing(state.name, state.reason or "cannot run here and does not say why")
    on_request = f", and {', '.join(state.on_request)} on request" if state.on_request else ""
    ready = sorted({precision for nets in state.ready.values() for precision in nets})
    came_along = f"; the gallery's net comes along in {', '.join(ready)}" if ready else ""
    text = f"{state.version} on {state.device}: {', '.join(state.precisions)}{on_request}{came_along}"
    facts = {
        "version": state.version,
        "precisions": list(state.precisions),
        "on_request": list(state.on_request),
        "ready": ready,
        "device": state.device,
    }
    return Finding(state.name, State.YES, text, facts=facts)


def measure_speed(backend: str, report: Report) -> list[Finding]:
    """The figures of the backend's best precision that passes the gate; what cannot be loaded is a finding too."""
    style, name = resolve(StylizeOptions().style)
    started = time.perf_counter()
    try:
        engine = load_engine(style, height=HEIGHT, width=WIDTH, choice=EngineChoice(backend=backend), report=report)
    except EngineRefused as error:
        return [Finding(backend, State.NO, in_one_line(error))]
    ready_seconds = time.perf_counter() - started
    try:
        report(f"measuring {backend} for {MEASURED_SECONDS:.0f} seconds")
        seconds = list(frame_times(engine, Controls(style.vector(name)), MEASURED_SECONDS))
    finally:
        engine.close()
    return [_finding(engine, seconds, ready_seconds)]


def frame_times(engine: Engine, controls: Controls, limit_seconds: float) -> Iterator[float]:
    """Seconds that each frame took, until the limit, two frames at least."""
    frame = GOLDEN.frame(GOLDEN.names[0], engine.spec.height, engine.spec.width)
    for _ in range(WARM_UP_FRAMES):
        engine(frame, controls)
    count, end = 0, time.perf_counter() + limit_seconds
    while count < LEAST_FRAMES or time.perf_counter() < end:
        started = time.perf_counter()
        engine(frame, controls)
        yield time.perf_counter() - started
        count += 1


def decibels(psnr_db: float) -> str:
    """`52.3 dB`; pictures that are equal have no end of it."""
    return f"{psnr_db:.1f} dB" if math.isfinite(psnr_db) else "no difference"


def _finding(engine: Engine, seconds: list[float], ready_seconds: float) -> Finding:
    spec, gate = engine.spec, engine.gate
    p50_ms = 1e3 * statistics.median(seconds)
    p95_ms = 1e3 * statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    fps = len(seconds) / sum(seconds)
    alike = f", {decibels(gate.psnr_db)} from the reference" if gate else ""
    facts: dict[str, Any] = {
        "precision": spec.precision,
        "size": [WIDTH, HEIGHT],
        "p50_ms": round(p50_ms, 2),
        "p95_ms": round(p95_ms, 2),
        "fps": round(fps, 2),
        "frames": len(seconds),
        "ready_seconds": round(ready_seconds, 2),
        "gate_psnr_db": gate.psnr_db if gate and math.isfinite(gate.psnr_db) else None,
        "gate_floor_db": gate.floor_db if gate else None,
    }
    return Finding(spec.backend, State.YES, f"{spec.precision}: {p50_ms:.1f} ms, {fps:.1f} fps{alike}", facts=facts)
