"""What only a GPU can show of the torch-half engine: its kernels, its graph and its streams as they really run."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from norm_cases import CASES
from small_styles import random_frame, write_small_style

from engines.backends.candidates import spec_for
from engines.backends.registry import open_backend, probe
from engines.backends.torch_half.build import WAYS
from engines.gate.verify import paint_golden_pictures, verify
from engines.loading.engine import EngineChoice
from engines.protocols import BuildAids, DeviceEngine, Engine
from engines.spec import Controls
from engines.style.styles import StyleFile

STATE = probe("torch-half")
pytestmark = [
    pytest.mark.skipif(not STATE.available, reason=STATE.reason),
    pytest.mark.filterwarnings("default"),  # compilers warn of much that is not ours
]
SIZE = (90, 130)


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture(scope="module")
def engine(style: StyleFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    spec = spec_for(STATE, "fp16", SIZE, EngineChoice(requests=3))
    made = open_backend(STATE.name).build(style, spec, BuildAids(tmp_path_factory.mktemp("aids")))
    yield made
    made.close()


@pytest.mark.parametrize("name", CASES)
def test_the_kernels_are_instance_norm_in_float64(name: str) -> None:
    pytest.importorskip("triton")
    from engines.kernels.instance_norm_triton import triton_norm

    case = CASES[name]
    x, scale, shift, epsilon, residual = case.inputs()
    there = [each.cuda() for each in (x, scale, shift, epsilon)]
    beside = None if residual is None else residual.cuda()
    assert case.error(triton_norm(there[0], there[1], there[2], there[3], beside, case.step).cpu()) <= 1


@pytest.mark.parametrize("precision", STATE.precisions)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_passes_the_gate(style: StyleFile, way: str, precision: str) -> None:
    spec = spec_for(STATE, precision, SIZE, EngineChoice())
    made = open_backend(STATE.name).restore(way.encode(), style, spec)
    report = verify(made, paint_golden_pictures(style, spec))
    made.close()
    assert report.passed, report.problem


def test_callers_side_by_side_get_their_own_frames(engine: Engine, style: StyleFile) -> None:
    controls = [Controls(style.vector(name), strength) for name in ("waves", "night") for strength in (0.5, 1.0)]
    frames = [random_frame(*SIZE, seed=seed) for seed in range(4)]
    alone = [engine(frame, each) for frame, each in zip(frames, controls, strict=True)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda n: engine(frames[n % 4], controls[n % 4]), range(200)))
    assert all(np.array_equal(picture, alone[n % 4]) for n, picture in enumerate(together))


def test_a_frame_on_the_gpu_is_painted_there(engine: Engine, style: StyleFile) -> None:
    assert isinstance(engine, DeviceEngine)
    frame, controls = random_frame(*SIZE), Controls(style.vector("waves"), 0.8, 0.3)
    found = engine.paint_device(torch.tensor(frame).cuda(), controls)
    assert found.is_cuda
    assert np.array_equal(found.cpu().numpy(), engine(frame, controls))


def test_no_style_returns_the_frame(engine: Engine, style: StyleFile) -> None:
    frame = random_frame(*SIZE)
    assert np.array_equal(engine(frame, Controls(style.vector("waves"), 0)), frame)
