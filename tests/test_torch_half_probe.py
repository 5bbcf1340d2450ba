"""What the torch-half engine says of a machine that lacks something, and that it asks torch last."""

import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engines.backends.torch_half import probe as torch_half_probe
from engines.backends.torch_half.probe import TorchGpu
from engines.kernels import compilers

ROOT = Path(__file__).parents[1]
CARD = TorchGpu("NVIDIA H100", (9, 0), ("sm_80", "sm_90"), "CUDA 13.0")


@pytest.mark.parametrize(
    ("driver", "installed", "words"),
    [
        (False, "2.13.0+cu130", "no NVIDIA driver is found here"),
        (True, None, "torch is not installed; pip install 'impasto[train]'"),
        (True, "2.13.0+cpu", "torch 2.13.0+cpu is built without CUDA; install torch with CUDA"),
        (True, "2.13.0", ""),
    ],
)
def test_what_torch_lacks_is_told_before_it_is_imported(
    monkeypatch: pytest.MonkeyPatch, driver: bool, installed: str | None, words: str
) -> None:
    monkeypatch.setattr(torch_half_probe, "nvidia_driver_is_here", lambda: driver)
    monkeypatch.setattr(torch_half_probe, "find_spec", lambda name: installed)
    monkeypatch.setattr(torch_half_probe, "version", lambda name: installed)
    found = torch_half_probe.missing_torch()
    assert bool(found) == bool(words)
    assert words in found
    assert "\n" not in found


def test_torch_is_not_imported_where_there_is_no_gpu() -> None:
    program = (
        "import sys; from engines.backends.torch_half import probe as torch_half_probe\n"
        "from engines.backends.torch_half.backend import TorchHalfBackend\n"
        "torch_half_probe.nvidia_driver_is_here = lambda: False; state = TorchHalfBackend().probe()\n"
        "print(state.available, state.reason, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"False {torch_half_probe.NO_GPU} False"


def torch_as_seen(*, cuda: str | None, usable: bool) -> Any:
    return SimpleNamespace(
        __version__="2.13.0",
        version=SimpleNamespace(cuda=cuda),
        backends=SimpleNamespace(cudnn=SimpleNamespace(version=lambda: 91900)),
        cuda=SimpleNamespace(
            is_available=lambda: usable,
            get_device_name=lambda index: "NVIDIA L4",
            get_device_capability=lambda index: (8, 9),
            get_arch_list=lambda: ["sm_80", "sm_90"],
        ),
    )


def test_what_torch_says_of_the_gpu() -> None:
    look = torch_half_probe.look_at_gpu
    assert "built without CUDA" in str(look(torch_as_seen(cuda=None, usable=False)))
    assert "update the driver" in str(look(torch_as_seen(cuda="13.0", usable=False)))
    gpu = look(torch_as_seen(cuda="13.0", usable=True))
    assert isinstance(gpu, TorchGpu)
    assert gpu.words == "NVIDIA L4 (compute capability 8.9)"
    assert torch_half_probe.unfit(gpu) == ""
    assert torch_half_probe.precisions_of(gpu) == ("fp16", "bf16")


@pytest.mark.parametrize(
    ("capability", "compiled_for", "words"),
    [
        ((6, 1), ("sm_61",), "gains nothing by half precision, which takes 7.0"),
        ((12, 0), ("sm_80", "sm_90a"), "has no kernels for the NVIDIA H100 (compute capability 12.0), only for sm_80"),
        ((12, 0), ("sm_80", "compute_90"), ""),
        ((12, 1), ("sm_90", "sm_120"), ""),
        ((8, 0), ("sm_86",), "no kernels"),
        ((7, 5), ("sm_70", "sm_75"), ""),
    ],
)
def test_gpus_that_are_of_no_use_are_told(
    capability: tuple[int, int], compiled_for: tuple[str, ...], words: str
) -> None:
    found = torch_half_probe.unfit(replace(CARD, capability=capability, architectures=compiled_for))
    assert bool(found) == bool(words)
    assert words in found


def test_bf16_is_for_gpus_that_have_it() -> None:
    assert torch_half_probe.precisions_of(replace(CARD, capability=(7, 5))) == ("fp16",)


def test_what_compiling_needs_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing() -> str:
        return compilers.find_compilers().missing

    monkeypatch.setattr(compilers, "find_spec", lambda name: None)
    assert missing() == "Triton is not installed; pip install triton"
    monkeypatch.setattr(compilers, "find_spec", lambda name: name)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    assert missing() == "there is no C compiler for Triton; install gcc"
    monkeypatch.setenv("CC", "/opt/cc")
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    assert "install python3-dev" in missing()
    tmp_path.joinpath("Python.h").touch()
    assert compilers.find_compilers().words.startswith("with Triton ")
