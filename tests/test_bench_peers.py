"""The peers paint the same picture with the same weights, or say in a line why they cannot."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from fakes import CopyingEngine
from small_styles import one_thread_for_torch, random_frame

from engines.backends.torch_eager import rebuild_net
from engines.errors import ImpastoError
from engines.pictures import psnr
from engines.spec import EngineSpec
from engines.style.styles import load_style
from realtime.bench.figures import Spread
from realtime.bench.inputs.subject import Bench, Subject, combinations, opened
from realtime.bench.options import BenchOptions
from realtime.bench.peers import peers
from realtime.bench.peers.peers import FIRST_FRAMES, PEERS, OpenPeers, PeerLoop, PeerTurn, open_peer
from realtime.bench.peers.torch_painter import compile_ahead
from realtime.bench.report.report import PeerRow
from realtime.bench.rows.rows import Throughput, small_copies
from realtime.bench.rows.stages import StageAlone
from realtime.bench.rows.start import FreshStart
from realtime.bench.turn import Turn, summarise
from realtime.painting.stylizer import Stylizer

FRAMES = 6
SPEC = EngineSpec("openvino", "fp32", 48, 64, "CPU", "1", requests=2)
# bf16 has 8 bits for a value, and the eager net rounds after every layer.
LEAST_DB = {"torch eager half": 25.0}


@pytest.fixture(autouse=True)
def calm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    with one_thread_for_torch():
        yield


@pytest.fixture
def subject(make_clip: Callable[[int], Path], small_style: Path, tmp_path: Path) -> Iterator[Subject]:
    """In fp32, as the peers are that are held against it."""
    options = BenchOptions(
        clip=make_clip(8), styles=(str(small_style),), height=48, frames=FRAMES, precisions=("fp32",)
    )
    with opened(combinations(options, [(64, 48)], tmp_path)[0], Bench(options, tmp_path), print) as made:
        yield made


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # inside torch.compile itself
@pytest.mark.parametrize("name", [name for name in PEERS if name != "bare TensorRT"])
def test_every_peer_paints_the_net_of_the_style_file(
    name: str, small_style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The graph is captured as ever, but not given to the C++ compiler, which takes half a minute.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    monkeypatch.setattr(peers, "compile_ahead", lambda *_: None)
    monkeypatch.setattr(peers, "cpu_flags", lambda: "avx512_bf16")
    style = load_style(str(small_style))
    vector, frame = style.vector("night"), random_frame(48, 64)
    with torch.inference_mode():
        picture = torch.tensor(frame).permute(2, 0, 1)[None] / 255
        painted = rebuild_net(style)(picture, torch.tensor(vector)[None])[0].clamp(0, 1)
    wanted = (255 * painted).round().byte().permute(1, 2, 0).numpy()
    found = open_peer(name, style, vector)(frame)
    assert found.dtype == np.uint8
    assert found.shape == frame.shape
    assert psnr(found, wanted) > LEAST_DB.get(name, 45.0)


def test_half_precision_is_left_out_where_the_processor_has_none(
    small_style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(peers, "cpu_flags", lambda: "avx2 fma")
    style = load_style(str(small_style))
    with pytest.raises(ImpastoError, match="no CUDA device, and this processor has no bf16"):
        open_peer("torch eager half", style, style.vector("night"))


def test_a_peer_writes_a_video_of_as_many_frames(subject: Subject, tmp_path: Path) -> None:
    loop = PeerLoop("OpenCV dnn", subject)
    assert loop.fps(subject, tmp_path / "peer.mp4") > 0
    assert len(loop.net_ms(subject)) == FRAMES
    ours = [subject.single.paint(*copy).pixels for copy in small_copies(subject.single, subject.frames(FIRST_FRAMES))]
    assert loop.beside(ours).agreement_db > 45
    with av.open(str(tmp_path / "peer.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES


def copied_by(subject: Subject, paint: Callable[[np.ndarray], np.ndarray]) -> Subject:
    """Ours paints like that, on 24 lines of the 48."""
    return replace(subject, single=Stylizer(CopyingEngine(paint=paint, size=(32, 24)), subject.single.controls))


def test_a_peer_is_warm_at_both_sizes_before_it_is_measured(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it compiles for the full size is no time of its frames from file to file."""
    shapes: list[tuple[int, ...]] = []

    def paint(rgb: np.ndarray) -> np.ndarray:
        shapes.append(rgb.shape)
        return rgb

    monkeypatch.setitem(PEERS, "copier", lambda style, vector: paint)
    loop = PeerLoop("copier", copied_by(subject, np.copy))
    warm = set(shapes)
    loop.measure(subject)
    assert warm == set(shapes) == {(24, 32, 3), (48, 64, 3)}


