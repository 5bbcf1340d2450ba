"""The fingerprint: what limits the machine is told, and whose it is is not."""

import getpass
import json
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

from realtime.bench.machine import commit, fingerprint, one_line, parse_answer


def test_the_machine_is_named() -> None:
    machine = fingerprint()
    assert machine["cpu"]
    assert machine["cores"] >= 1
    assert {"av", "numpy", "openvino"} <= set(machine["versions"])
    assert machine["cpu"] in one_line(machine)
    assert json.loads(json.dumps(machine)) == machine


def test_nobody_is_named() -> None:
    text = json.dumps(fingerprint())
    assert str(Path.home()) not in text
    assert platform.node() not in text.split('"')
    assert getpass.getuser() not in text.split('"')


def test_an_installed_package_has_no_commit(tmp_path: Path) -> None:
    assert commit(tmp_path) == ""


def test_the_answer_of_the_driver_is_read_by_card() -> None:
    text = "NVIDIA H100 80GB HBM3, 570.86.15, 81559 MiB\nNVIDIA L4, 570.86.15, 23034 MiB\n\n"
    first, second = parse_answer(text)
    assert first == ["NVIDIA H100 80GB HBM3", "570.86.15", "81559 MiB"]
    assert second[0] == "NVIDIA L4"


def test_the_memory_of_the_parent_is_not_counted() -> None:
    """A parent with 300 MiB starts a process that needs far less."""
    ballast = np.ones(300 * 2**20, np.uint8)
    code = "from realtime.bench.rows.fresh_process import peak_resident_mib; print(peak_resident_mib())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 5 < float(child.stdout) < ballast.nbytes / 2**20 / 2
