"""TensorRT as far as it goes without a GPU: TensorRT-RTX parses and compiles every typed graph on a CPU.

What it paints needs a GPU: there tests/test_engines.py runs its suite over these backends like over any other.
"""

import _thread
import signal
import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto
from small_styles import SMALL, random_frame, write_small_style

from engines.backends.tensorrt import ranges
from engines.backends.tensorrt.backend import TensorRtRtxBackend, model_for
from engines.backends.tensorrt.build import BuildProgress, Order, compile_plan, listening_logger, started
from engines.backends.tensorrt.cuda import CudaBindings, CudaError
from engines.backends.tensorrt.engine import Plan
from engines.backends.tensorrt.flavours import PlainTensorRt, TensorRtRtx
from engines.backends.tensorrt.typed_graph import plain_fp16_model
from engines.cache.aids import read_aid
from engines.errors import EngineRefused, ImpastoError
from engines.export.export import export_style
from engines.names import PRECISIONS
from engines.networks.family import Rewrites
from engines.networks.graph import Graph
from engines.networks.transform.config import PRESETS
from engines.networks.transform.graph import build_model
from engines.networks.transform.net import TransformNet
from engines.protocols import BuildAids
from engines.spec import Calibration, EngineSpec, SizeRange
from engines.style.styles import NamedStyle, StyleFile, gallery_items, list_gallery, load_style, save_style
from realtime.bench.peers.bare_tensorrt import bare_tensorrt

SIZE = (48, 64)
SPEC = EngineSpec("tensorrt-rtx", "fp16", *SIZE, "CUDA", "1")
AIDS = BuildAids(Path(), Calibration(random_frame(48, 64)[None], "noise"))


@pytest.fixture(scope="module")
def rtx() -> Any:
    """The module of TensorRT-RTX; its parser and builder run on a CPU."""
    return pytest.importorskip("tensorrt_rtx", reason="needs TensorRT-RTX; pip install 'impasto[tensorrt-rtx]'")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


def compiled(trt: Any, style: StyleFile, spec: EngineSpec, report: Any = lambda share: None) -> bytes:
    model = model_for(style, spec, AIDS).SerializeToString()
    return compile_plan(trt, Order(model, SIZE, spec.size_range), lambda config: nullcontext(), report)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", [item.name for item in gallery_items()])
