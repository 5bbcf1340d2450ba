"""OpenVINO's engines: how they share the machine, one net for a range of sizes, and closing while frames are in it."""

import ctypes
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_styles import random_frame, write_small_style

from engines.backends.openvino.backend import OpenVinoEngine
from engines.backends.registry import open_backend
from engines.errors import EngineRefused
from engines.loading.engine import Controls, Engine, EngineChoice, load_engine, restore_engine
from engines.protocols import BuildAids
from engines.spec import EngineSpec, SizeRange
from engines.style.styles import StyleFile

HEIGHT, WIDTH = 48, 64
RANGE = SizeRange((16, 20), (96, 128))
SPEC = EngineSpec("openvino", "fp32", HEIGHT, WIDTH, "CPU", "1")


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def controls(style: StyleFile) -> Controls:
    return Controls(style.vector("waves"), 0.9, 0.1)


@pytest.fixture(scope="module")
def ranged(style: StyleFile, cache_dir: Path) -> Iterator[Engine]:
    choice = EngineChoice("openvino", "fp32", size_range=RANGE)
    made = load_engine(style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache_dir)
    yield made
    made.close()


def build(style: StyleFile, spec: EngineSpec) -> OpenVinoEngine:
    made = open_backend("openvino").build(style, spec, BuildAids(Path("unused")))
    assert isinstance(made, OpenVinoEngine)
    return made


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"requests": 3, "mode": "latency"}, {"NUM_STREAMS": 1}),
        ({"requests": 2, "mode": "throughput", "threads": 2}, {"NUM_STREAMS": 2, "INFERENCE_NUM_THREADS": 2}),
        ({"threads": 1}, {"INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}),
        ({"pinned": True}, {"ENABLE_CPU_PINNING": True}),
    ],
)
def test_the_runtime_shares_the_machine_as_asked(
    style: StyleFile, controls: Controls, asked: dict[str, Any], expected: dict[str, object]
) -> None:
    engine = build(style, replace(SPEC, **asked))
    assert {name: engine._compiled.get_property(name) for name in expected} == expected
    assert engine(random_frame(HEIGHT, WIDTH), controls).shape == (HEIGHT, WIDTH, 3)
    engine.close()


@pytest.mark.parametrize("size", [(16, 20), (33, 47), (96, 128)])
def test_one_net_takes_all_sizes_of_a_range(
    ranged: Engine, style: StyleFile, controls: Controls, size: tuple[int, int]
) -> None:
    assert isinstance(ranged, OpenVinoEngine)
    resized, made_for_it = ranged.resized(*size), build(style, replace(SPEC, height=size[0], width=size[1]))
    frame = random_frame(*size)
    difference = resized(frame, controls).astype(int) - made_for_it(frame, controls)
    assert np.abs(difference).max() <= 1
    assert (resized.spec.height, resized.spec.width) == size
    resized.close()
    made_for_it.close()


def test_an_engine_for_a_range_is_kept_in_the_cache_for_all_its_sizes(
    ranged: Engine, style: StyleFile, controls: Controls, cache_dir: Path
) -> None:
    choice = EngineChoice("openvino", "fp32", size_range=RANGE)
    restored = restore_engine(style, height=50, width=70, choice=choice, cache_dir=cache_dir)
    assert restored is not None
    assert restored(random_frame(50, 70), controls).shape == (50, 70, 3)
    restored.close()


def test_a_size_outside_the_range_is_a_value_error(ranged: Engine, style: StyleFile) -> None:
    assert isinstance(ranged, OpenVinoEngine)
    with pytest.raises(ValueError, match="takes 20x16-128x96, not 64x200"):
        ranged.resized(200, 64)
    of_one_size = build(style, SPEC)
    with pytest.raises(ValueError, match="takes 64x48 alone, not 65x49"):
        of_one_size.resized(49, 65)
    of_one_size.close()
    with pytest.raises(ValueError, match="is closed"):
        of_one_size.resized(49, 65)


def test_a_size_in_use_outside_its_own_range_is_refused(style: StyleFile) -> None:
    with pytest.raises(EngineRefused, match="takes the sizes 20x16-128x96, which 64x200 is not"):
        build(style, replace(SPEC, height=200, size_range=RANGE))


def signal_stack() -> bytes:
    """This thread's alternate signal stack, as Linux tells it: address, flags and size."""
    told = ctypes.create_string_buffer(64)
    assert ctypes.CDLL(None).sigaltstack(None, told) == 0
    return told.raw


@pytest.mark.skipif(sys.platform != "linux", reason="seen on Linux")
def test_engines_that_come_and_go_leave_signals_their_stack(style: StyleFile, controls: Controls) -> None:
    """Or the next Ctrl-C would end the process: the first one closed is the first one opened."""
    before = signal_stack()
    first, second = build(style, SPEC), build(style, replace(SPEC, requests=2))
    for engine in (first, second):
        engine(random_frame(HEIGHT, WIDTH), controls)
        assert signal_stack() == before
        engine.close()
        assert signal_stack() == before


def test_two_may_close_while_frames_are_in_the_net(style: StyleFile, controls: Controls) -> None:
    """Each frame is painted or told that the engine is closed, and both callers of close come back."""
    engine = build(style, replace(SPEC, requests=2))
    frame = random_frame(HEIGHT, WIDTH)
    wanted = engine(frame, controls)
    started = threading.Barrier(6)

    def paint() -> list[np.ndarray]:
        pictures: list[np.ndarray] = []
        started.wait()
        with pytest.raises(ValueError, match="closed"):
            pictures.extend(engine(frame, controls) for _ in count())
        return pictures

    def close() -> None:
        started.wait()
        engine.close()

    with ThreadPoolExecutor(6) as pool:
        painting = [pool.submit(paint) for _ in range(4)]
        closing = [pool.submit(close) for _ in range(2)]
        for future in closing:
            future.result(timeout=60)
        painted = [picture for future in painting for picture in future.result(timeout=60)]
    assert all(np.array_equal(picture, wanted) for picture in painted)
