"""What a person would write instead, each with the same net and the same weights, in turns beside ours.

Each peer is a function that opens it and gives back what paints a frame; it raises ImpastoError, with one line, where
it cannot run here. All of them stand in the loop of the tutorials, one frame after the other on one thread, as written
down in a hundred repositories. torch's peers rebuild the net from the style file; the others read the plain graph of
it, without our rewrites.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from engines.errors import ImpastoError, in_one_line
from engines.failures import any_failure_as, failure_of
from engines.gate.reference import reference_model
from engines.machine import MULTIPLY_BF16, cpu_flags
from engines.packages import import_onnxruntime, needing_extra
from engines.pictures import psnr
from engines.spec import Controls
from engines.style.styles import StyleFile
from realtime.bench.inputs.subject import Subject
from realtime.bench.peers.torch_painter import Paint, compile_ahead, import_torch, torch_painter
from realtime.bench.rows.rows import FRAMES_IN_MEMORY, allowance_of, each_ms, small_copies
from realtime.frames.frame import Pixels

COMPILERS = ("c++", "g++", "clang++", "cl")
FOURCC = "mp4v"
FIRST_FRAMES = 2  # to warm up on, and to compare


def torch_eager(style: StyleFile, vector: np.ndarray) -> Paint:
    """torch layer by layer in fp32, as the tutorials do."""
    return torch_painter(style, vector, half=False, compiled=False)


def torch_half(style: StyleFile, vector: np.ndarray) -> Paint:
    """torch layer by layer in half precision: fp16 on CUDA, bf16 on processors that multiply it.

    Others would be made to by rounding after every product, at a tenth of the speed of fp32: nobody would use that.
    """
    if not import_torch().cuda.is_available() and MULTIPLY_BF16.isdisjoint(cpu_flags().split()):
        raise ImpastoError("there is no CUDA device, and this processor has no bf16 (avx512_bf16, amx_bf16)")
    return torch_painter(style, vector, half=True, compiled=False)


def torch_compiled(style: StyleFile, vector: np.ndarray) -> Paint:
    """torch.compile with its defaults: in fp16 on CUDA, in fp32 on the processor.

    A net that is being compiled cannot be interrupted, so a process that can be ended compiles it first, as soon as the
    size is known; torch keeps what came of it on disk and finds it there.
    """
    torch = import_torch()
    if not any(shutil.which(name) for name in COMPILERS):
        raise ImpastoError(f"torch.compile needs a C++ compiler, and there is none of {', '.join(COMPILERS)}")
    compiled: dict[tuple[int, ...], Paint] = {}

    def paint(rgb: np.ndarray) -> np.ndarray:
        if rgb.shape not in compiled:
            compile_ahead(style.path, rgb.shape[0], rgb.shape[1])
            compiled[rgb.shape] = torch_painter(style, vector, half=torch.cuda.is_available(), compiled=True)
        return compiled[rgb.shape](rgb)

    return paint


def opencv_dnn(style: StyleFile, vector: np.ndarray) -> Paint:
    """OpenCV's dnn module with the plain graph."""
    import cv2

    net = cv2.dnn.readNetFromONNX(np.frombuffer(reference_model(style).SerializeToString(), np.uint8))
    controls = Controls(vector)

    def paint(rgb: np.ndarray) -> np.ndarray:
        for name, value in controls.graph_inputs(rgb[None]).items():
            net.setInput(value, name)
        return np.array(net.forward()[0])

    return paint


def onnx_runtime(style: StyleFile, vector: np.ndarray) -> Paint:
    """ONNX Runtime with the plain graph, its own defaults, and CUDA where it was installed with it."""
    with needing_extra("onnxruntime", "it"):
        onnxruntime = import_onnxruntime()
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
    session = onnxruntime.InferenceSession(reference_model(style).SerializeToString(), providers=providers)
    controls = Controls(vector)

    def paint(rgb: np.ndarray) -> np.ndarray:
        painted: np.ndarray = session.run(["stylized"], controls.graph_inputs(rgb[None]))[0][0]
        return painted

    return paint


def tensorrt_alone(style: StyleFile, vector: np.ndarray) -> Paint:
    """TensorRT in fp16 as its own samples use it, with the plain graph."""
    from realtime.bench.peers.bare_tensorrt import bare_tensorrt

    return bare_tensorrt(style, vector)


PEERS: dict[str, Callable[[StyleFile, np.ndarray], Paint]] = {
    "torch eager fp32": torch_eager,
    "torch eager half": torch_half,
    "torch.compile": torch_compiled,
    "OpenCV dnn": opencv_dnn,
    "ONNX Runtime": onnx_runtime,
    "bare TensorRT": tensorrt_alone,
}


