"""ONNX Runtime: no provider is replaced by the CPU without a word, and sessions share the processor as asked."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_styles import random_frame, write_small_style

from engines.backends.onnxruntime.backend import OnnxRuntimeBackend, OnnxRuntimeEngine, OnnxRuntimeGpuBackend
from engines.backends.onnxruntime.providers import (
    CPU,
    ON_GPU,
    Choice,
    Load,
    Provider,
    gpu_hardware,
    is_for_cpu_alone,
    open_session,
    provider_on_gpu,
    shares,
)
from engines.backends.ours import OURS
from engines.backends.registry import backend_names
from engines.errors import EngineRefused
from engines.loading.engine import Controls, EngineChoice, load_engine
from engines.protocols import BuildAids
from engines.spec import EngineSpec, SizeRange
from engines.style.styles import StyleFile

onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime (impasto[onnxruntime])")

ROOT = Path(__file__).parents[1]
HEIGHT, WIDTH = 48, 64
SPEC = EngineSpec("onnxruntime", "fp32", HEIGHT, WIDTH, "CPU", "1")
ON_CUDA = replace(SPEC, backend="onnxruntime-gpu", device="CUDA")
CUDA = next(provider for provider in ON_GPU if provider.device == "CUDA")
AIDS = BuildAids(Path("unused"))


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture(scope="module")
def controls(style: StyleFile) -> Controls:
    return Controls(style.vector("waves"), 0.9, 0.1)


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)


@pytest.fixture
def tried_anew() -> Iterator[None]:
    provider_on_gpu.cache_clear()
    yield
    provider_on_gpu.cache_clear()


def build(style: StyleFile, spec: EngineSpec) -> OnnxRuntimeEngine:
    made = OnnxRuntimeBackend().build(style, spec, AIDS)
    assert isinstance(made, OnnxRuntimeEngine)
    return made


@pytest.mark.parametrize(
    ("asked", "cores"),
    [
        ({"requests": 2, "mode": "latency"}, [range(8)]),
        ({"requests": 2, "mode": "throughput"}, [range(4), range(4, 8)]),
        ({"requests": 3, "mode": "throughput"}, [range(2), range(2, 4), range(4, 6)]),
        ({"requests": 2, "mode": "throughput", "threads": 6}, [range(3), range(3, 6)]),
        ({"requests": 2, "mode": "throughput", "threads": 1}, [range(1), range(1)]),
        ({"threads": 5}, [range(5)]),
    ],
)
def test_the_cores_are_shared_as_asked(eight_cores: None, asked: dict[str, Any], cores: list[range]) -> None:
    assert [load.cores for load in shares(replace(SPEC, **asked))] == [tuple(each) for each in cores]


def test_only_one_alone_may_wait_busily(eight_cores: None) -> None:
    assert [load.spinning for load in shares(SPEC)] == [True]
    assert [load.spinning for load in shares(replace(SPEC, requests=2, mode="throughput"))] == [False, False]


@pytest.mark.parametrize(
    ("load", "bound"), [(Load((0, 1, 2), True), "2;3"), (Load((4,), True), ""), (Load((0, 1)), "")]
)
def test_threads_are_bound_to_cores_only_where_asked(load: Load, bound: str) -> None:
    options = session_options(load)
    assert entry(options, "session.intra_op_thread_affinities") == bound
    assert options.intra_op_num_threads == len(load.cores)


def session_options(load: Load) -> Any:
    from engines.backends.onnxruntime.providers import _session_options

    return _session_options(CPU, load, {})


def entry(options: Any, name: str) -> str:
    try:
        return str(options.get_session_config_entry(name))
    except RuntimeError:  # it has none
        return ""


@pytest.mark.parametrize("asked", [{"pinned": True}, {"requests": 2, "mode": "throughput"}, {"threads": 1}])
def test_however_the_cores_are_shared_the_picture_is_the_same(
    style: StyleFile, controls: Controls, asked: dict[str, Any]
) -> None:
    plain, shared = build(style, SPEC), build(style, replace(SPEC, **asked))
    frame = random_frame(HEIGHT, WIDTH)
    for _ in range(2):
        assert np.abs(plain(frame, controls).astype(int) - shared(frame, controls)).max() <= 1
    plain.close()
    shared.close()


def test_one_engine_takes_all_sizes_of_a_range(style: StyleFile, controls: Controls, tmp_path: Path) -> None:
    choice = EngineChoice("onnxruntime", size_range=SizeRange((16, 20), (96, 128)))
    ranged = load_engine(style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=tmp_path)
    assert isinstance(ranged, OnnxRuntimeEngine)
    resized, made_for_it = ranged.resized(33, 47), build(style, replace(SPEC, height=33, width=47))
    frame = random_frame(33, 47)
    assert np.abs(resized(frame, controls).astype(int) - made_for_it(frame, controls)).max() <= 1
    with pytest.raises(ValueError, match="takes 20x16-128x96, not 129x33"):
        ranged.resized(33, 129)
    ranged.close()
    with pytest.raises(ValueError, match="is closed"):
        ranged.resized(33, 47)
    assert resized(frame, controls).shape == (33, 47, 3)


def test_a_provider_that_is_replaced_by_the_cpu_is_refused(style: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime itself takes the CPU here, for this build has no CUDA, and says so in no error."""
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
    with pytest.warns(UserWarning, match="not in available provider names"), pytest.raises(EngineRefused) as caught:
        open_session(style, ON_CUDA, CUDA, Load((0,)), None)
    assert "has CUDAExecutionProvider but cannot load it" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_build_for_the_cpu_has_no_engine_on_a_gpu(tried_anew: None) -> None:
    if set(onnxruntime.get_available_providers()) & {provider.name for provider in ON_GPU}:
        pytest.skip("the installed ONNX Runtime has a provider for a GPU")
    state = OnnxRuntimeGpuBackend().probe()
    assert not state.available
    assert "built for the CPU alone" in state.reason
    if sys.platform == "linux":
        assert is_for_cpu_alone()


