"""Backends as other packages add them, for what ours never do: die and hang in a process that builds an engine."""

import os
import select
from pathlib import Path

import pytest

DYING = """
import sys
from engines.backends.torch_eager import TorchBackend

class Backend(TorchBackend):
    name = "dying"

    def build(self, style, spec, aids):
        print("no kernel for this net", file=sys.stderr, flush=True)
        sys.exit(7)
"""

HANGING = """
import os, signal, subprocess, threading
from engines.backends.torch_eager import TorchBackend

class Backend(TorchBackend):
    name = "hanging"

    def build(self, style, spec, aids):
        if "STUBBORN" in os.environ:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open(os.environ["BUILDING"], "w") as pipe:
            if "WORKERS" in os.environ:
                subprocess.Popen(["sleep", "120"], pass_fds=[pipe.fileno()])
            print(os.getpid(), file=pipe, flush=True)
            threading.Event().wait()
"""

ADJUSTABLE = """
import os
from dataclasses import replace
import onnxruntime
from engines.errors import EngineRefused
from engines.protocols import BackendState, check_frame

class Engine:
    gate = None

    def __init__(self, style, spec):
        self.spec, self._style = spec, style
        alone = onnxruntime.SessionOptions()
        alone.intra_op_num_threads = 1  # several would spin, each for the next to be given a core
        self._session = onnxruntime.InferenceSession(style.data, alone, providers=["CPUExecutionProvider"])

    def __call__(self, frame, controls):
        if self._session is None:
            raise ValueError("the engine is closed")
        return self._session.run(["stylized"], controls.graph_inputs(check_frame(frame, self.spec)))[0][0]

    def resized(self, height, width):
        return Engine(self._style, replace(self.spec, height=height, width=width))

    def close(self):
        self._session = None

class Backend:
    name = "adjustable"

    def probe(self):
        return BackendState(
            self.name,
            True,
            version=os.environ.get("ADJUSTABLE_VERSION", "1.0"),
            device=os.environ.get("ADJUSTABLE_DEVICE", "card 0"),
            hardware=os.environ.get("ADJUSTABLE_DRIVER", "driver 570.1"),
            precisions=("fp16", "fp32"),
            on_request=("int8",),
            size_ranges=True,
        )

    def build(self, style, spec, aids):
        if os.environ.get("ADJUSTABLE_REFUSES") == f"{spec.width}x{spec.height}":
            raise EngineRefused(f"{spec} is too small")
        for share in (0.25, 0.5, 1.0):
            aids.progress("tuning", share)
        if "ADJUSTABLE_HOLD" in os.environ and not spec.size_range:
            with open(os.environ["ADJUSTABLE_HOLD"]) as pipe:
                if pipe.read() == "refuse":
                    raise EngineRefused(f"{spec} is not wanted")
        return Engine(style, spec)

    def dump(self, engine):
        return b""

    def restore(self, blob, style, spec):
        return Engine(style, spec)
"""


def add_backend(folder: Path, name: str, source: str) -> None:
    """A package in `folder`, which is to be on sys.path, with one backend."""
    folder.joinpath(f"{name}_engine.py").write_text(source)
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    metadata.joinpath("entry_points.txt").write_text(f"[impasto.backends]\n{name} = {name}_engine:Backend\n")


class HangingBuild:
    """A build that never ends, seen through a pipe that the building process holds open as long as it lives.

    STUBBORN in the environment lets it ignore SIGTERM, WORKERS lets it start a process that holds the pipe, too.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        add_backend(folder, "hanging", HANGING)
        monkeypatch.syspath_prepend(folder)
        path = folder / "building"
        os.mkfifo(path)
        monkeypatch.setenv("BUILDING", str(path))
        self._pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def wait_for_start(self) -> int:
        """The process that has begun to build."""
        return int(self._next())

    def wait_for_end(self) -> None:
        """Until that process is gone, and its worker."""
        assert self._next() == b""

    def close(self) -> None:
        os.close(self._pipe)

    def _next(self) -> bytes:
        readable, _, _ = select.select([self._pipe], [], [], 60)
        assert readable, "nothing happened for a minute"
        return os.read(self._pipe, 100)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
