"""The machine that figures were measured on: without it they say nothing."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("impasto", "av", "numpy", "opencv-python", "openvino", "onnxruntime", "torch")
CPU_INFO = Path("/proc/cpuinfo")
SIMD = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd")


def fingerprint() -> dict[str, Any]:
    """Processor, cores, memory, system and the versions of what does the work."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "simd": [name for name in SIMD if name in _cpu_flags()],
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def cpu_model() -> str:
    return _cpu_field("model name") or platform.processor() or platform.machine()


def _cpu_flags() -> set[str]:
    return set((_cpu_field("flags") or _cpu_field("Features")).split())


def _cpu_field(name: str) -> str:
    """The first processor's value of a line of /proc/cpuinfo; empty where there is none."""
    if not CPU_INFO.exists():
        return ""
    lines = (line.partition(":") for line in CPU_INFO.read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
