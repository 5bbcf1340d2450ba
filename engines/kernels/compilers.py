"""Whether Triton can compile kernels on this machine: it takes a C compiler and Python's headers besides Triton.

Nothing of Triton or torch is imported for it.
"""

import os
import shutil
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from engines.packages import installed_version


@dataclass(frozen=True, slots=True)
class Compilers:
    """What our kernels and torch.compile need: Triton and a C compiler; `missing` says in a line what is not here."""

    triton: str = ""
    missing: str = ""

    @property
    def words(self) -> str:
        return "without Triton" if self.missing else f"with Triton {self.triton}"


def find_compilers() -> Compilers:
    """Both are needed even for our own kernels: Triton compiles what starts them with a C compiler."""
    if find_spec("triton") is None:
        return Compilers(missing="Triton is not installed; pip install triton")
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return Compilers(missing="there is no C compiler for Triton; install gcc")
    if not Path(sysconfig.get_paths()["include"], "Python.h").exists():
        return Compilers(missing="Python's C headers are missing, which Triton needs; install python3-dev")
    return Compilers(triton=_triton_version())


def _triton_version() -> str:
    """The distribution may be called otherwise, as in torch's nightly builds."""
    found = (installed_version(name) for name in ("triton", "pytorch-triton", "triton-windows"))
    return next(filter(None, found), "of unknown version")