def test_a_library_beside_the_package_tells_of_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleSpec("onnxruntime", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("engines.backends.onnxruntime.providers.find_spec", lambda name: package)
    monkeypatch.setattr("sys.platform", "linux")
    tmp_path.joinpath("capi").mkdir()
    tmp_path.joinpath("capi", "libonnxruntime_providers_shared.so").touch()
    assert is_for_cpu_alone()
    tmp_path.joinpath("capi", "libonnxruntime_providers_cuda.so").touch()
    assert not is_for_cpu_alone()


def test_a_provider_that_is_listed_but_does_not_load_is_the_reason(
    tried_anew: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.backends.onnxruntime.providers.is_for_cpu_alone", lambda: False)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA.name, CPU.name])
    with pytest.warns(UserWarning, match="not in available provider names"):
        state = OnnxRuntimeGpuBackend().probe()
    assert not state.available
    assert state.reason.startswith("CUDA: ONNX Runtime has CUDAExecutionProvider but cannot load it")


def test_an_engine_of_a_provider_that_is_gone_is_refused(style: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.backends.onnxruntime.backend.provider_on_gpu", lambda: Choice(None, ("CUDA: gone",)))
    with pytest.raises(EngineRefused, match="cannot be opened: CUDA: gone"):
        OnnxRuntimeGpuBackend().restore(b"", style, ON_CUDA)


def test_the_provider_that_works_is_the_device(
    style: StyleFile, controls: Controls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CPU's provider stands in for a GPU's; all but the name is as it would be there."""
    stand_in = Provider(CPU.name, "CUDA", {"fp32": {}})
    monkeypatch.setattr("engines.backends.onnxruntime.backend.provider_on_gpu", lambda: Choice(stand_in))
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
    backend = OnnxRuntimeGpuBackend()
    state = backend.probe()
    assert (state.available, state.device, state.precisions) == (True, "CUDA", ("fp32",))
    engine = backend.build(style, replace(ON_CUDA, requests=2), AIDS)
    frame = random_frame(HEIGHT, WIDTH)
    wanted = build(style, SPEC)(frame, controls)
    assert np.abs(engine(frame, controls).astype(int) - wanted).max() <= 1
    engine.close()


def test_where_its_folder_cannot_be_ours_alone_a_provider_keeps_nothing(
    style: StyleFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path | None] = []

    def open_on_cpu(style: StyleFile, spec: EngineSpec, provider: Provider, load: Load, folder: Path | None) -> Any:
        asked.append(folder)
        return open_session(style, spec, CPU, load, None)

    stand_in = replace(CPU, device="CUDA", caches=True)
    monkeypatch.setattr("engines.backends.onnxruntime.backend.provider_on_gpu", lambda: Choice(stand_in))
    monkeypatch.setattr("engines.backends.onnxruntime.backend.open_session", open_on_cpu)
    backend = OnnxRuntimeGpuBackend()
    (tmp_path / "file").touch()
    (tmp_path / "open" / "onnxruntime").mkdir(parents=True)
    (tmp_path / "open" / "onnxruntime").chmod(0o777)
    for name, keeps in (("file", False), ("open", False), ("aids", True)):
        folder, kept = tmp_path / name, tmp_path / name / "onnxruntime" if keeps else None
        engine = backend.build(style, ON_CUDA, BuildAids(folder))
        assert backend.dump(engine) == (os.fsencode(kept) if kept else b"")
        backend.restore(backend.dump(engine), style, ON_CUDA).close()
        engine.close()
    assert asked == [None] * 4 + [kept] * 2


def test_what_tensorrt_compiled_is_kept_in_our_folder(tmp_path: Path) -> None:
    tensorrt = ON_GPU[0]
    options = tensorrt.options("fp16", tmp_path)
    assert options["trt_fp16_enable"] == options["trt_engine_cache_enable"] == "1"
    assert options["trt_engine_cache_path"] == str(tmp_path)
    assert CUDA.options("fp32", tmp_path) == {"use_tf32": "0"}


def test_auto_tries_a_gpu_before_and_the_cpu_after_openvino() -> None:
    names = list(backend_names())
    assert names.index("onnxruntime-gpu") < names.index("openvino") < names.index("onnxruntime")
    assert set(OURS) <= set(names)


def test_the_hardware_is_told_in_one_line() -> None:
    assert "\n" not in gpu_hardware()


def test_importing_it_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    """In a process of its own, for this one has imported it."""
    program = "from engines.packages import import_onnxruntime; import_onnxruntime()"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    homeless = environment | {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=homeless, check=True)
    assert list(tmp_path.iterdir()) == []