def test_a_peer_that_fails_in_a_turn_falls_silent_and_the_others_go_on(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 4

    def tires(rgb: np.ndarray) -> np.ndarray:
        nonlocal left
        if left == 0:
            raise RuntimeError("the card has fallen off the bus")
        left -= 1
        return rgb

    monkeypatch.setattr(peers, "PEERS", {"copier": lambda *_: np.copy, "tires": lambda *_: tires})
    told: list[str] = []
    beside = OpenPeers(subject, told.append)
    beside.take_turn(subject)
    assert list(beside.beside(subject)) == ["copier"]
    assert beside.silent == {"tires": "RuntimeError: the card has fallen off the bus"}
    assert told == ["no tires: RuntimeError: the card has fallen off the bus"]


def test_each_combination_is_compared_with_its_own_pictures(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PEERS", {"copier": lambda *_: np.copy})
    copied, turned = (copied_by(subject, paint) for paint in (np.copy, np.invert))
    beside = OpenPeers(copied, print)
    beside.take_turn(copied)
    alike = [beside.beside(each)["copier"].agreement_db for each in (copied, turned)]
    assert alike[0] > 90 > 20 > alike[1]


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [("torch", "torch eager fp32", "impasto[train]"), ("onnxruntime", "ONNX Runtime", "impasto[onnxruntime]")],
)
def test_what_is_not_installed_is_said(
    module: str, name: str, words: str, small_style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    style = load_style(str(small_style))
    with pytest.raises(ImpastoError) as caught:
        open_peer(name, style, style.vector("night"))
    assert words in str(caught.value)


def test_without_a_compiler_nothing_is_compiled(small_style: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "COMPILERS", ("no-such-compiler",))
    style = load_style(str(small_style))
    with pytest.raises(ImpastoError, match="no-such-compiler"):
        open_peer("torch.compile", style, style.vector("night"))


def test_a_compilation_that_takes_too_long_is_ended(small_style: Path) -> None:
    with pytest.raises(ImpastoError, match=r"after 0\.01 s"):
        compile_ahead(small_style, 48, 64, seconds=0.01)


def test_a_compilation_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(ImpastoError, match=r"failed: .*there is no style file"):
        compile_ahead(tmp_path / "nowhere.onnx", 48, 64)


def turn(net_ms: float, fps: float, peer_ms: float, peer_fps: float) -> Turn:
    """A turn in which a peer ran beside ours."""
    rows = {name: Throughput(fps, 1.0, {"net": net_ms}) for name in ("net", "decode_stylize_null")}
    rows["decode_stylize_encode"] = Throughput(fps, 2.0, {"net": net_ms})
    alone = {"decode": StageAlone(1.0, 1000.0), "net": StageAlone(net_ms, 2 * fps)}
    beside = {"loop": PeerTurn([peer_ms], peer_fps, 60.0, 0.5)}
    return Turn(0.1, [net_ms], rows, alone, FreshStart(1.0, 200.0, None), peers=beside)


def test_ratios_are_taken_within_a_turn() -> None:
    """The machine was half as fast in the second turn, and it was so for both."""
    turns = [turn(10.0, 40.0, 50.0, 10.0), turn(20.0, 20.0, 120.0, 5.0), turn(10.0, 40.0, 60.0, 10.0)]
    result = summarise(turns, SPEC, None, {"steam": "there is no boiler"})
    loop, steam = result.peers
    assert loop.net_ratio == Spread(6.0, 5.0, 6.0, 3)
    assert loop.fps_ratio == Spread(4.0, 4.0, 4.0, 3)
    assert steam == PeerRow("steam", "there is no boiler")


def test_a_peer_without_figures_of_every_turn_is_a_reason() -> None:
    first, second = (turn(10.0, 40.0, 50.0, 10.0) for _ in range(2))
    silent = {"loop": "it has left"}
    assert summarise([first, replace(second, peers={})], SPEC, None, silent).peers == (PeerRow("loop", "it has left"),)
    (loop,) = summarise([first, second], SPEC, None, silent).peers
    assert (loop.reason, loop.net_ms) == ("", Spread(50.0, 50.0, 50.0, 2))


def test_the_pipeline_is_compared_with_its_slowest_stage() -> None:
    result = summarise([turn(10.0, 40.0, 50.0, 10.0)], SPEC, None, {})
    assert (result.slowest_stage, result.efficiency) == ("net", Spread(0.5, 0.5, 0.5, 1))
    assert result.stages["net"].share == pytest.approx(10 / 11, abs=0.001)
    assert result.latency.p50 == 10
