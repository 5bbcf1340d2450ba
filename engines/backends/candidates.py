"""Which engines to try for what a person asked, in which order, and what cannot be asked for at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from engines.backends.registry import backend_names, open_backend, probe
from engines.errors import BadValue, TooSmall
from engines.names import AUTO, CALIBRATED, LEAST_SIZE_PX, MODES, PRECISIONS
from engines.protocols import BackendState
from engines.spec import FLOOR_DB, EngineChoice, EngineSpec
from engines.style.styles import StyleFile


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Why something was not taken. Nobody expects what is for a GPU where there is none."""

    reason: str
    expected: bool = True


def check_size(size: tuple[int, int]) -> None:
    height, width = size
    if min(height, width) < LEAST_SIZE_PX:
        raise TooSmall(
            f"the picture has {width}x{height} pixels and the nets need {LEAST_SIZE_PX}x{LEAST_SIZE_PX} at least; "
            "enlarge it first, or choose a larger --height"
        )


def check_choice(choice: EngineChoice) -> None:
    if choice.backend != AUTO:
        open_backend(choice.backend)
    for what, value, known in (("precision", choice.precision, PRECISIONS), ("mode", choice.mode, MODES)):
        if value not in (AUTO, *known):
            raise BadValue(f"there is no {what} {value!r}; choose auto or one of {', '.join(known)}")
    if choice.requests < 1:
        raise BadValue(f"requests is {choice.requests}; at least one frame must be in the engine at once")


def candidates(
    style: StyleFile, size: tuple[int, int], choice: EngineChoice, passed_over: list[PassedOver]
) -> Iterator[tuple[BackendState, EngineSpec]]:
    """What to try, in order, each backend asked when its turn comes; what cannot be tried is added to `passed_over`.

    Where a precision was asked for, the backends that have it come first; then, if there was one, what keeps more. Each
    spec knows what was passed over before it, by whoever adds to that list.
    """
    for state, spec in _in_order(style, size, choice, passed_over):
        yield state, replace(spec, passed_over=tuple(each.reason for each in passed_over))


def _in_order(
    style: StyleFile, size: tuple[int, int], choice: EngineChoice, passed_over: list[PassedOver]
) -> Iterator[tuple[BackendState, EngineSpec]]:
    usable = []
    carried = bool(style.card.state)
    made = partial(spec_for, size=size, choice=choice, carries_state=carried)
    for name in backend_names() if choice.backend == AUTO else (choice.backend,):
        state = probe(name)
        if not state.available:
            passed_over.append(PassedOver(f"{name}: {state.reason}", expected=not state.no_such_gpu))
        elif choice.size_range is not None and not state.size_ranges:
            reason = f"{name} builds engines of one size alone, and not for {choice.size_range}"
            passed_over.append(PassedOver(reason))
        elif carried and not state.carries_state:
            reason = f"{name} paints every frame by itself, and this style carries {_names(style)} to the next"
            passed_over.append(PassedOver(reason))
        elif choice.precision == AUTO:
            for precision, ready in _ready(state, style).items():
                yield state, made(state, precision, ready=ready)
            yield from ((state, made(state, precision)) for precision in state.precisions)
        elif choice.precision in state.all_precisions:
            usable.append(state)
            ready = _ready(state, style).get(choice.precision, "")
            if not ready or state.makes_on_request:
                yield state, made(state, choice.precision)
            if ready:
                yield state, made(state, choice.precision, ready=ready)
        else:
            has = ", ".join(state.all_precisions)
            passed_over.append(PassedOver(f"{name} has no {choice.precision} on this {state.device}, only {has}"))
    for state in usable:
        for precision in state.precisions:
            if FLOOR_DB[precision] > FLOOR_DB[choice.precision]:
                yield state, made(state, precision)


def _ready(state: BackendState, style: StyleFile) -> Mapping[str, str]:
    """The checksums of what came along of this net, by precision; most backends have none, and a graph may be large."""
    return state.ready.get(style.graph_sha256, {}) if state.ready else {}


def spec_for(
    state: BackendState,
    precision: str,
    size: tuple[int, int],
    choice: EngineChoice,
    *,
    carries_state: bool = False,
    ready: str = "",
) -> EngineSpec:
    """What a backend builds for this choice; `size` is (height, width). One state means one frame at a time.

    With the checksum of a net that is `ready`, of that net, which is calibrated already.
    """
    requests = 1 if carries_state else choice.requests
    mode = choice.mode
    if mode == AUTO:
        mode = "latency" if requests == 1 else "throughput"
    calibrated = precision in CALIBRATED and choice.calibration is not None and not ready
    return EngineSpec(
        state.name, precision, *size, state.device, state.version, requests, choice.threads, choice.pinned, mode,
        choice.size_range, choice.calibration.sha256 if calibrated and choice.calibration else "", ready,
    )  # fmt: skip


def _names(style: StyleFile) -> str:
    return " and ".join(repr(each.name) for each in style.card.state)
