"""What the system says of the processor."""

import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
# A processor with any of these features multiplies bf16 itself; the last is ARM's.
MULTIPLY_BF16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def cpu_model() -> str:
    """The processor's name."""
    return _field("model name") or platform.processor() or platform.machine()


def cpu_flags() -> str:
    """Its features, as the kernel lists them; empty where it does not."""
    return _field("flags") or _field("Features")


def _field(name: str) -> str:
    """The first processor's value of a line of /proc/cpuinfo; empty where there is none."""
    try:
        text = CPU_INFO.read_text()
    except OSError:
        return ""
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")
