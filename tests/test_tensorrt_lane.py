"""How a TensorRT engine uses the GPU: in which order, what it captures, what it frees. CUDA is played by a recorder."""

import ctypes
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import numpy as np
import pytest
from recorded_cuda import HEIGHT, STYLE_SIZE, WIDTH, DeviceTensor, RecordedContext, RecordedCuda, RecordedPlan
from small_styles import random_frame

from engines.backends.tensorrt.cuda import DEFAULT_STREAM, Cuda, CudaError
from engines.backends.tensorrt.engine import TensorRtEngine, unpack
from engines.errors import EngineRefused
from engines.protocols import DeviceEngine, RangeEngine, carries_state
from engines.spec import Controls, EngineSpec, SizeRange
from engines.style.state import StateInput

SPEC = EngineSpec("tensorrt", "fp16", HEIGHT, WIDTH, "CUDA", "11.0")
RANGED = EngineSpec("tensorrt", "fp16", HEIGHT, WIDTH, "CUDA", "11.0", size_range=SizeRange((8, 8), (40, 40)))
CONTROLS = Controls(np.arange(STYLE_SIZE), 0.5, 0.25)


def open_engine(
    plan: RecordedPlan, spec: EngineSpec = SPEC, *, captures: bool = True, state: tuple[StateInput, ...] = ()
) -> TensorRtEngine:
    cuda: Cuda = plan.cuda
    return TensorRtEngine(plan, spec, style_size=STYLE_SIZE, cuda=cuda, captures=captures, state=state)  # type: ignore[arg-type]


@pytest.fixture
def plan() -> RecordedPlan:
    return RecordedPlan(RecordedCuda())


@pytest.fixture
def engine(plan: RecordedPlan) -> Iterator[TensorRtEngine]:
    engine = open_engine(plan)
    yield engine
    engine.close()
    assert plan.cuda.all_freed


def painted(frame: np.ndarray, controls: Controls) -> np.ndarray:
    return frame + np.uint8(40 * controls.strength + 8 * controls.keep_colour + controls.style[-1])


FRAME_BYTES, CONTROL_BYTES = 3 * HEIGHT * WIDTH, 512 + 4 * STYLE_SIZE
COPY_IN, COPY_OUT, CONTROLS_IN = f"copy_in {FRAME_BYTES}", f"copy_out {FRAME_BYTES}", f"copy_in {CONTROL_BYTES}"


def test_the_net_runs_once_before_it_is_captured(engine: TensorRtEngine, plan: RecordedPlan) -> None:
    opening = plan.cuda.calls[plan.cuda.calls.index(CONTROLS_IN) :]
    assert opening == [CONTROLS_IN, "net", "synchronise", "begin_capture", "net", "end_capture"]


def test_a_frame_is_copied_launched_and_copied(engine: TensorRtEngine, plan: RecordedPlan) -> None:
    """And the controls travel when they changed alone."""
    frame = random_frame(HEIGHT, WIDTH)
    plan.cuda.calls.clear()
    assert np.array_equal(engine(frame, CONTROLS), painted(frame, CONTROLS))
    assert plan.cuda.calls == [CONTROLS_IN, COPY_IN, "launch", COPY_OUT, "synchronise"]
    plan.cuda.calls.clear()
    assert np.array_equal(engine(frame[::-1], Controls(CONTROLS.style, 0.5, 0.25)), painted(frame[::-1], CONTROLS))
    assert plan.cuda.calls == [COPY_IN, "launch", COPY_OUT, "synchronise"]
    other = Controls(CONTROLS.style + 3, 1, 1)
    assert np.array_equal(engine(frame, other), painted(frame, other))


def test_a_frame_on_the_gpu_does_not_travel(engine: TensorRtEngine, plan: RecordedPlan) -> None:
    frame = DeviceTensor(plan.cuda, random_frame(HEIGHT, WIDTH))
    plan.cuda.calls.clear()
    result = engine.paint_device(frame, CONTROLS)
    within = f"copy_within {FRAME_BYTES}"
    assert plan.cuda.calls == ["synchronise", CONTROLS_IN, within, "launch", within, "synchronise"]
    assert np.array_equal(result.array, painted(frame.array, CONTROLS))
    assert isinstance(engine, DeviceEngine)
    assert engine.takes_device_frames


def test_memory_that_somebody_still_reads_is_not_painted_over(engine: TensorRtEngine, plan: RecordedPlan) -> None:
    """Torch hands out memory that was let go of on a stream to that stream again, and the lane's is another."""
    frame = DeviceTensor(plan.cuda, random_frame(HEIGHT, WIDTH))
    result, seen = DeviceTensor(plan.cuda, random_frame(HEIGHT, WIDTH, seed=1)), list[np.ndarray]()
    before = result.array.copy()
    plan.cuda.queue(DEFAULT_STREAM, "read", lambda: seen.append(result.array.copy()))
    frame.new_empty = lambda shape: result  # type: ignore[method-assign]
    engine.paint_device(frame, CONTROLS)
    assert np.array_equal(seen[0], before)
    assert not np.array_equal(result.array, before)


