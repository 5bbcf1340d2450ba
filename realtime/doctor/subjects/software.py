"""Python, impasto and the packages that do the work, by what their metadata say: none is imported."""

import json
import os
import platform
import struct
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from engines.packages import installed_version
from realtime.doctor.finding import Finding, State

NEEDED = ("av", "numpy", "onnx", "opencv-python", "openvino", "platformdirs", "rich", "typer")
OPTIONAL = (
    *("onnxruntime", "onnxruntime-gpu", "torch", "torchvision", "triton", "tensorrt", "tensorrt-rtx"),
    *("nncf", "pyvirtualcam", "imageio-ffmpeg", "matplotlib", "accelerate", "safetensors"),
)
HEADLESS = ("opencv-python-headless", "opencv-contrib-python-headless", "opencv-contrib-python")
# Only whether these are set is told: their values may name people and machines.
TOLD_VARIABLES = (
    *("IMPASTO_CACHE_DIR", "IMPASTO_DEBUG", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "QT_QPA_PLATFORM"),
    *("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "LD_LIBRARY_PATH", "LD_PRELOAD"),
    *("OPENCV_LOG_LEVEL", "LIBVA_DRIVER_NAME", "ALSA_CONFIG_DIR", "NO_COLOR"),
)
MANY_BITS = 64


def look_at_software() -> list[Finding]:
    """Versions, how impasto was installed, and which of the variables that matter are set."""
    return [_impasto(), _python(), *_packages(), *_opencv_twice(), *_variables()]


def install_kind(installed: Distribution) -> str:
    """`editable`, `from a repository`, `from a file or folder`, or `from an index` (PEP 610)."""
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        return "editable"
    if "vcs_info" in origin:
        return "from a repository"
    return "from a file or folder" if origin else "from an index"


def _impasto() -> Finding:
    try:
        installed = distribution("impasto")
    except PackageNotFoundError:
        remedy = "pip install -e . in its folder"
        return Finding("impasto", State.NO, "runs from its folder without being installed", remedy)
    kind = install_kind(installed)
    apart = sys.prefix != sys.base_prefix
    text = f"{installed.version}, installed {kind}{', in a virtual environment' if apart else ''}"
    facts = {"version": installed.version, "install": kind, "virtual_environment": apart}
    return Finding("impasto", State.FACT, text, facts=facts)


def _python() -> Finding:
    bits = 8 * struct.calcsize("P")
    text = f"{platform.python_implementation()} {platform.python_version()}, {bits} bits"
    facts = {"version": platform.python_version(), "bits": bits}
    if bits < MANY_BITS:
        return Finding("python", State.NO, text, "the engines need a 64-bit Python", facts)
    return Finding("python", State.FACT, text, facts=facts)


def _packages() -> list[Finding]:
    needed, others = _versions(NEEDED), _versions((*OPTIONAL, *HEADLESS))
    lacking = [name for name in NEEDED if name not in needed]
    if "opencv-python" in lacking and _versions(HEADLESS):
        lacking.remove("opencv-python")
    text = ", ".join(f"{name} {number}" for name, number in needed.items())
    found = [Finding("packages", State.FACT, text, facts={"versions": needed})]
    if others:
        text = ", ".join(f"{name} {number}" for name, number in others.items())
        found.append(Finding("extras", State.FACT, text, facts={"versions": others}))
    if lacking:
        remedy = f"pip install {' '.join(lacking)}"
        found.append(Finding("packages", State.NO, f"not installed: {', '.join(lacking)}", remedy))
    return found


def _opencv_twice() -> list[Finding]:
    """The wheels of OpenCV write over each other's files."""
    twice = _versions(("opencv-python", *HEADLESS))
    if len(twice) < 2:
        return []
    remedy = f"pip uninstall -y {' '.join(twice)}, then pip install opencv-python"
    return [Finding("opencv", State.NO, f"installed {len(twice)} times: {', '.join(twice)}", remedy)]


def _variables() -> list[Finding]:
    told = [name for name in TOLD_VARIABLES if os.environ.get(name)]
    if not told:
        return []
    return [Finding("variables", State.FACT, f"set: {', '.join(told)}", facts={"set": told})]


def _versions(names: tuple[str, ...]) -> dict[str, str]:
    return {name: number for name in names if (number := installed_version(name))}
