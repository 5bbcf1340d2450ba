"""The processor: how many cores may be used, and whether it has what makes the nets fast."""

import os
import platform
import subprocess
import sys

from engines.cpu import MULTIPLY_BF16, cpu_flags, cpu_model
from realtime.doctor.cgroup import cpu_limit
from realtime.doctor.finding import Finding, State

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


def look_at_processor() -> list[Finding]:
    """Model, cores and features, and whether others are using it."""
    return [_model(), _cores(), *_features(), *_load()]


def usable_cores() -> int:
    """Those that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def features(flags: set[str], machine: str) -> dict[str, bool]:
    """What matters to the nets, by the name that people know it by, and whether it is there."""
    table = FEATURES_X86 if machine.lower() in X86 else FEATURES_ARM
    return {name: bool(flags & words) for name, words in table.items()}


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
    usable, there, limit = usable_cores(), os.cpu_count() or 1, cpu_limit()
    text = f"{there}" if usable == there else f"{usable} of {there} may be used"
    facts = {"cores": there, "usable": usable, "limit": limit}
    if limit is None or limit >= usable:
        return Finding("cores", State.FACT, text, facts=facts)
    return Finding("cores", State.FACT, f"{text}, and the time of {limit:.3g} (the container's limit)", facts=facts)


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


def _features() -> list[Finding]:
    flags = set(cpu_flags().lower().split())
    if not flags:
        return []
    found = features(flags, platform.machine())
    has, lacks = ([name for name, there in found.items() if there is wanted] for wanted in (True, False))
    text = ", ".join(has) or "none of those that matter"
    text += f"; no {', '.join(lacks)}" if lacks else ""
    if not found.get(BF16):
        text += ". Without BF16 the nets run in fp32"
    state = State.YES if LEAST & set(has) else State.NO
    remedy = "" if state is State.YES else "expect few frames a second; choose a processor with AVX2 or NEON"
    return [Finding("features", state, text, remedy, facts={"features": found})]
