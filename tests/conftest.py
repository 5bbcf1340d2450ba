"""Fixtures that several test files share."""

import atexit
import gc
import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before a test imports onnxruntime by itself
if "PYTEST_XDIST_WORKER" in os.environ:  # processes share the cores, so threads of torch would only spin
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read once, where numpy and torch are loaded: before all below
    atexit.register(os._exit, 0)  # behind all that was told and tidied: to take torch down again would take seconds

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from clips import write_clip
from hypothesis import settings
from pretended_processor import PRECISIONS, VARIABLE, pretended

from realtime.frames.request import SinkRequest

# What is drawn is the same in every run, so that one that fails fails again; `make check` draws anew.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """What is imported and collected stays to the end: no search for garbage looks at its half million objects again.

    One search would take most of a second, in each test of what is left behind and whenever Python comes to it.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        set_aside()
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def what_a_module_loads() -> Iterator[None]:
    """What a test module's tests have imported and keep, as torch's compiler, is not searched in the next one's."""
    yield
    set_aside()


def set_aside() -> None:
    """Garbage goes, and what is left is not looked at again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real clips, pictures and checkpoints that stands beside the project; a user's clone has none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the test data in ../shared/data")
    return SHARED_DATA


@pytest.fixture(scope="session", autouse=True)
def processor_of_this_run() -> Iterator[None]:
    """The machine's own, or for the whole run the one that PRETENDED_PRECISION=bf16 (or fp32) asks for."""
    precision = os.environ.get(VARIABLE)
    with pretended(precision) if precision else nullcontext():
        yield


@pytest.fixture(scope="session", autouse=True)
def cache_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled engines go to a folder of this run; the user's own cache is neither read nor written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPASTO_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def small_style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A style file of a small untrained net with the styles `waves` and `night`."""
    from small_styles import write_small_style  # it loads torch, which who hands the tests out has no use for

    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx").path


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Makes a video of so many frames, 64×48 at 25 fps."""

    def make(frames: int) -> Path:
        path = tmp_path_factory.mktemp("clips") / "ramps.mp4"
        return write_clip(path, pts=range(0, 512 * frames, 512))

    return make


@pytest.fixture(params=PRECISIONS)
def auto_precision(request: pytest.FixtureRequest) -> Iterator[str]:
    """What `auto` takes on the processor: each test that asks for it runs on one with bf16 and on one without."""
    with pretended(request.param):
        yield request.param


@pytest.fixture
def sink_request() -> SinkRequest:
    """What a live sink is asked for: 32×16 at 25 fps."""
    return SinkRequest(size=(32, 16), frame_rate=Fraction(25))
