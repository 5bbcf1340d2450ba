"""Which engines to try for what a person asked, in which order, and what cannot be asked for at all."""

from collections.abc import Iterator

from engines.backends.registry import backend_names, open_backend, probe
from engines.errors import ImpastoError
from engines.names import AUTO, CALIBRATED, LEAST_SIZE_PX, MODES, PRECISIONS
from engines.spec import FLOOR_DB, BackendState, EngineChoice, EngineSpec


def check_size(size: tuple[int, int]) -> None:
    height, width = size
    if min(height, width) < LEAST_SIZE_PX:
        raise ImpastoError(
            f"the picture has {width}x{height} pixels and the nets need {LEAST_SIZE_PX}x{LEAST_SIZE_PX} at least; "
            "enlarge it first, or choose a larger --height"
        )


def check_choice(choice: EngineChoice) -> None:
    if choice.backend != AUTO:
        open_backend(choice.backend)
    for what, value, known in (("precision", choice.precision, PRECISIONS), ("mode", choice.mode, MODES)):
        if value not in (AUTO, *known):
            raise ImpastoError(f"there is no {what} {value!r}; choose auto or one of {', '.join(known)}")
    if choice.requests < 1:
        raise ImpastoError(f"requests is {choice.requests}; at least one frame must be in the engine at once")


def candidates(
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
        elif choice.size_range is not None and not state.size_ranges:
            reasons.append(f"{name} builds engines of one size alone, and not for {choice.size_range}")
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
