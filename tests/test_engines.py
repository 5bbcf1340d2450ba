"""One suite over all backends: what every engine does, whatever runs it, and in whatever precision `auto` takes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from pretended_processor import PRECISIONS, pretended
from small_styles import one_thread_for_torch, random_frame, write_small_style

from engines.backends.ours import OURS
from engines.backends.registry import probe
from engines.loading.engine import Controls, Engine, EngineChoice, load_engine
from engines.pictures import psnr
from engines.spec import FLOOR_DB
from engines.style.styles import StyleFile

HEIGHT, WIDTH = 37, 53
SIZES = [(16, 16), (17, 31), (16, 129), (64, 48)]
BACKENDS = [
    pytest.param((name, precision), id=f"{name}-{precision}" if name == "openvino" else name)
    for name in OURS
    for precision in (PRECISIONS if name == "openvino" else ("fp32",))
]
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


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """The one that depends on it runs on a processor with bf16 and on one without."""
    name, precision = request.param
    with pretended(precision):
        state = probe(name)
        if not state.available:
            pytest.skip(state.reason)
        if name == "openvino":
            assert state.precisions[0] == precision
        yield name


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
    assert spec.precision == probe(backend).precisions[0]
    assert spec.version
    assert engine.gate is not None
    assert engine.gate.passed
    assert engine.gate.psnr_db >= FLOOR_DB[spec.precision]


@pytest.mark.parametrize(("strength", "keep_colour"), [(1, 0), (0.5, 0), (1, 1), (0.7, 0.3)])
def test_it_agrees_with_the_net_in_torch(
    engine: Engine, reference: Engine, style: StyleFile, frame: np.ndarray, strength: float, keep_colour: float
) -> None:
    controls = Controls(style.mix({"waves": 1, "night": 2}), strength, keep_colour)
    assert psnr(engine(frame, controls), reference(frame, controls)) >= FLOOR_DB[engine.spec.precision]


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
