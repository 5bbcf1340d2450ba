"""One suite over all backends: what every engine does, whatever runs it."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_styles import one_thread_for_torch, random_frame, write_small_style

from engines.engine import Controls, Engine, EngineChoice, load_engine, probe_backends
from engines.errors import EngineRefused, ImpastoError
from engines.registry import OURS, probe
from engines.spec import FLOOR_DB
from engines.style import StyleFile
from engines.verify import psnr

ROOT = Path(__file__).parents[1]
HEIGHT, WIDTH = 37, 53
SIZES = [(16, 16), (17, 31), (16, 129), (64, 48)]
LUMA = np.array([0.299, 0.587, 0.114])


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


@pytest.fixture(scope="module", params=OURS)
def backend(request: pytest.FixtureRequest) -> str:
    state = probe(request.param)
    if not state.available:
        pytest.skip(state.reason)
    return state.name


@pytest.fixture(scope="module")
def engine(backend: str, style: StyleFile, cache_dir: Path) -> Iterator[Engine]:
    choice = EngineChoice(backend, requests=2)
    made = load_engine(style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache_dir)
    yield made
    made.close()


@pytest.fixture(scope="module")
def reference(style: StyleFile, cache_dir: Path) -> Iterator[Engine]:
    """torch, layer by layer: the net as it was trained."""
    made = load_engine(style, height=HEIGHT, width=WIDTH, choice=EngineChoice("torch"), cache_dir=cache_dir)
    yield made
    made.close()


@pytest.fixture
def frame() -> np.ndarray:
    return random_frame(HEIGHT, WIDTH)


def test_it_says_what_it_is_and_how_well_it_agrees(engine: Engine, backend: str) -> None:
    spec = engine.spec
    assert (spec.backend, spec.height, spec.width, spec.requests) == (backend, HEIGHT, WIDTH, 2)
    assert spec.version
    assert engine.gate is not None
    assert engine.gate.passed
    assert engine.gate.psnr_db >= FLOOR_DB[spec.precision]


@pytest.mark.parametrize(("strength", "keep_colour"), [(1, 0), (0.5, 0), (1, 1), (0.7, 0.3)])
def test_it_agrees_with_the_net_in_torch(
    engine: Engine, reference: Engine, style: StyleFile, frame: np.ndarray, strength: float, keep_colour: float
) -> None:
    controls = Controls(style.mix({"waves": 1, "night": 2}), strength, keep_colour)
    assert psnr(engine(frame, controls), reference(frame, controls)) >= 50


def test_it_returns_a_new_picture_of_the_same_kind(engine: Engine, style: StyleFile, frame: np.ndarray) -> None:
    before = frame.copy()
    first = engine(frame, Controls(style.vector("waves")))
    kept = first.copy()
    second = engine(random_frame(HEIGHT, WIDTH, seed=1), Controls(style.vector("night")))
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert first.dtype == np.uint8
    assert first.flags.c_contiguous
    assert np.array_equal(frame, before)
    assert np.array_equal(first, kept)
    assert not np.array_equal(first, second)
    first[:] = 0


def test_strength_0_returns_the_picture_exactly(engine: Engine, style: StyleFile, frame: np.ndarray) -> None:
    for keep_colour in (0, 0.5, 1):
        assert np.array_equal(engine(frame, Controls(style.vector("waves"), 0, keep_colour)), frame)


def test_keep_colour_changes_the_luma_alone(engine: Engine, style: StyleFile) -> None:
    """The same amount is added to red, green and blue. A grey, dim frame and little strength leave nothing to clip."""
    dim = random_frame(HEIGHT, WIDTH) // 8 + 112
    changed = engine(dim, Controls(style.vector("waves"), 0.3, 1)).astype(int) - dim
    assert np.abs(changed).max() > 5
    assert np.ptp(changed, axis=-1).max() <= 1


def test_the_luma_is_that_of_the_full_style(engine: Engine, style: StyleFile) -> None:
    dim = random_frame(HEIGHT, WIDTH) // 8 + 112
    coloured, kept = (engine(dim, Controls(style.vector("waves"), 0.3, keep)).astype(float) @ LUMA for keep in (0, 1))
    assert np.abs(coloured - kept).max() <= 1


def test_styles_and_mixes_of_them_differ(engine: Engine, style: StyleFile, frame: np.ndarray) -> None:
    vectors = (style.vector("waves"), style.vector("night"), style.mix({"waves": 0.5, "night": 0.5}))
    pictures = [engine(frame, Controls(vector)) for vector in vectors]
    assert min(psnr(a, b) for a, b in zip(pictures, pictures[1:] + pictures[:1], strict=True)) < 40


def test_it_is_deterministic(engine: Engine, style: StyleFile, frame: np.ndarray) -> None:
    controls = Controls(style.vector("night"), 0.8, 0.2)
    assert np.array_equal(engine(frame, controls), engine(frame, controls))


def test_more_callers_than_requests_get_their_own_pictures(engine: Engine, style: StyleFile) -> None:
    frames = [random_frame(HEIGHT, WIDTH, seed) for seed in range(24)]
    controls = [Controls(style.vector("waves"), 1 - index / 24) for index in range(24)]
    alone = [engine(*pair) for pair in zip(frames, controls, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(engine, frames, controls))
    assert all(np.array_equal(*pair) for pair in zip(alone, together, strict=True))


@pytest.mark.parametrize("make", [lambda f: f[:, ::-1], lambda f: np.ascontiguousarray(f)], ids=["view", "read-only"])
def test_views_and_read_only_frames_are_taken(
    engine: Engine, style: StyleFile, frame: np.ndarray, make: object
) -> None:
    assert callable(make)
    given = make(frame)
    given.setflags(write=False)
    controls = Controls(style.vector("waves"))
    assert np.array_equal(engine(given, controls), engine(given.copy(), controls))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((HEIGHT, WIDTH, 4), np.uint8),
        np.zeros((WIDTH, HEIGHT, 3), np.uint8),
        np.zeros((HEIGHT, WIDTH, 3), np.float32),
        np.zeros((1, HEIGHT, WIDTH, 3), np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_another_frame_is_a_value_error(engine: Engine, style: StyleFile, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=rf"takes uint8 \({HEIGHT}, {WIDTH}, 3\)"):
        engine(wrong, Controls(style.vector("waves")))


def test_a_vector_of_another_net_is_a_value_error(engine: Engine, frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match="the style vector has 5 numbers"):
        engine(frame, Controls(np.ones(5)))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_any_size_from_16_pixels_on(backend: str, style: StyleFile, cache_dir: Path, height: int, width: int) -> None:
    frame = random_frame(height, width)
    made = load_engine(style, height=height, width=width, choice=EngineChoice(backend), cache_dir=cache_dir)
    assert made(frame, Controls(style.vector("waves"))).shape == frame.shape
    assert np.array_equal(made(frame, Controls(style.vector("waves"), 0)), frame)
    made.close()


def test_closing_twice_is_closing(backend: str, style: StyleFile, cache_dir: Path, frame: np.ndarray) -> None:
    choice = EngineChoice(backend, threads=1)
    made = load_engine(style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache_dir)
    made.close()
    made.close()
    for _ in range(2):
        with pytest.raises(ValueError, match="closed"):
            made(frame, Controls(style.vector("waves")))


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
from engines.registry import probe
print(probe({name!r}).reason)
"""
    assert remedy in run_python(program)


def test_openvino_is_loaded_without_its_telemetry() -> None:
    program = (
        "import sys; from engines.registry import probe; assert probe('openvino').available; "
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