def test_every_gallery_file_compiles_in_every_precision(
    rtx: Any, name: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In 8 bits with all the convolutions that may be, near as their picture may be: to choose among them takes long.

    Whether the chosen ones pass the gate is told in tests/test_onnx_quantisation.py.
    """
    monkeypatch.setattr(ranges, "MARGIN_DB", -100.0)
    assert len(compiled(rtx, load_style(name), replace(SPEC, precision=precision))) > 1000


def test_a_range_of_sizes_compiles(rtx: Any) -> None:
    sizes = SizeRange((16, 16), (1080, 1920))
    assert len(compiled(rtx, list_gallery()[0], replace(SPEC, size_range=sizes))) > 1000


def test_a_range_that_its_size_is_not_in_is_refused(rtx: Any, small: StyleFile) -> None:
    with pytest.raises(EngineRefused, match="takes no sizes 100x100-200x200 tuned for 64x48"):
        compiled(rtx, small, replace(SPEC, size_range=SizeRange((100, 100), (200, 200))))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_compiles(rtx: Any, preset: str, tmp_path: Path) -> None:
    """The shape of the net is what counts: its weights are noise."""
    net = TransformNet(PRESETS[preset], 1)
    weights = {name: value.numpy() for name, value in net.state_dict().items() if name != "styles"}
    styles = [NamedStyle("noise", net.neutral_style().numpy())]
    path = tmp_path / "noise.onnx"
    config = PRESETS[preset].to_dict()
    export_style(
        path,
        network="transform",
        config=config,
        weights=weights,
        styles=styles,
        name="n",
        licence="CC0-1.0",
        training={"steps": 0},
    )
    assert len(compiled(rtx, load_style(str(path)), SPEC)) > 1000


def test_the_plain_graph_of_the_peer_compiles(rtx: Any, small: StyleFile) -> None:
    order = Order(plain_fp16_model(small, SIZE).SerializeToString(), SIZE)
    assert len(compile_plan(rtx, order, lambda config: nullcontext(), lambda share: None)) > 1000


def test_the_bare_peer_says_why_it_cannot_run(small: StyleFile) -> None:
    skip_with_a_gpu()
    with pytest.raises(ImpastoError, match="tensorrt") as raised:
        bare_tensorrt(small, small.vector("waves"))
    assert "\n" not in str(raised.value)


def test_progress_is_told_from_nothing_to_all(rtx: Any, small: StyleFile) -> None:
    shares: list[float] = []
    compiled(rtx, small, SPEC, shares.append)
    assert len(shares) > 100
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.1
    assert shares[-1] == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, EngineRefused, ValueError])
def test_what_progress_raises_ends_the_build(rtx: Any, small: StyleFile, error: type[BaseException]) -> None:
    shares: list[float] = []

    def interrupt(share: float) -> None:
        shares.append(share)
        if len(shares) == 3:
            raise error("enough")

    with pytest.raises(error, match="enough"):
        compiled(rtx, small, SPEC, interrupt)
    assert len(shares) == 3


def test_ctrl_c_ends_the_build(rtx: Any, small: StyleFile) -> None:
    """The signal comes while the build runs in its thread: the waiting main thread has it, and ends the build."""
    told = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored

    def interrupt(share: float) -> None:
        told.append(threading.current_thread())
        if len(told) == 1:
            _thread.interrupt_main()

    try:
        with pytest.raises(KeyboardInterrupt):
            compiled(rtx, small, SPEC, interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert threading.main_thread() not in told
    assert not any(thread.name.startswith("impasto-tensorrt") for thread in threading.enumerate())


def test_a_graph_that_cannot_be_parsed_is_one_line(rtx: Any, small: StyleFile, tmp_path: Path) -> None:
    """A foreign style that pads its frame as bytes, which TensorRT does not."""
    path = tmp_path / "bytes.onnx"
    model = build_model(SMALL.to_dict(), small.weights(), rewrites=Rewrites(bytes_first=True))
    save_style(path, model, replace(small.card, network={"name": "another"}))
    aids = BuildAids(tmp_path)
    with pytest.raises(EngineRefused, match=r"cannot take bytes.onnx: .*the Pad node") as raised:
        _RtxOnCpu().compile(rtx, load_style(str(path)), SPEC, aids)
    assert "\n" not in str(raised.value)


def test_what_cannot_be_converted_is_one_line(small: StyleFile, tmp_path: Path) -> None:
    path = tmp_path / "inverted.onnx"
    graph = Graph("inverted")
    frame = graph.input("frame", TensorProto.UINT8, [1, "height", "width", 3])
    for name, count in (("style", small.card.style_size), ("strength", 1), ("keep_colour", 1)):
        graph.input(name, TensorProto.FLOAT, [count])
    graph.output(graph.op("Identity", frame), "stylized", TensorProto.UINT8, [1, "height", "width", 3])
    save_style(path, graph.model(), replace(small.card, network={"name": "another"}))
    with pytest.raises(EngineRefused, match=r"cannot convert inverted.onnx \(it has no convolution"):
        model_for(load_style(str(path)), SPEC, AIDS)


def test_a_file_that_is_no_graph_is_refused(rtx: Any) -> None:
    with pytest.raises(EngineRefused, match="cannot read its graph, the file: ") as raised:
        compile_plan(rtx, Order(b"no onnx", SIZE), lambda config: nullcontext(), lambda share: None)
    assert "\n" not in str(raised.value)


def test_a_plan_is_opened_with_a_gpu_alone(rtx: Any, small: StyleFile) -> None:
    """Elsewhere TensorRT returns no engine, and the reason is told."""
    skip_with_a_gpu()
    with pytest.raises(EngineRefused, match=r"another version, driver or GPU, or is damaged: .*CUDA"):
        Plan(rtx, TensorRtRtx(), compiled(rtx, small, SPEC))
    with pytest.raises(EngineRefused, match="malformed engine"):
        Plan(rtx, TensorRtRtx(), b"damaged" * 1000)


def test_a_plan_that_is_none_says_why_while_another_is_open(rtx: Any) -> None:
    """TensorRT tells everything to the first logger of the process, so that there must be only one."""
    other = rtx.Runtime(listening_logger(rtx))
    for _ in range(2):
        with pytest.raises(EngineRefused, match=r"or is damaged: (?!no reason)"):
            Plan(rtx, PlainTensorRt(), b"no plan")
    assert other is not None


def test_a_module_that_cannot_start_is_one_line(rtx: Any) -> None:
    """As pybind11 says it where TensorRT gives no object, for want of a driver that is new enough."""

    def kind(logger: Any) -> Any:
        raise TypeError("pybind11::init(): factory function returned nullptr")

    with pytest.raises(EngineRefused, match=r"tensorrt_rtx .* cannot start on this GPU and driver: .*nullptr"):
        started(rtx, kind)


def test_a_build_for_this_gpu_needs_one(rtx: Any, small: StyleFile, tmp_path: Path) -> None:
    skip_with_a_gpu()
    with pytest.raises(EngineRefused, match=r"cannot compile it: .*driver"):
        TensorRtRtxBackend().compile(rtx, small, SPEC, BuildAids(tmp_path))


@pytest.mark.filterwarnings("ignore:.*[Tt]iming cache:DeprecationWarning")
def test_timings_are_kept_for_the_next_build_readable_to_us_alone(rtx: Any, small: StyleFile, tmp_path: Path) -> None:
    """The calls are TensorRT's; TensorRT-RTX has them too, though there the cache means nothing."""
    folder = tmp_path / "new"
    flavour = PlainTensorRt()
    order = Order(model_for(small, SPEC, AIDS).SerializeToString(), SIZE)
    for _ in range(2):
        compile_plan(rtx, order, lambda config: flavour.tuned(rtx, config, folder), lambda share: None)
        (path,) = folder.iterdir()
        assert path.name == f"tensorrt-{rtx.__version__}.timing"
        assert path.stat().st_mode & 0o077 == 0
        assert read_aid(path)


def test_nested_phases_make_one_share() -> None:
    shares: list[float] = []
    progress = BuildProgress(shares.append)
    progress.start("build", None, 2)
    progress.step("build", 0)
    progress.start("inner", "build", 4)
    progress.step("inner", 1)
    progress.start("unknown's child", "unknown", 1)
    progress.finish("inner")
    progress.step("build", 1)
    assert shares == [0.5, 0.75, 1.0]
    progress.end()
    assert not progress.step("build", 1)


def test_without_a_gpu_the_reason_is_told(rtx: Any) -> None:
    pytest.importorskip("cuda.bindings.runtime")
    skip_with_a_gpu()
    state = TensorRtRtxBackend().probe()
    assert not state.available
    assert "NVIDIA" in state.reason
    assert "\n" not in state.reason


def skip_with_a_gpu() -> None:
    try:
        CudaBindings().gpu()
    except (CudaError, ImportError):
        return
    pytest.skip("there is a GPU here")


class _AnyGpu(TensorRtRtx):
    """Compiles for all GPUs, as a machine without one can."""

    def tuned(self, trt: Any, config: Any, folder: Path) -> Any:
        return nullcontext()


class _RtxOnCpu(TensorRtRtxBackend):
    flavour = _AnyGpu()