def test_wrong_tensors_are_value_errors(engine: TensorRtEngine, plan: RecordedPlan) -> None:
    with pytest.raises(ValueError, match="takes uint8"):
        engine.paint_device(DeviceTensor(plan.cuda, random_frame(HEIGHT, WIDTH), "torch.float32"), CONTROLS)
    with pytest.raises(ValueError, match="takes uint8"):
        engine.paint_device(DeviceTensor(plan.cuda, random_frame(HEIGHT, 9)), CONTROLS)
    elsewhere = DeviceTensor(plan.cuda, random_frame(HEIGHT, WIDTH))
    elsewhere.is_cuda = False
    with pytest.raises(ValueError, match="on the GPU"):
        engine.paint_device(elsewhere, CONTROLS)


def test_what_was_painted_is_not_painted_over(engine: TensorRtEngine) -> None:
    first = engine(random_frame(HEIGHT, WIDTH), CONTROLS)
    kept = first.copy()
    engine(random_frame(HEIGHT, WIDTH, seed=1), CONTROLS)
    assert np.array_equal(first, kept)


def test_a_flavour_that_captures_itself_is_not_captured(plan: RecordedPlan) -> None:
    engine = open_engine(plan, captures=False)
    plan.cuda.calls.clear()
    engine(random_frame(HEIGHT, WIDTH), CONTROLS)
    assert plan.cuda.calls == [CONTROLS_IN, COPY_IN, "net", COPY_OUT, "synchronise"]
    engine.close()
    assert plan.cuda.all_freed


def test_without_a_capture_it_paints_all_the_same(plan: RecordedPlan, caplog: pytest.LogCaptureFixture) -> None:
    plan.cuda.capture_fails = True
    engine = open_engine(plan)
    assert "runs slower" in caplog.text
    frame = random_frame(HEIGHT, WIDTH)
    assert np.array_equal(engine(frame, CONTROLS), painted(frame, CONTROLS))
    engine.close()
    assert plan.cuda.all_freed


def test_two_requests_are_in_their_nets_at_once(plan: RecordedPlan) -> None:
    engine = open_engine(plan, replace(SPEC, requests=2))
    meeting = Barrier(2)
    for context in plan.contexts:
        context.meeting = meeting
    frames = [random_frame(HEIGHT, WIDTH, seed) for seed in range(6)]
    with ThreadPoolExecutor(2) as callers:
        results = list(callers.map(lambda frame: engine(frame, CONTROLS), frames))
    assert all(np.array_equal(result, painted(frame, CONTROLS)) for result, frame in zip(results, frames, strict=True))
    assert len({context.at["frame"] for context in plan.contexts}) == 2
    engine.close()
    assert plan.cuda.all_freed


def test_another_size_is_another_lane_with_a_capture_of_its_own(plan: RecordedPlan) -> None:
    engine = open_engine(plan, RANGED)
    assert isinstance(engine, RangeEngine)
    larger = engine.resized(30, 40)
    assert (larger.spec.height, larger.spec.width, larger.spec.size_range) == (30, 40, RANGED.size_range)
    assert plan.cuda.calls.count("begin_capture") == 2
    engine.close()
    frame = random_frame(30, 40)
    assert np.array_equal(larger(frame, CONTROLS), painted(frame, CONTROLS))
    larger.close()
    assert plan.cuda.all_freed


def test_sizes_out_of_range_are_refused_in_words(engine: TensorRtEngine, plan: RecordedPlan) -> None:
    with pytest.raises(ValueError, match="takes 20x12 alone, not 30x30"):
        engine.resized(30, 30)
    ranged = open_engine(plan, RANGED)
    with pytest.raises(ValueError, match="takes 8x8-40x40, not 41x40"):
        ranged.resized(40, 41)
    ranged.close()
    with pytest.raises(ValueError, match="is closed"):
        ranged.resized(30, 30)


def test_a_size_that_the_context_refuses_frees_everything(plan: RecordedPlan) -> None:
    with pytest.raises(EngineRefused, match="does not take frames of 100x12"):
        open_engine(plan, replace(RANGED, width=100))
    assert plan.cuda.all_freed


def test_a_second_lane_without_memory_frees_the_first(plan: RecordedPlan) -> None:
    plan.most = 1
    with pytest.raises(EngineRefused, match="no memory left"):
        open_engine(plan, replace(SPEC, requests=2))
    assert plan.cuda.all_freed


def test_a_net_that_does_not_run_is_an_error_and_the_lane_stays(plan: RecordedPlan) -> None:
    engine = open_engine(plan, captures=False)
    plan.contexts[0].runs = False
    with pytest.raises(CudaError, match="refused to run"):
        engine(random_frame(HEIGHT, WIDTH), CONTROLS)
    plan.contexts[0].runs = True
    frame = random_frame(HEIGHT, WIDTH)
    assert np.array_equal(engine(frame, CONTROLS), painted(frame, CONTROLS))
    engine.close()


