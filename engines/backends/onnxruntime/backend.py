"""ONNX Runtime on the CPU, and on a GPU where the installed build has a provider for it; `impasto[onnxruntime]`.

They are two backends, because "auto" tries a GPU before OpenVINO and the CPU after it. Which of its providers runs on
the GPU is part of the engine's device, and so of its name in the cache.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from engines.backends.onnxruntime.providers import (
    CPU,
    Load,
    Provider,
    gpu_hardware,
    open_session,
    provider_on_gpu,
    shares,
)
from engines.backends.request_slots import RequestSlots
from engines.cache.user_key import OTHERS, is_ours
from engines.errors import EngineRefused
from engines.packages import import_onnxruntime
from engines.protocols import BackendState, BuildAids, Engine, check_frame, check_style, resized_spec
from engines.spec import Controls, EngineSpec, GateReport
from engines.style.card import StyleCard
from engines.style.state import CarriedState
from engines.style.styles import StyleFile

KEPT_IN = "onnxruntime"  # a folder in that of the cache, for what a provider compiled
NOT_INSTALLED = "onnxruntime is not installed; pip install 'impasto[onnxruntime]'"
NO_PROVIDER = "the installed ONNX Runtime is built for the CPU alone; install the build for this GPU in its place"


class OnnxRuntimeEngine:
    """One session or several, in which up to `spec.requests` frames may be at once."""

    def __init__(self, sessions: Sequence[Any], spec: EngineSpec, card: StyleCard, kept: bytes = b"") -> None:
        """`kept` is what `restore` needs to know of where the provider keeps what it compiled."""
        self.spec = spec
        self.carries_state = bool(card.state)
        self.gate: GateReport | None = None
        self.kept = kept
        self._sessions = tuple(sessions)
        self._card = card
        self._state = CarriedState(card.state, spec.height, spec.width)
        self._slots: RequestSlots[Any] = RequestSlots(islice(cycle(self._sessions), spec.requests))

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        batch = check_frame(frame, self.spec)
        check_style(controls, self._card.style_size)
        with self._slots.taken() as session:
            outputs = self._state.outputs
            found: list[np.ndarray] = session.run(
                ["stylized", *outputs], controls.graph_inputs(batch) | self._state.values
            )
            self._state.feed_back(dict(zip(outputs, found[1:], strict=True)))
        stylized: np.ndarray = found[0][0]
        return stylized

    def reset(self) -> None:
        """As a StatefulEngine does."""
        with self._slots.taken():
            self._state.reset()

    def resized(self, height: int, width: int) -> "OnnxRuntimeEngine":
        """An engine of another size from the same sessions; closed by the caller, like this one.

        ValueError where the size is outside `spec.size_range`, or this engine has none or is closed.
        """
        sessions = self._sessions
        spec = resized_spec(self.spec, height, width, closed=not sessions)
        return OnnxRuntimeEngine(sessions, spec, self._card)

    def close(self) -> None:
        """Waits for frames that are in the net, then lets go of it; later calls are ValueErrors."""
        self._slots.close()
        self._sessions = ()


class _Backend(ABC):
    """What both have in common: sessions are made in no time, and nothing but the verdict on them is kept."""

    def build(self, style: StyleFile, spec: EngineSpec, aids: BuildAids) -> Engine:
        return self._open(style, spec, aids.folder / KEPT_IN)

    def dump(self, engine: Engine) -> bytes:
        return engine.kept if isinstance(engine, OnnxRuntimeEngine) else b""

    def restore(self, blob: bytes, style: StyleFile, spec: EngineSpec) -> Engine:
        return self._open(style, spec, Path(os.fsdecode(blob)) if blob else None)

    def _open(self, style: StyleFile, spec: EngineSpec, folder: Path | None) -> Engine:
        provider = self._provider(spec)
        folder = _made(folder) if provider.caches and folder is not None else None
        loads = shares(spec) if provider is CPU else _one_core(spec, provider)
        sessions = [open_session(style, spec, provider, load, folder) for load in loads]
        return OnnxRuntimeEngine(sessions, spec, style.card, os.fsencode(folder) if folder else b"")

    @abstractmethod
    def _provider(self, spec: EngineSpec) -> Provider:
        """What runs the engine; EngineRefused where it is not there."""


class OnnxRuntimeBackend(_Backend):
    """On the CPU: slower than OpenVINO on the processors we measured, but at home on more of them."""

    name = "onnxruntime"

    def probe(self) -> BackendState:
        try:
            version = import_onnxruntime().__version__
        except ImportError:
            return BackendState(self.name, False, NOT_INSTALLED)
        return BackendState(
            self.name, True, version=version, precisions=("fp32",), size_ranges=True, carries_state=True
        )

    def _provider(self, spec: EngineSpec) -> Provider:
        return CPU


class OnnxRuntimeGpuBackend(_Backend):
    """On a GPU, by the fastest provider that works here: TensorRT, CUDA, MIGraphX, DirectML, CoreML or OpenVINO."""

    name = "onnxruntime-gpu"

    def probe(self) -> BackendState:
        """A build for the CPU alone is not even imported: "auto" asks this at every start."""
        if find_spec("onnxruntime") is None:
            return BackendState(self.name, False, NOT_INSTALLED)
        found = provider_on_gpu()
        if found.provider is None:
            return BackendState(self.name, False, "; ".join(found.reasons) or NO_PROVIDER)
        return BackendState(
            self.name,
            True,
            version=import_onnxruntime().__version__,
            precisions=tuple(found.provider.settings),
            device=found.provider.device,
            hardware=gpu_hardware(),
            carries_state=True,
        )

    def _provider(self, spec: EngineSpec) -> Provider:
        found = provider_on_gpu()
        if found.provider is None or found.provider.device != spec.device:
            raise EngineRefused(f"{spec} cannot be opened: {'; '.join(found.reasons) or NO_PROVIDER}")
        return found.provider


def _made(folder: Path) -> Path | None:
    """The folder, closed to others, for what lies in it is code; None where it cannot be had, and nothing is kept."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if is_ours(folder.lstat(), forbidden=OTHERS) else None
    return None


def _one_core(spec: EngineSpec, provider: Provider) -> list[Load]:
    """The GPU works, and a core hands it the frames; a session for each request where they cannot share one."""
    load = Load(tuple(range(spec.threads or 1)), spinning=False)
    return [load] * (1 if provider.concurrent else spec.requests)
