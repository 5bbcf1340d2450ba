"""The norm between two convolutions against torch's instance_norm in float64: its meaning, and the Triton kernels.

NV12's Triton kernels are looked at here too: the program loads torch and Triton once for all kernels.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from norm_cases import CASES

from engines.kernels.instance_norm import MapLayout, pack, torch_norm, unpack

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", CASES)
def test_the_meaning_is_instance_norm_in_float64(name: str) -> None:
    case = CASES[name]
    assert case.error(torch_norm(*case.inputs(), case.step)) <= 1


@pytest.fixture(scope="module")
def kernel_errors(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Of every case, from the real kernels in Triton's interpreter, which is chosen when they are first imported."""
    if find_spec("triton") is None:
        pytest.skip("triton is not installed")
    command = [sys.executable, str(Path(__file__).with_name("kernels_in_interpreter.py"))]
    chosen = {"TRITON_INTERPRET": "1", "TRITON_CACHE_DIR": str(tmp_path_factory.mktemp("triton"))}
    surroundings = {**os.environ, **chosen, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", [*CASES, "whole net"])
def test_the_kernels_are_instance_norm_in_float64(name: str, kernel_errors: dict[str, float]) -> None:
    assert kernel_errors[name] <= 1


@pytest.mark.parametrize("name", ["nv12 5x9", "nv12 6x7", "nv12 1x1", "nv12 2x522"])
def test_the_kernels_of_nv12_compute_what_is_specified(name: str, kernel_errors: dict[str, float]) -> None:
    """To the last bit."""
    assert kernel_errors[name] == 0


def test_the_kernels_compile_for_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    from kernels_for_gpus import machine_codes

    made = list(machine_codes())
    assert len(made) == 8 + 4
    assert all(made)


@pytest.mark.parametrize(
    "layout", [MapLayout(), MapLayout(rim=3), MapLayout(2), MapLayout(2, 4), MapLayout(2, 1, True)]
)
def test_what_is_packed_can_be_unpacked(layout: MapLayout) -> None:
    maps = torch.rand(2, 6, 8, 3)
    buffer = pack(maps, layout)
    assert layout.size(buffer) == (6, 8, 3)
    assert torch.equal(unpack(buffer, layout), maps)


@pytest.mark.parametrize(("layout", "words"), [(MapLayout(2), "whole blocks"), (MapLayout(rim=5), "reflected by 5")])
def test_what_does_not_fit_is_one_line(layout: MapLayout, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pack(torch.zeros(1, 5, 8, 3), layout)