def test_a_net_that_does_not_run_at_first_frees_everything(plan: RecordedPlan) -> None:
    plan.runs = False
    with pytest.raises(CudaError, match="refused to run"):
        open_engine(plan)
    assert plan.cuda.all_freed


def test_wrong_frames_and_styles_are_value_errors(engine: TensorRtEngine) -> None:
    with pytest.raises(ValueError, match="uint8"):
        engine(random_frame(HEIGHT, WIDTH + 1), CONTROLS)
    with pytest.raises(ValueError, match="style vector has 7 numbers"):
        engine(random_frame(HEIGHT, WIDTH), Controls(np.zeros(STYLE_SIZE + 1)))


def test_a_closed_engine_says_so_and_keeps_nothing(plan: RecordedPlan) -> None:
    engine = open_engine(plan)
    assert engine.export() == b"plan"
    engine.close()
    engine.close()
    assert engine.export() == b""
    with pytest.raises(ValueError, match="closed"):
        engine(random_frame(HEIGHT, WIDTH), CONTROLS)


@pytest.mark.parametrize("blob", [b"", b"\x00" * 8, b"\x05" + b"\x00" * 7 + b"four", b"\xff" * 40])
def test_a_blob_that_is_cut_off_is_refused(blob: bytes) -> None:
    with pytest.raises(EngineRefused, match="cut off"):
        unpack(blob)


COUNTED, DOUBLED = (
    StateInput(name, "float32", (1, 1, "H/8", "W/8"), start, (0, 99))
    for name, start in (("counted", 0), ("doubled", 5))
)
STEPS: dict[str, Callable[[float], float]] = {"counted": lambda value: value + 1, "doubled": lambda value: 2 * value}


class CountingContext(RecordedContext):
    """Carries numbers from run to run, `counted` up by 1 and `doubled`, and adds both to the first value it paints."""

    def set_tensor_address(self, name: str, address: int) -> bool:
        return super().set_tensor_address(name, address) or name.removeprefix("next_") in STEPS

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        return self.profile == 0 if name in STEPS else super().set_input_shape(name, shape)

    def paint(self) -> None:
        super().paint()
        shown = ctypes.c_uint8.from_address(self.at["stylized"])
        for name in STEPS.keys() & self.at.keys():
            following = STEPS[name](self.number(name))
            ctypes.c_float.from_address(self.at[f"next_{name}"]).value = following
            shown.value += int(following)


@pytest.fixture
def counting(plan: RecordedPlan, monkeypatch: pytest.MonkeyPatch) -> RecordedPlan:
    monkeypatch.setattr("recorded_cuda.RecordedContext", CountingContext)
    return plan


def carried_by(engine: TensorRtEngine) -> int:
    """What is added to the first value of a black frame."""
    black = np.zeros((engine.spec.height, engine.spec.width, 3), np.uint8)
    return int(engine(black, Controls(np.zeros(STYLE_SIZE), 0, 0))[0, 0, 0])


@pytest.mark.parametrize("captures", [True, False], ids=["captured", "not captured"])
def test_state_is_fed_back_at_addresses_that_stay(counting: RecordedPlan, captures: bool) -> None:
    """What was painted to warm up is forgotten: 1 + 2·5, 2 + 4·5 and so on."""
    engine = open_engine(counting, captures=captures, state=(COUNTED, DOUBLED))
    addresses = dict(counting.contexts[0].at)
    assert carries_state(engine)
    assert [carried_by(engine) for _ in range(4)] == [1 + 10, 2 + 20, 3 + 40, 4 + 80]
    engine.reset()
    assert [carried_by(engine) for _ in range(2)] == [1 + 10, 2 + 20]
    assert counting.contexts[0].at == addresses
    assert len(set(addresses.values())) == len(addresses)
    engine.close()
    assert counting.cuda.all_freed


def test_state_travels_at_the_beginning_alone(counting: RecordedPlan) -> None:
    engine, start = open_engine(counting, state=(COUNTED,)), f"copy_in {4 * 2 * 3}"
    for begins in (True, False):
        counting.cuda.calls.clear()
        carried_by(engine)
        assert (start in counting.cuda.calls) == begins
    assert counting.cuda.calls == [COPY_IN, "launch", COPY_OUT, "synchronise"]
    engine.reset()
    counting.cuda.calls.clear()
    engine.paint_device(DeviceTensor(counting.cuda, random_frame(HEIGHT, WIDTH)), CONTROLS)
    assert counting.cuda.calls.index(start) < counting.cuda.calls.index("launch")
    engine.close()


def test_another_size_has_a_state_of_its_own(counting: RecordedPlan) -> None:
    engine = open_engine(counting, RANGED, state=(COUNTED,))
    larger = engine.resized(30, 40)
    assert [(carried_by(engine), carried_by(larger)) for _ in range(3)] == [(1, 1), (2, 2), (3, 3)]
    larger.close()
    engine.close()
    assert counting.cuda.all_freed
