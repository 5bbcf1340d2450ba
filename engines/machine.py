"""What the system says of the processor, the memory and the GPUs, and what a control group leaves of the first two.

And how the C library keeps memory, where that matters for a run of hours.
"""

import ctypes
import os
import platform
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
# A processor with any of these features multiplies bf16 itself; the last is ARM's.
MULTIPLY_BF16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
# One without these adds products of two bytes in 16 bits, where half the range of weights is safe; the last is ARM's.
WIDE_SUMS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})
ROOT = Path("/")
IDLE_TICKS = 3  # their place behind "cpu" in /proc/stat
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
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # from glibc's malloc.h


def cpu_model() -> str:
    """The processor's name."""
    return _field("model name") or platform.processor() or platform.machine()


def cpu_flags() -> str:
    """Its features, as the kernel lists them; empty where it does not."""
    return _field("flags") or _field("Features")


def adds_products_in_32_bits() -> bool:
    """Whether it has instructions that add products of two bytes so; others do in 16 bits, which overflow."""
    return not WIDE_SUMS.isdisjoint(cpu_flags().split())


def _field(name: str) -> str:
    """The first processor's value of a line of /proc/cpuinfo; empty where there is none."""
    lines = (line.partition(":") for line in read_text(CPU_INFO).splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")


def bound_cores() -> int:
    """Those that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_cores() -> float:
    """The cores that this process may use at once: those it is bound to, or fewer where a limit says so."""
    limit = cpu_limit()
    return bound_cores() if limit is None else min(bound_cores(), limit)


def cpu_limit(root: Path = ROOT) -> float | None:
    """How many cores' worth of time there is; None where nothing limits it."""
    limits = []
    for group in _control_groups(root, "cpu"):
        quota, _, period = read_text(group / "cpu.max").partition(" ")
        if not quota:
            quota, period = read_text(group / "cpu.cfs_quota_us"), read_text(group / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(period):
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def idle_core_seconds(root: Path = ROOT) -> float | None:
    """How long all cores of the machine together had nothing to do since it started; None where nobody says so."""
    name, *ticks = read_text(root / "proc" / "stat").partition("\n")[0].split()[:6] or [""]
    if name != "cpu" or len(ticks) < IDLE_TICKS + 1:
        return None
    return int(ticks[IDLE_TICKS]) / os.sysconf("SC_CLK_TCK")


def memory_bytes() -> int | None:
    """All that the machine has; None on Windows, which has no sysconf."""
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def memory_limit_bytes(root: Path = ROOT) -> int | None:
    """How much memory there is for us and our neighbours in the container; None where nothing limits it."""
    return _least(_memory_limit(group) for group in _control_groups(root, "memory"))


def free_bytes(root: Path = ROOT) -> int | None:
    """What the machine could still give; None where nobody says so, as on systems other than Linux."""
    lines = read_text(root / "proc/meminfo").splitlines()
    kib = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(kib[0]) * 1024 if kib else None


def available_bytes(root: Path = ROOT) -> int | None:
    """What this process may still take: the machine's free memory, or its control group's where that is less."""
    return _least((free_bytes(root), *(_memory_left(group) for group in _control_groups(root, "memory"))))


def _control_groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of our groups, in either version, and of all above them: each may set a limit.

    Inside a container the group's own path may not exist: its limits lie at the root then.
    """
    mount = root / "sys/fs/cgroup"
    yield from (mount, mount / controller)
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            parts = [part for part in path.split("/") if part not in ("", "..")]
            below = mount / controller if controllers else mount
            yield from (below.joinpath(*parts[:count]) for count in range(1, len(parts) + 1))


def _memory_limit(group: Path) -> int | None:
    limit = read_text(group / "memory.max") or read_text(group / "memory.limit_in_bytes")
    return int(limit) if limit.isdecimal() and int(limit) < UNLIMITED_BYTES else None


def _memory_left(group: Path) -> int | None:
    """The limit less what is used; pages of files that the system would drop do not count as used."""
    limit = _memory_limit(group)
    used = read_text(group / "memory.current") or read_text(group / "memory.usage_in_bytes")
    if limit is None or not used.isdecimal():
        return None
    counted = dict(line.split() for line in read_text(group / "memory.stat").splitlines())
    droppable = counted.get("total_inactive_file") or counted.get("inactive_file", "0")
    return max(0, limit - int(used) + int(droppable))


def _least(amounts: Iterable[int | None]) -> int | None:
    return min((amount for amount in amounts if amount is not None), default=None)


def read_text(path: Path) -> str:
    """What a file of the kernel's says; "" where it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def display_devices(pci: Path = PCI) -> list[Path]:
    """The folders of the graphics devices on the PCI bus, with or without a driver."""
    devices = sorted(pci.iterdir()) if pci.is_dir() else []
    return [device for device in devices if read_text(device / "class").startswith(DISPLAY_CLASS)]


def may_have_gpu(vendors: Collection[str], pci: Path = PCI, nodes: Sequence[Path] = NVIDIA_NODES) -> bool:
    """Whether there is a GPU of one of these vendors; where the system does not list what there is, there may be."""
    if sys.platform != "linux":
        return sys.platform != "darwin" or APPLE in vendors
    found = {read_text(device / "vendor").removeprefix("0x") for device in display_devices(pci)}
    if any(node.exists() for node in nodes):
        found.add(NVIDIA)
    return not found.isdisjoint(vendors)


def use_one_arena() -> bool:
    """Lets all threads share one heap; False where the C library is not glibc. To be called before threads start.

    By default glibc gives each thread a heap of its own and keeps what becomes free on top of it. Engines that come and
    go allocate on ever other threads, and after 60 changes of size and file 150 MB lay there for nobody's use.
    """
    return _set(M_ARENA_MAX, 1)


def give_back_blocks_from(size_bytes: int) -> bool:
    """Blocks of this size and above go back to the system when they are freed; False where the C library is not glibc.

    By default glibc learns from what is freed to keep blocks of up to 32 MB: when a picture of 4K is optimised, 400 MB
    of its features lay there that nobody used.
    """
    return _set(M_MMAP_THRESHOLD, size_bytes)


def _set(parameter: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL("libc.so.6").mallopt(parameter, value))
    except (OSError, AttributeError):  # another C library, as on Alpine
        return False
