"""The machine that figures were measured on: without it they say nothing. Nothing here tells whose it is."""

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from engines.machine import cpu_flags, cpu_limit, cpu_model, memory_bytes, read_text, usable_cores
from engines.packages import installed_version

PACKAGES = (
    *("impasto", "av", "numpy", "opencv-python", "openvino", "nncf", "onnx", "onnxruntime", "onnxruntime-gpu"),
    *("torch", "triton", "tensorrt", "tensorrt-cu13", "tensorrt-cu12", "tensorrt-rtx"),
)
SIMD = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8", "asimd")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
SOURCE = Path(__file__).parents[2]
GIT_SECONDS = 10
NVIDIA_SMI = "nvidia-smi"
SMI_SECONDS = 20
GPU_FACTS = "name,driver_version,memory.total,power.limit,clocks.max.sm"


def fingerprint() -> dict[str, Any]:
    """Processor, cores and what limits them, memory, cards, system, versions, and how busy it all was at the start."""
    flags, quota, memory = cpu_flags().split(), cpu_limit(), memory_bytes()
    return {
        "impasto": {"version": installed_version("impasto"), "commit": commit()},
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "cpu_quota_cores": None if quota is None else round(quota, 2),
        "virtual": "hypervisor" in flags,
        "governor": read_text(GOVERNOR),
        "simd": [name for name in SIMD if name in flags],
        "memory_gib": None if memory is None else round(memory / 2**30, 1),
        "gpus": gpu_facts(),
        "load_at_start": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := installed_version(name))},
    }


def one_line(machine: dict[str, Any]) -> str:
    """The fingerprint's heads, for titles."""
    gpus = [gpu["name"] for gpu in machine["gpus"]] or ["no GPU"]
    simd = " ".join(machine["simd"])
    return f"{machine['cpu']}, {machine['usable_cores']:g} cores ({simd}), {', '.join(gpus)}"


def commit(folder: Path = SOURCE) -> str:
    """The commit of the source, with a + where files differ from it; empty where we run from an installed package."""
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--exclude=*"]
    return _answer(command, GIT_SECONDS).strip()


def gpu_facts() -> list[dict[str, str]]:
    """Name, driver, memory, power limit and highest clock of each card; empty where there is no card or no driver."""
    names = [name.split(".")[0] if name.startswith("memory") else name for name in GPU_FACTS.split(",")]
    return [dict(zip(names, row, strict=False)) for row in _ask_cards(GPU_FACTS, units=True)]


def gpu_memory_mib() -> float | None:
    """MiB in use on all cards; None where nobody can say."""
    used = [row[0] for row in _ask_cards("memory.used", units=False)]
    return sum(float(text) for text in used) if used and all(text.isdecimal() for text in used) else None


def parse_answer(text: str) -> list[list[str]]:
    """The cells of each line that the driver's program answered with commas between."""
    return [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.strip()]


def _ask_cards(query: str, *, units: bool) -> list[list[str]]:
    """A row of answers for each card."""
    program = shutil.which(NVIDIA_SMI)
    if program is None:
        return []
    form = "csv,noheader" if units else "csv,noheader,nounits"
    return parse_answer(_answer([program, f"--query-gpu={query}", f"--format={form}"], SMI_SECONDS))


def _answer(command: list[str], seconds: float) -> str:
    """What a program says; "" where it fails or says nothing in time."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
