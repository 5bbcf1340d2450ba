"""Memory: what there is, and what is free."""

import os
from pathlib import Path

from realtime.doctor.cgroup import memory_limit_bytes
from realtime.doctor.finding import Finding, State

MEMORY_INFO = Path("/proc/meminfo")
LEAST_FREE_GIB = 1.0


def look_at_memory() -> list[Finding]:
    """In GiB, with the limit of a container."""
    total, free, limit = _total_gib(), _available_gib(), memory_limit_bytes()
    limit_gib = None if limit is None else round(limit / 2**30, 2)
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


def _total_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 2)
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _available_gib(info: Path = MEMORY_INFO) -> float | None:
    try:
        lines = info.read_text().splitlines()
    except OSError:
        return None
    amounts = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return next((round(int(amount) / 2**20, 2) for amount in amounts), None)
