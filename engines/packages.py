"""How openvino, nncf and onnxruntime are imported, and what other packages bring as entry points.

The imports go without what those packages tell to a server, and without what nobody here needs.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from engines.errors import EngineRefused, NotInstalled
from engines.failures import failure_as
from engines.stop_signals import signals_later

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# The model converter reports its import to a server and takes half the time of it.
CONVERTER = "openvino.tools.ovc"
# nncf sends what it is used for, where it finds the means.
TELEMETRY = "openvino_telemetry"
# It would import torch, which takes seconds, only to see that an OpenVINO model is none of torch's.
TORCH = "torch"
# Since 1.31 the import alone makes a number for this device in the user's cache folder; that is too late for a call.
TELEMETRY_VARIABLE = "ORT_DISABLE_TELEMETRY"
FATAL_ONLY = 4


def import_openvino() -> Any:
    """The openvino package without its model converter."""
    if "openvino" in sys.modules:
        import openvino
    else:
        with signals_later(), _hidden(CONVERTER):
            import openvino
    return openvino


def import_nncf() -> Any:
    """The nncf package, which quantises, made to keep silent; EngineRefused where it is not installed."""
    import_openvino()
    loggers = logging.getLoggerClass()
    told = "int8 needs nncf, which cannot be imported ({}); pip install 'impasto[int8]'"
    try:
        with failure_as(EngineRefused, told.format, ImportError), signals_later(), _hidden(TELEMETRY, TORCH):
            import nncf
    finally:
        logging.setLoggerClass(loggers)  # it puts its own class in place
    logging.getLogger("nncf").setLevel(logging.ERROR)  # its set_log_level would change every handler there too
    return nncf


@contextmanager
def needing_extra(extra: str, what: str) -> Iterator[None]:
    """Around imports: NotInstalled, for `what` needs it, where a package of the extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise NotInstalled(f"{what} needs {error.name}; install it with: pip install 'impasto[{extra}]'") from error


@contextmanager
def quiet_nncf() -> Iterator[None]:
    """Keeps the progress bars of nncf, which rich draws on its global console, off the standard output; and torch away.

    Where torch is not loaded yet, no other thread can import it meanwhile.
    """
    import rich

    console = rich.get_console()
    before, console.quiet = console.quiet, True
    try:
        with _hidden(TORCH):
            yield
    finally:
        console.quiet = before


def import_onnxruntime() -> Any:
    """The package, made to keep silent: no telemetry, and nothing about providers that do not load.

    ImportError where it is not installed. Whoever set the variable himself is obeyed.
    """
    os.environ.setdefault(TELEMETRY_VARIABLE, "1")
    with signals_later():
        import onnxruntime

    onnxruntime.disable_telemetry_events()
    onnxruntime.set_default_logger_severity(FATAL_ONLY)
    return onnxruntime


def occasional_session(data: bytes) -> Any:
    """ONNX Runtime's session of a graph on the CPU that is run now and then.

    Its threads do not wait busily between two runs, which would take the cores from what runs meanwhile.
    """
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def installed_version(package: str) -> str:
    """By its metadata, without importing it; "" where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def plugins(group: str) -> "dict[str, EntryPoint]":
    """Entry points of the group by name, not loaded yet; the first package on the path wins a name."""
    return dict(_scan(group, tuple(sys.path)))


def names_of(ours: Mapping[str, str], group: str) -> Iterator[str]:
    """What is there by name: ours in their order, then what other packages bring, looked at only after ours."""
    yield from ours
    yield from (name for name in plugins(group) if name not in ours)


@dataclass(frozen=True, slots=True)
class Place:
    """`module:attribute` of ours: as an EntryPoint, whose module takes tens of milliseconds to load."""

    value: str

    def load(self) -> Any:
        module, _, attribute = self.value.partition(":")
        return getattr(import_module(module), attribute)


def find_place(name: str, ours: Mapping[str, str], group: str) -> "Place | EntryPoint | None":
    """Where that is to be loaded from, ours before another package's; None where there is none."""
    return Place(ours[name]) if name in ours else plugins(group).get(name)


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Makes importing these modules fail, for as long as it lasts; those that are loaded already stay."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None makes an import fail
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


@lru_cache(maxsize=8)
def _scan(group: str, path: tuple[str, ...]) -> "tuple[tuple[str, EntryPoint], ...]":
    """Reading every package's metadata takes tens of milliseconds: once for each state of sys.path is enough."""
    from importlib.metadata import entry_points  # not for --help: it loads the email package

    found: dict[str, EntryPoint] = {}
    for entry_point in entry_points(group=group):
        found.setdefault(entry_point.name, entry_point)
    return tuple(found.items())
