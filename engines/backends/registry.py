"""Which backends there are, ours and those of other packages (entry points `impasto.backends`), and which can run."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from engines.backends.ours import FOR_GPUS_OF, OURS
from engines.errors import BadValue, ImpastoError, in_one_line
from engines.machine import NVIDIA, cpu_flags, cpu_model, may_have_gpu
from engines.names import AUTO
from engines.packages import find_place, names_of
from engines.protocols import CPU, Backend, BackendState

ENTRY_POINTS = "impasto.backends"


def backend_names() -> Iterator[str]:
    """Every backend's name in the order in which `auto` tries them; other packages are looked at only after ours."""
    return names_of(OURS, ENTRY_POINTS)


def open_backend(name: str) -> Backend:
    """The backend of that name; ImpastoError where there is none."""
    place = find_place(name, OURS, ENTRY_POINTS)
    if place is None:
        raise BadValue(f"there is no engine {name!r}; choose auto or one of {', '.join(backend_names())}")
    backend: Backend = place.load()()
    return backend


def probe(name: str) -> BackendState:
    """Whether the backend can run here; one that fails while it is asked cannot, and the failure is the reason."""
    try:
        state = open_backend(name).probe()
    except ImpastoError:
        raise
    except Exception as error:  # drivers and foreign packages fail in every possible way
        return BackendState(name, False, in_one_line(error))
    no_such_gpu = not state.available and name in FOR_GPUS_OF and not may_have_gpu(FOR_GPUS_OF[name])
    return replace(state, hardware=f"{state.hardware} {processor()}".strip(), no_such_gpu=no_such_gpu)


@cache
def fast_gpu_paints(name: str, precision: str) -> bool:
    """Whether an NVIDIA GPU is what paints by the backend of that name, or with auto by the first that can.

    Others may be part of a small processor. Asked once, since runtimes for GPUs take seconds to load.
    """
    if not may_have_gpu((NVIDIA,)):
        return False
    states = map(probe, backend_names() if name == AUTO else (name,))
    usable = (state for state in states if state.available and precision in (AUTO, *state.all_precisions))
    first = next(usable, None)
    return first is not None and first.device != CPU


@cache
def processor() -> str:
    """The processor's model, cores and features (hashed), on which compiled nets and their rounding depend."""
    features = hashlib.sha256(cpu_flags().encode()).hexdigest()[:8]
    return f"{cpu_model()}, {os.cpu_count()} cores, features {features}"
