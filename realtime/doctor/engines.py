"""Each backend: whether it can run here, in which precisions, and why not."""

from collections.abc import Callable

from engines.registry import probe
from engines.spec import BackendState
from realtime.doctor.finding import Finding, State, missing


def look_at_engine(name: str, _report: Callable[[str], None]) -> list[Finding]:
    """What the backend of that name says."""
    return [of_state(probe(name))]


def of_state(state: BackendState) -> Finding:
    """A backend that cannot run is no fault by itself: most machines have what only some of them need."""
    if not state.available:
        return missing(state.name, state.reason or "cannot run here and does not say why")
    on_request = f", and {', '.join(state.on_request)} on request" if state.on_request else ""
    text = f"{state.version} on {state.device}: {', '.join(state.precisions)}{on_request}"
    facts = {
        "version": state.version,
        "precisions": list(state.precisions),
        "on_request": list(state.on_request),
        "device": state.device,
    }
    return Finding(state.name, State.YES, text, facts=facts)
