"""The system, the processor and the memory: what it is, how much of it may be used, and what makes the nets fast."""

import os
import platform
import subprocess
import sys
from pathlib import Path

from engines.machine import (
    MULTIPLY_BF16,
    bound_cores,
    cpu_flags,
    cpu_limit,
    cpu_model,
    free_bytes,
    memory_bytes,
    memory_limit_bytes,
)
from realtime.doctor.finding import Finding, State

CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
ASK_SECONDS = 2.0
# The names of /proc/cpuinfo, any of which will do.
FEATURES_X86 = {
    "AVX2": {"avx2"},
    "AVX-512": {"avx512f"},
    "VNNI": {"avx512_vnni", "avx_vnni"},
    "BF16": MULTIPLY_BF16,
    "AMX": {"amx_tile"},
}
FEATURES_ARM = {
    "NEON": {"asimd", "neon"},
    "dot product": {"asimddp"},
    "int8 matrices": {"i8mm"},
    "BF16": MULTIPLY_BF16,
    "SVE": {"sve"},
}
X86 = ("x86_64", "amd64", "i686", "i386")
BUSY = 0.75  # of a core's time each
BF16, LEAST = "BF16", {"AVX2", "NEON"}
LEAST_FREE_GIB = 1.0


def look_at_system() -> list[Finding]:
    """Name and version of the system, with the container or the Windows that it runs in."""
    name, kernel = _name(), f"{platform.system()} {platform.release()}"
    inside = _inside()
    text = ", ".join(part for part in (name, kernel if kernel not in name else "", inside) if part)
    return [Finding("system", State.FACT, text, facts={"name": name, "kernel": kernel, "inside": inside})]


def look_at_processor() -> list[Finding]:
    """Model, cores and features, and whether others are using it."""
    return [_model(), _cores(), *_features(), *_load()]


def look_at_memory() -> list[Finding]:
    """In GiB, with the limit of a container."""
    total, free, limit_gib = map(_gib, (memory_bytes(), free_bytes(), memory_limit_bytes()))
    facts = {"total_gib": total, "available_gib": free, "limit_gib": limit_gib}
    if total is None:
        return [Finding("memory", State.FACT, "unknown", facts=facts)]
    text = f"{total:.1f} GiB" + ("" if free is None else f", {free:.1f} GiB of it free")
    if limit_gib is not None and limit_gib < total:
        text += f"; the container may use {limit_gib:.1f} GiB"
    usable = min(value for value in (total, free, limit_gib) if value is not None)
    if usable < LEAST_FREE_GIB:
        return [Finding("memory", State.NO, text, "close other programs, or paint at a smaller --height", facts)]
    return [Finding("memory", State.YES, text, facts=facts)]


def features(flags: set[str], machine: str) -> dict[str, bool]:
    """What matters to the nets, by the name that people know it by, and whether it is there."""
    table = FEATURES_X86 if machine.lower() in X86 else FEATURES_ARM
    return {name: bool(flags & words) for name, words in table.items()}


def _name() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    if sys.platform == "win32":
        return f"Windows {platform.release()} {platform.version()}"
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return platform.system()


def _inside() -> str:
    if "microsoft" in platform.release().lower():
        return "in WSL"
    return "in a container" if any(mark.exists() for mark in CONTAINER_MARKS) else ""


def _model() -> Finding:
    model = _apple_model() or cpu_model() or "unknown"
    machine = platform.machine()
    return Finding("processor", State.FACT, f"{model}, {machine}", facts={"model": model, "architecture": machine})


def _apple_model() -> str:
    if sys.platform != "darwin":
        return ""
    asked = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=ASK_SECONDS).stdout.strip()


def _cores() -> Finding:
    usable, there, limit = bound_cores(), os.cpu_count() or 1, cpu_limit()
    text = f"{there}" if usable == there else f"{usable} of {there} may be used"
    facts = {"cores": there, "usable": usable, "limit": limit}
    if limit is None or limit >= usable:
        return Finding("cores", State.FACT, text, facts=facts)
    return Finding("cores", State.FACT, f"{text}, and the time of {limit:.3g} (the container's limit)", facts=facts)


def _features() -> list[Finding]:
    flags = set(cpu_flags().lower().split())
    if not flags:
        return []
    found = features(flags, platform.machine())
    has, lacks = ([name for name, there in found.items() if there is wanted] for wanted in (True, False))
    text = ", ".join(has) or "none of those that matter"
    text += f"; no {', '.join(lacks)}" if lacks else ""
    if not found.get(BF16):
        text += ". Without BF16 nets run in fp32, where they have not come along in int8"
    state = State.YES if LEAST & set(has) else State.NO
    remedy = "" if state is State.YES else "expect few frames a second; choose a processor with AVX2 or NEON"
    return [Finding("features", state, text, remedy, facts={"features": found})]


def _load() -> list[Finding]:
    """A busy machine explains figures that are too low."""
    if not hasattr(os, "getloadavg"):
        return []
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    facts = {"load": round(load, 2)}
    if load < BUSY * cores:
        return [Finding("load", State.FACT, f"{load:.1f}", facts=facts)]
    return [
        Finding("load", State.FACT, f"{load:.1f}: others use it too, and what is measured now is too low", facts=facts)
    ]


def _gib(amount: int | None) -> float | None:
    return None if amount is None else round(amount / 2**30, 2)
