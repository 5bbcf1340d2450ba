"""The order of what the torch-half engine queues on a GPU, on a simulated one that runs it as late as CUDA may."""

import gc
import itertools
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from simulated_cuda import OnSimulatedCuda, SimulatedCuda
from small_styles import random_frame, write_small_style
from torch import Tensor

from engines.backends.torch_half import build as torch_half_build
from engines.backends.torch_half import graph as torch_half_cuda
from engines.backends.torch_half.backend import HalfEngine, TorchHalfBackend
from engines.backends.torch_half.graph import GraphPainter
from engines.kernels.compilers import Compilers
from engines.protocols import BuildAids
from engines.spec import Controls, EngineSpec

SIZE = (6, 8)
ORDERS = list(itertools.permutations(range(3)))
MakeGpu = Callable[[SimulatedCuda], SimulatedCuda]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> MakeGpu:
    def install(gpu: SimulatedCuda) -> SimulatedCuda:
        monkeypatch.setattr(torch_half_cuda, "cuda", gpu)
        monkeypatch.setattr(torch_half_cuda, "GPU", "cpu")
        return gpu

    return install


def add_control(frame: Tensor, controls: Tensor) -> Tensor:
    return (frame + controls[0]).to(torch.uint8)


def frames_and_controls(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(random_frame(*SIZE, seed=n)[None] // 2, np.full(3, 10 * n, np.float32)) for n in range(count)]


def wrong_pictures(gpu: SimulatedCuda, callers: int = 2, rounds: int = 3) -> int:
    """How many frames come out wrong where several callers' frames are always queued before the first is waited for."""
    wrong = 0
    with OnSimulatedCuda(gpu):
        painter = GraphPainter(add_control, SIZE, 3, callers)
        given = frames_and_controls(callers * rounds)
        for start in range(0, len(given), callers):
            batch = list(zip(painter.slots, given[start : start + callers], strict=True))
            for slot, (frame, controls) in batch:
                np.copyto(slot.host.frame.numpy(), frame)
                np.copyto(slot.host.controls.numpy(), controls)
                painter._queue(slot)
            for slot, (frame, controls) in reversed(batch):
                slot.done.synchronize()
                found = slot.host.stylized.numpy()
                wrong += not np.array_equal(found, (frame + controls[0]).astype(np.uint8))
    return wrong


@pytest.mark.parametrize("order", ORDERS)
def test_every_frame_comes_out_whatever_the_gpu_does_first(use: MakeGpu, order: tuple[int, int, int]) -> None:
    assert wrong_pictures(use(SimulatedCuda(order))) == 0


def test_a_missing_wait_would_be_found(use: MakeGpu) -> None:
    assert all(wrong_pictures(use(SimulatedCuda(order, deaf=True))) > 0 for order in ORDERS if order != (0, 1, 2))


def test_threads_get_their_own_frames(use: MakeGpu) -> None:
    gpu = use(SimulatedCuda())
    spec = EngineSpec("torch-half", "fp16", *SIZE, "a GPU", "1", requests=2)
    with OnSimulatedCuda(gpu):
        engine = HalfEngine(GraphPainter(add_control, SIZE, 3, 2), spec, 1, "any")

    def paint(number: int) -> bool:
        frame, controls = random_frame(*SIZE, seed=number) // 2, Controls(np.full(1, number, np.float32))
        with OnSimulatedCuda(gpu):
            return np.array_equal(engine(frame, controls), frame + number)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(paint, range(40)))
    engine.close()
    with pytest.raises(ValueError, match="closed"):
        paint(0)


class Adding:
    """A net with a weight, which a graph only knows the address of."""

    weight = torch.ones(1)

    def __call__(self, frame: Tensor, controls: Tensor) -> Tensor:
        return (frame + self.weight).to(torch.uint8)


def test_the_weights_live_as_long_as_the_graph(use: MakeGpu) -> None:
    net = Adding()
    alive = weakref.ref(net)
    with OnSimulatedCuda(use(SimulatedCuda())):
        painter = GraphPainter(net, SIZE, 3, 1)
        del net
        gc.collect()
        assert alive() is not None
        del painter
        gc.collect()
        assert alive() is None


def test_a_frame_on_the_gpu_is_painted_there(use: MakeGpu) -> None:
    gpu = use(SimulatedCuda((2, 0, 1)))
    with OnSimulatedCuda(gpu):
        painter = GraphPainter(add_control, SIZE, 3, 1)
        for frame, controls in frames_and_controls(4):
            found = painter.paint_device(painter.slots[0], torch.tensor(frame), controls)
            assert np.array_equal(found.numpy(), (frame + controls[0]).astype(np.uint8))
        again = painter.paint_device(painter.slots[0], torch.tensor(frame), controls)
        assert again.data_ptr() != found.data_ptr()


def test_styles_and_strength_change_without_a_new_capture(
    use: MakeGpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole engine, its graph replayed by the operations that were recorded, against the same net with no graph."""
    gpu = use(SimulatedCuda())
    monkeypatch.setattr(torch_half_build, "GPU", "cpu")
    monkeypatch.setenv(torch_half_build.INDUCTOR_FOLDER, str(tmp_path))
    monkeypatch.setattr(torch_half_build, "find_compilers", lambda: Compilers(missing="none in this test"))
    style, aids = write_small_style(tmp_path / "small.onnx"), BuildAids(tmp_path)
    specs = [EngineSpec("torch-half", "fp16", 21, 34, device, "1") for device in ("a GPU", "CPU")]
    with OnSimulatedCuda(gpu):
        engine = TorchHalfBackend().build(style, specs[0], aids)
        direct = TorchHalfBackend().build(style, specs[1], aids)
        for name, strength, keep_colour in (("waves", 1, 0), ("night", 1, 0), ("night", 0.4, 0.9), ("waves", 0, 0)):
            controls, frame = Controls(style.vector(name), strength, keep_colour), random_frame(21, 34, seed=len(name))
            assert np.array_equal(engine(frame, controls), direct(frame, controls))
    assert gpu.captures == 1
    assert TorchHalfBackend().dump(engine) == torch_half_build.OPERATIONS.encode()
