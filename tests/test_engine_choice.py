"""What may be asked for of an engine, which backends there are, and which one is taken."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_styles import one_thread_for_torch, write_small_style

from engines.errors import EngineRefused, ImpastoError
from engines.loading.engine import Controls, EngineChoice, load_engine, probe_backends
from engines.style.styles import StyleFile

ROOT = Path(__file__).parents[1]
HEIGHT, WIDTH = 37, 53


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with one_thread_for_torch():
        yield


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(
    "settings",
    [{"strength": 1.01}, {"strength": -1}, {"keep_colour": float("nan")}, {"style": [[1.0]]}, {"style": [np.inf]}],
)
def test_controls_check_themselves(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="number"):
        Controls(**{"style": np.ones(4), **settings})


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (EngineChoice("nosuch"), "choose auto or one of tensorrt, .*openvino, onnxruntime, torch"),
        (EngineChoice(precision="int3"), "choose auto or one of bf16, fp16, fp32, fp8, int8"),
        (EngineChoice(mode="speed"), "no mode 'speed'; choose auto or one of latency, throughput"),
        (EngineChoice(requests=0), "at least one"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(style: StyleFile, choice: EngineChoice, message: str) -> None:
    with pytest.raises(ImpastoError, match=message) as caught:
        load_engine(style, height=64, width=64, choice=choice)
    assert "\n" not in str(caught.value)


def test_a_size_that_no_net_takes_is_one_line(style: StyleFile) -> None:
    with pytest.raises(ImpastoError, match="at least; enlarge") as caught:
        load_engine(style, height=15, width=64)
    assert "\n" not in str(caught.value)


def test_a_precision_that_the_machine_has_not_is_refused(style: StyleFile, cache_dir: Path) -> None:
    with pytest.raises(EngineRefused, match="onnxruntime has no bf16 on this CPU, only fp32"):
        load_engine(
            style,
            height=64,
            width=64,
            choice=EngineChoice("onnxruntime", "bf16"),
            cache_dir=cache_dir,
        )


def test_auto_takes_openvino_and_says_so(style: StyleFile, cache_dir: Path) -> None:
    lines: list[str] = []
    made = load_engine(style, height=HEIGHT, width=WIDTH, cache_dir=cache_dir, report=lines.append)
    made.close()
    assert made.spec.backend == "openvino"
    assert any(line.startswith("engine: openvino") and "dB from" in line for line in lines)


def test_every_backend_says_whether_it_can_run() -> None:
    states = {state.name: state for state in probe_backends()}
    ours = ["tensorrt", "tensorrt-rtx", "torch-half", "onnxruntime-gpu", "openvino", "onnxruntime", "torch"]
    assert list(states)[: len(ours)] == ours
    for state in states.values():
        assert state.available == (not state.reason)
        assert state.available == bool(state.precisions)


@pytest.mark.parametrize(
    ("package", "name", "remedy"),
    [
        ("torch", "torch", "torch is not installed; pip install 'impasto[train]'"),
        ("onnxruntime", "onnxruntime", "onnxruntime is not installed; pip install 'impasto[onnxruntime]'"),
        ("openvino", "openvino", "pip install openvino"),
    ],
)
def test_a_missing_package_is_the_reason(package: str, name: str, remedy: str, tmp_path: Path) -> None:
    """In a process of its own, where a finder hides the package as if it had never been installed."""
    program = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == {package!r} else found(name, package)
sys.meta_path.insert(0, Hidden())
from engines.backends.registry import probe
print(probe({name!r}).reason)
"""
    assert remedy in run_python(program)


def test_openvino_is_loaded_without_its_telemetry() -> None:
    program = (
        "import sys; from engines.backends.registry import probe; assert probe('openvino').available; "
        "print([name for name in sys.modules if 'telemetry' in name])"
    )
    assert run_python(program).strip() == "[]"


def test_other_packages_add_backends(style: StyleFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = tmp_path / "quartz-1.0.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: quartz\nVersion: 1.0\n")
    lines = ["[impasto.backends]", "quartz = quartz_engine:Backend", "lost = nowhere:Backend"]
    metadata.joinpath("entry_points.txt").write_text("\n".join(lines))
    source = (
        "from engines.backends.torch_eager import TorchBackend\nclass Backend(TorchBackend):\n    name = 'quartz'\n"
    )
    tmp_path.joinpath("quartz_engine.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    made = load_engine(style, height=32, width=32, choice=EngineChoice("quartz"), cache_dir=tmp_path / "cache")
    assert made.spec.backend == "quartz"
    assert "nowhere" in {state.name: state for state in probe_backends()}["lost"].reason


def run_python(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
