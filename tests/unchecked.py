"""Engines as they are built, for tests of what is done with paintings.

At the size of real pictures the gate, which has tests of its own, would take longer than all else.
"""

from pathlib import Path

from engines.backends.registry import open_backend
from engines.loading.engine import Engine
from engines.protocols import BuildAids
from engines.spec import EngineSpec
from engines.style.styles import StyleFile


def open_unchecked(file: StyleFile, size: tuple[int, int], folder: Path) -> Engine:
    """OpenVINO's in fp32 for pictures of this size (width, height), closed by the caller; no cache knows of it."""
    spec = EngineSpec("openvino", "fp32", size[1], size[0], "CPU", "1")
    return open_backend("openvino").build(file, spec, BuildAids(folder))
