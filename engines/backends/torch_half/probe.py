"""Whether torch can run nets in half precision on this machine's GPU.

`import torch` takes seconds, so it comes last: after a look at what an NVIDIA driver leaves on a machine, and at
whether torch is installed, and for CUDA, at all.
"""

import shutil
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engines.machine import NVIDIA_NODES, read_text

DRIVER_VERSION = Path("/proc/driver/nvidia/version")
SMI = "nvidia-smi"
FIRST_TENSOR_CORES = (7, 0)
FIRST_BF16 = (8, 0)
NO_GPU = "no NVIDIA driver is found here; install one if there is such a GPU, or choose another --engine"
NO_TORCH = "torch is not installed; pip install 'impasto[train]'"
CUDA_BUILD = "install torch with CUDA, as https://pytorch.org/get-started/locally says"


@dataclass(frozen=True, slots=True)
class TorchGpu:
    """What torch knows of the first GPU that CUDA shows; `architectures` are those that this torch was compiled for."""

    name: str
    capability: tuple[int, int]
    architectures: tuple[str, ...]
    libraries: str

    @property
    def words(self) -> str:
        major, minor = self.capability
        return f"{self.name} (compute capability {major}.{minor})"


def missing_torch() -> str:
    """Why torch cannot use a GPU here, as far as that can be told without importing it; else empty."""
    if not nvidia_driver_is_here():
        return NO_GPU
    if find_spec("torch") is None:
        return NO_TORCH
    build = version("torch")
    return f"torch {build} is built without CUDA; {CUDA_BUILD}" if build.endswith("+cpu") else ""


def nvidia_driver_is_here() -> bool:
    return shutil.which(SMI) is not None or any(node.exists() for node in NVIDIA_NODES)


def look_at_gpu(torch: Any) -> TorchGpu | str:
    """The GPU as the imported torch sees it, or why it cannot be used."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA; {CUDA_BUILD}"
    if not torch.cuda.is_available():
        return (
            f"torch {torch.__version__} for CUDA {torch.version.cuda} finds no GPU that it can use: update the driver "
            "(nvidia-smi shows its CUDA), or see whether CUDA_VISIBLE_DEVICES hides the GPU"
        )
    libraries = f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}, {_driver_version()}"
    return TorchGpu(
        torch.cuda.get_device_name(0), torch.cuda.get_device_capability(0), tuple(torch.cuda.get_arch_list()), libraries
    )


def unfit(gpu: TorchGpu) -> str:
    """Why this GPU is not used, or empty."""
    if gpu.capability < FIRST_TENSOR_CORES:
        first = ".".join(map(str, FIRST_TENSOR_CORES))
        return f"the {gpu.words} gains nothing by half precision, which takes {first} or more; choose another --engine"
    if not any(_runs(architecture, gpu.capability) for architecture in gpu.architectures):
        return f"this torch has no kernels for the {gpu.words}, only for {', '.join(gpu.architectures)}; {CUDA_BUILD}"
    return ""


def precisions_of(gpu: TorchGpu) -> tuple[str, ...]:
    """fp16 first: it is as fast as bf16 and eight times as fine, and these nets are scaled to stay in its range."""
    return ("fp16", "bf16") if gpu.capability >= FIRST_BF16 else ("fp16",)


def _runs(architecture: str, capability: tuple[int, int]) -> bool:
    """Whether code for `sm_86` or `compute_90` runs on a GPU: machine code within a generation, PTX from there on."""
    kind, _, digits = architecture.partition("_")
    number = "".join(each for each in digits if each.isdecimal())
    if len(number) < 2:
        return False
    compiled_for = int(number[:-1]), int(number[-1])
    same_generation = kind == "compute" or compiled_for[0] == capability[0]
    return compiled_for <= capability and same_generation


def _driver_version() -> str:
    return (read_text(DRIVER_VERSION).splitlines() or ["driver of unknown version"])[0]
