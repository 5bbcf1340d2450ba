"""The machine that figures were measured on: without it they say nothing."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from engines.cpu import cpu_flags, cpu_model

PACKAGES = ("impasto", "av", "numpy", "opencv-python", "openvino", "onnxruntime", "torch")
SIMD = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd")


def fingerprint() -> dict[str, Any]:
    """Processor, cores, memory, system and the versions of what does the work."""
    flags = cpu_flags().split()
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "simd": [name for name in SIMD if name in flags],
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
