"""What the system says of the processor, the memory and the GPUs, and what a control group leaves of the first two."""

import platform
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
# A processor with any of these features multiplies bf16 itself; the last is ARM's.
MULTIPLY_BF16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
UNLIMITED_BYTES = 2**60  # version 1 writes a huge number for "no limit"
PCI, DISPLAY_CLASS = Path("/sys/bus/pci/devices"), "0x03"
# Vendors by their PCI numbers.
NVIDIA, AMD, INTEL, APPLE = "10de", "1002", "8086", "106b"
# What NVIDIA's driver leaves where the card is not on a PCI bus: inside WSL, and on the Jetson boards.
NVIDIA_NODES = (
    Path("/dev/nvidiactl"),
    Path("/dev/nvidia0"),
    Path("/dev/dxg"),
    Path("/dev/nvhost-gpu"),
    Path("/dev/nvgpu"),
)


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


def display_devices(pci: Path = PCI) -> list[Path]:
    """The folders of the graphics devices on the PCI bus, with or without a driver."""
    devices = sorted(pci.iterdir()) if pci.is_dir() else []
    return [device for device in devices if _read(device / "class").startswith(DISPLAY_CLASS)]


def may_have_gpu(vendors: Collection[str], pci: Path = PCI, nodes: Sequence[Path] = NVIDIA_NODES) -> bool:
    """Whether there is a GPU of one of these vendors; where the system does not list what there is, there may be."""
    if sys.platform != "linux":
        return sys.platform != "darwin" or APPLE in vendors
    found = {_read(device / "vendor").removeprefix("0x") for device in display_devices(pci)}
    if any(node.exists() for node in nodes):
        found.add(NVIDIA)
    return not found.isdisjoint(vendors)


def available_bytes(root: Path = Path("/")) -> int | None:
    """What this process may still take: the machine's free memory, or its control group's where that is less.

    None where neither can be read, as on systems other than Linux.
    """
    found = [bytes_left for bytes_left in (_machine_bytes(root), _group_bytes(root)) if bytes_left is not None]
    return min(found, default=None)


def _machine_bytes(root: Path) -> int | None:
    """MemAvailable of /proc/meminfo."""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    kib = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(kib[0]) * 1024 if kib else None


def _group_bytes(root: Path) -> int | None:
    """What the control group and those above it leave, by either version of control groups; None without a limit.

    Inside a container the group's own path may not exist: its limits lie at the root then.
    """
    v2, v1 = root / "sys/fs/cgroup", root / "sys/fs/cgroup/memory"
    left = [_left(folder, "memory.max", "memory.current", "inactive_file") for folder in _group_folders(root, v2)]
    old = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    left += [_left(folder, *old) for folder in _group_folders(root, v1)]
    return min((each for each in left if each is not None), default=None)


def _group_folders(root: Path, mount: Path) -> list[Path]:
    """The folders of this process's groups below a mount, with all above them."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    folders = [mount]
    for line in lines:
        group = line.split(":", 2)[-1].strip("/")
        parts = [part for part in group.split("/") if part not in ("", "..")]
        folders += [mount.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    return folders


def _left(folder: Path, limit_file: str, used_file: str, reclaimable: str) -> int | None:
    """The limit less what is used; pages of files that the system would drop do not count as used."""
    try:
        limit, used = (folder / limit_file).read_text().strip(), int((folder / used_file).read_text())
        counted = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    return None if limit == "max" else max(0, int(limit) - used + int(counted.get(reclaimable, 0)))
