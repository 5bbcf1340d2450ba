"""What the system says of the processor and of the memory, on trees of files as Linux has them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engines.machine import (
    available_bytes,
    bound_cores,
    cpu_limit,
    free_bytes,
    idle_core_seconds,
    memory_limit_bytes,
    usable_cores,
)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MACHINE = {"proc/meminfo": "MemTotal:       32000000 kB\nMemAvailable:    8000000 kB\n"}
V2 = {"memory.max": "3000000\n", "memory.current": "1000000\n", "memory.stat": "anon 1\ninactive_file 500000\n"}


def test_the_machines_free_memory_is_available(tmp_path: Path) -> None:
    assert available_bytes(write(tmp_path, MACHINE)) == 8_000_000 * 1024


def test_a_control_groups_limit_counts_where_it_is_less(tmp_path: Path) -> None:
    group = {f"sys/fs/cgroup/user/shell/{name}": text for name, text in V2.items()}
    write(tmp_path, MACHINE | group | {"proc/self/cgroup": "0::/user/shell\n"})
    assert available_bytes(tmp_path) == 2_500_000


def test_the_limit_of_a_group_above_counts(tmp_path: Path) -> None:
    above = {f"sys/fs/cgroup/user/{name}": text for name, text in V2.items()}
    own = {f"sys/fs/cgroup/user/shell/{name}": text for name, text in (V2 | {"memory.max": "max\n"}).items()}
    write(tmp_path, MACHINE | above | own | {"proc/self/cgroup": "0::/user/shell\n"})
    assert available_bytes(tmp_path) == 2_500_000


def test_inside_a_container_the_limit_lies_at_the_root(tmp_path: Path) -> None:
    group = {f"sys/fs/cgroup/{name}": text for name, text in V2.items()}
    write(tmp_path, MACHINE | group | {"proc/self/cgroup": "0::/../../docker/abc\n"})
    assert available_bytes(tmp_path) == 2_500_000


def test_a_limit_of_the_first_version_counts(tmp_path: Path) -> None:
    group = {
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "4000000\n",
        "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "1000000\n",
        "sys/fs/cgroup/memory/job/memory.stat": "cache 5\ntotal_inactive_file 250000\n",
    }
    write(tmp_path, MACHINE | group | {"proc/self/cgroup": "5:cpu:/job\n4:memory:/job\n0::/\n"})
    assert available_bytes(tmp_path) == 3_250_000


def test_nobody_knows_where_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert available_bytes(tmp_path) is None


def test_the_least_of_nested_limits_counts_in_version_2(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/pod/impasto\n",
        "sys/fs/cgroup/pod/impasto/cpu.max": "max 100000",
        "sys/fs/cgroup/pod/cpu.max": "150000 100000",
        "sys/fs/cgroup/pod/impasto/memory.max": "max",
        "sys/fs/cgroup/memory.max": str(2**31),
    }
    write(tmp_path, files)
    assert (cpu_limit(tmp_path), memory_limit_bytes(tmp_path)) == (1.5, 2**31)


def test_limits_of_version_1(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "3:cpu,cpuacct:/\n4:memory:/docker/1\n1:name=systemd:/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/memory/docker/1/memory.usage_in_bytes": "1000000",
    }
    write(tmp_path, MACHINE | files)
    assert (cpu_limit(tmp_path), memory_limit_bytes(tmp_path)) == (0.5, None)
    assert available_bytes(tmp_path) == free_bytes(tmp_path) == 8_000_000 * 1024
    write(tmp_path, {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1"})
    assert cpu_limit(tmp_path) is None


def test_a_system_without_control_groups_has_no_limits(tmp_path: Path) -> None:
    assert (cpu_limit(tmp_path), memory_limit_bytes(tmp_path), free_bytes(tmp_path)) == (None, None, None)
    assert bound_cores() >= usable_cores() >= 0.01


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_this_machine_has_some_memory_left() -> None:
    """In a fresh process, which is small: more than it takes itself, and no more than the machine has."""
    code = "from engines.machine import available_bytes; print(available_bytes())"
    left = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert 2**20 < left <= total


@pytest.mark.parametrize("text", ["", "intr 1 2 3\n", "cpu 5 6\n"])
def test_nobody_knows_how_long_cores_were_idle_where_it_is_not_told(tmp_path: Path, text: str) -> None:
    assert idle_core_seconds(tmp_path) is None
    assert idle_core_seconds(write(tmp_path, {"proc/stat": text})) is None


@pytest.mark.skipif(sys.platform == "win32", reason="ticks are those of POSIX")
def test_how_long_cores_were_idle_is_counted_in_seconds(tmp_path: Path) -> None:
    tick = os.sysconf("SC_CLK_TCK")
    write(tmp_path, {"proc/stat": f"cpu  1 2 3 {40 * tick} 5 6 7 0 0 0\ncpu0 1 2 3 4 5 6 7 0 0 0\n"})
    assert idle_core_seconds(tmp_path) == 40
