"""A net in int8 kept for engines of other sizes: to find its ranges takes longest, and they are the same for all.

It lies in the folder for what makes the next build faster, beside the cache of engines, and is judged anew at every
size before it is used, and by the gate. What cannot be read, or others may write to, is as good as none. Every film
that int8 is calibrated on has its own, so only those used last are kept.
"""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from engines.cache.aids import read_aid, write_aid
from engines.machine import cpu_flags
from engines.packages import import_openvino, installed_version
from engines.spec import EngineSpec
from engines.style.styles import StyleFile

KEPT_IN = "int8"
KEPT = 16
FORMAT = "3"  # raise it when nets are quantised in another way
UNREADABLE = (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedNet:
    """An openvino.Model of free height and width, what stayed in floats in words, and its agreement in dB."""

    model: Any
    told: str
    agreement: float


class KeptNets:
    """Those of one style file, one calibration and this machine's arithmetic."""

    def __init__(self, folder: Path, style: StyleFile, spec: EngineSpec) -> None:
        known = FORMAT, style.sha256, spec.version, spec.calibration, installed_version("nncf"), cpu_flags()
        name = hashlib.sha256("\n".join(known).encode()).hexdigest()[:32]
        self._path = folder / KEPT_IN / f"{name}.npz"

    def load(self) -> QuantisedNet | None:
        """The net; None where there is none that can be read."""
        with suppress(*UNREADABLE):
            return net_in(read_aid(self._path))
        return None

    def store(self, net: QuantisedNet) -> None:
        """Keeps it; where that cannot be, the next build is as slow."""
        with suppress(*UNREADABLE):
            write_aid(self._path, bytes_of(net), most=KEPT)


def bytes_of(net: QuantisedNet, more: Mapping[str, str] | None = None) -> bytes:
    """The net as npz, and `more` words by their names beside it."""
    content = io.BytesIO()
    graph, weights = _serialised(net.model)
    words: dict[str, Any] = {name: np.array(text) for name, text in {"told": net.told, **(more or {})}.items()}
    np.savez_compressed(content, graph=graph, weights=weights, agreement=np.array(net.agreement), **words)
    return content.getvalue()


def net_in(content: bytes) -> QuantisedNet:
    """The net in such bytes; one of UNREADABLE is raised where there is none."""
    with np.load(io.BytesIO(content), allow_pickle=False) as kept:
        model = import_openvino().Core().read_model(kept["graph"].tobytes(), kept["weights"].tobytes())
        return QuantisedNet(model, str(kept["told"]), float(kept["agreement"]))


def _serialised(model: Any) -> tuple[np.ndarray, np.ndarray]:
    """OpenVINO's two files of a model, as bytes."""
    with TemporaryDirectory(prefix="impasto-") as work:
        graph, weights = Path(work, "net.xml"), Path(work, "net.bin")
        import_openvino().serialize(model, graph, weights)
        return _bytes(graph), _bytes(weights)


def _bytes(path: Path) -> np.ndarray:
    return np.frombuffer(path.read_bytes(), np.uint8)
