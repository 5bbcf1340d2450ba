"""A foreign graph run as it is, on pictures in its own form."""

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from engines.errors import BadFile, in_one_line
from engines.failures import first_that_works
from engines.foreign.convention import BGR, WHITE, Convention
from engines.foreign.onnx_file import COLOURS, ForeignNet
from engines.packages import import_openvino, occasional_session

Run = Callable[[Mapping[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class RawNet:
    """The net with its sides free or as declared, ready to be run."""

    net: ForeignNet
    run: Run

    def output_of(self, frame: np.ndarray, convention: Convention) -> np.ndarray | None:
        """What the net gives for a frame [H, W, 3] RGB in 0..255; None where that is no picture, or it fails."""
        with suppress(Exception):  # a probe's border: runtimes fail in every possible way
            raw = self.run({self.net.input: encoded(frame, convention, self.net.kind_in)})
            layout_of(raw)
            return raw
        return None

    def paint(self, frame: np.ndarray, convention: Convention) -> np.ndarray | None:
        """The same, decoded."""
        raw = self.output_of(frame, convention)
        return None if raw is None else decoded(raw, convention)


def open_raw(net: ForeignNet, model: onnx.ModelProto) -> RawNet:
    """`model` is the net's, perhaps with other sides; BadFile with the reason where no runtime takes it."""
    return RawNet(net, open_model(model, net.output, net.path))


def open_model(model: onnx.ModelProto, output: str, path: Path) -> Run:
    """What gives that output for inputs by name; BadFile, naming `path`, where no runtime takes the graph."""
    data = model.SerializeToString()

    def refused(errors: Sequence[Exception]) -> BadFile:
        return BadFile(f"{path} cannot be run here ({'; '.join(map(in_one_line, errors))})")

    return first_that_works([partial(opened, data, output) for opened in (_open_onnxruntime, _open_openvino)], refused)


def encoded(frame: np.ndarray, convention: Convention, kind: str) -> np.ndarray:
    """[H, W, 3] RGB in 0..255 → a tensor as the net reads it."""
    factor, addend = convention.going_in()
    ordered = frame[..., ::-1] if convention.channels == BGR else frame
    values = ordered * factor + addend
    if kind == "uint8":
        values = values.round().clip(0, WHITE)
    placed = values if convention.layout.endswith("c") else values.transpose(2, 0, 1)
    batched = placed[None] if "n" in convention.layout else placed
    return np.ascontiguousarray(batched, dtype=kind)


def decoded(raw: np.ndarray, convention: Convention) -> np.ndarray:
    """What came out → float64 [H, W, 3] RGB, 0..255, not clipped; ValueError where it is no picture."""
    factor, addend = convention.coming_out()
    pixels = in_pixels(raw).astype(np.float64) * factor + addend
    ordered: np.ndarray = pixels[..., ::-1] if convention.channels == BGR else pixels
    return ordered


def in_pixels(raw: np.ndarray) -> np.ndarray:
    """[1, 3, H, W], [1, H, W, 3], [3, H, W] or [H, W, 3] → [H, W, 3]; ValueError for another shape."""
    return raw.reshape(raw.shape[-3:]).transpose(1, 2, 0) if layout_of(raw) == "chw" else raw.reshape(raw.shape[-3:])


def layout_of(raw: np.ndarray) -> str:
    """`chw` or `hwc` of what came out, whatever of one picture stands before; ValueError where it is no picture."""
    if raw.ndim in (3, 4) and raw.shape[:-3] in ((), (1,)):
        if raw.shape[-3] == COLOURS:
            return "chw"
        if raw.shape[-1] == COLOURS:
            return "hwc"
    raise ValueError(f"what comes out has the shape {list(raw.shape)}, which is no picture of {COLOURS} colours")


def _open_onnxruntime(data: bytes, output: str) -> Run:
    session = occasional_session(data)
    return lambda inputs: np.asarray(session.run([output], dict(inputs))[0])


def _open_openvino(data: bytes, output: str) -> Run:
    core: Any = import_openvino().Core()
    compiled = core.compile_model(core.read_model(io.BytesIO(data)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda inputs: np.array(compiled(dict(inputs))[compiled.output(output)])
