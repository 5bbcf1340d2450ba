"""What a container may use of the machine: the limits of Linux's control groups, of both versions."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
UNLIMITED_BYTES = 2**60  # version 1 writes a huge number for "no limit"


def cpu_limit(root: Path = ROOT, membership: Path = MEMBERSHIP) -> float | None:
    """How many cores' worth of time there is; None where nothing limits it."""
    limits = []
    for folder in _folders(root, membership, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if not quota:
            quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(period):
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def memory_limit_bytes(root: Path = ROOT, membership: Path = MEMBERSHIP) -> int | None:
    """How much memory there is for us and our neighbours in the container; None where nothing limits it."""
    limits = []
    for folder in _folders(root, membership, "memory"):
        limit = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        if limit.isdecimal() and int(limit) < UNLIMITED_BYTES:
            limits.append(int(limit))
    return min(limits, default=None)


def _folders(root: Path, membership: Path, controller: str) -> Iterator[Path]:
    """Our group and all above it: each may set a limit. A container often sees its own group as the root."""
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mounted = root / controller if controllers else root
        group = mounted / path.lstrip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(mounted))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