def open_peer(name: str, style: StyleFile, vector: np.ndarray) -> Paint:
    """What paints like that peer; ImpastoError with the reason where it cannot."""
    with any_failure_as(ImpastoError, in_one_line, but=ImpastoError):
        return PEERS[name](style, vector)


class PeerLoop:
    """One peer at the size and on the clip of a subject. It stays open through all repeats, unlike our engines."""

    def __init__(self, name: str, subject: Subject) -> None:
        """Opens it and warms it up; ImpastoError with the reason where it cannot run here."""
        self.name = name
        started = time.perf_counter()
        self._paint = open_peer(name, subject.style, subject.stylizer.controls.style)
        frames = subject.frames(FIRST_FRAMES)
        # Some layers are refused, and graphs compiled, only when they first run, and at each size again.
        with any_failure_as(ImpastoError, in_one_line, but=ImpastoError):
            self._painted = [self._paint(small) for _, small in small_copies(subject.single, frames)]
            self._paint(frames[0].data)
        self.open_seconds = time.perf_counter() - started
        self._latest: tuple[list[float], float] = [], 0.0

    def measure(self, subject: Subject) -> None:
        """The net alone, and the way from file to file."""
        self._latest = self.net_ms(subject), self.fps(subject, subject.bench.painted)

    def beside(self, ours: Sequence[Pixels]) -> "PeerTurn":
        """What was measured last, compared with our paintings of the first frames."""
        agreement_db = min(psnr(mine, theirs) for mine, theirs in zip(ours, self._painted, strict=True))
        return PeerTurn(*self._latest, agreement_db, self.open_seconds)

    def net_ms(self, subject: Subject) -> list[float]:
        """Milliseconds of every frame in the net alone, from an array to an array of the size at which ours paints."""
        frames = [small for _, small in small_copies(subject.single, subject.frames(FRAMES_IN_MEMORY))]
        self._paint(frames[0])
        return each_ms(self._paint, frames, allowance_of(subject))

    def fps(self, subject: Subject, output: Path) -> float:
        """Frames a second from file to file, painted at the size that our own rows have in the end."""
        return tutorial_loop(self._paint, subject, output)


def tutorial_loop(paint: Paint, subject: Subject, output: Path) -> float:
    """OpenCV reads, resizes and writes; frames a second."""
    size = subject.combination.size
    reader = cv2.VideoCapture(str(subject.clip))
    rate = reader.get(cv2.CAP_PROP_FPS) or 25
    writer = cv2.VideoWriter(str(output), cv2.VideoWriter.fourcc(*FOURCC), rate, size)
    allowance, done, started = allowance_of(subject), 0, time.perf_counter()
    while allowance.take():
        found, frame = reader.read()
        if not found:
            break
        rgb = cv2.cvtColor(cv2.resize(frame, size), cv2.COLOR_BGR2RGB)
        writer.write(cv2.cvtColor(np.ascontiguousarray(paint(rgb)), cv2.COLOR_RGB2BGR))
        done += 1
    writer.release()
    reader.release()
    return done / (time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class PeerTurn:
    """Milliseconds of every frame in a peer's net, and its frames a second from file to file.

    `agreement_db` is the PSNR between its pictures and ours; it took `open_seconds` to its first pictures.
    """

    net_ms: list[float]
    fps: float
    agreement_db: float
    open_seconds: float


class OpenPeers:
    """All peers that can run, and in `silent` why the others cannot, or could not go on."""

    def __init__(self, subject: Subject, report: Callable[[str], None]) -> None:
        self._report = report
        self._loops: list[PeerLoop] = []
        self.silent: dict[str, str] = {}
        for name in PEERS:
            try:
                self._loops.append(PeerLoop(name, subject))
            except ImpastoError as error:
                self._silence(name, error)

    def take_turn(self, subject: Subject) -> None:
        """Measures every peer once; one that fails runs no more."""
        for loop in tuple(self._loops):
            if error := failure_of(partial(loop.measure, subject)):
                self._loops.remove(loop)
                self._silence(loop.name, error)

    def beside(self, subject: Subject) -> dict[str, PeerTurn]:
        """What the last turn measured, by name, compared with the pictures of this combination."""
        subject.single.begin_anew()
        frames = subject.frames(FIRST_FRAMES)
        ours = [subject.single.paint(*copy).pixels for copy in small_copies(subject.single, frames)]
        return {loop.name: loop.beside(ours) for loop in self._loops}

    def _silence(self, name: str, error: Exception) -> None:
        self.silent[name] = in_one_line(error)
        self._report(f"no {name}: {self.silent[name]}")
