"""Fuzzing of every reader of ours that takes bytes of others.

What must hold for any bytes: the reader returns, or raises what it promises, in one line that can be printed; in a
second or two; with memory in proportion to the bytes. `make fuzz SECONDS=600` runs a process for each target, and
tests/test_foreign_bytes.py a short part, always the same. A seed that was printed runs again by
`python tests/fuzz_foreign_bytes.py TARGET --seconds 60 --seed SEED`.
"""

import argparse
import faulthandler
import io
import itertools
import json
import os
import pickletools
import resource
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import torch
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning
from mutations import JUNK, TEXTS, changed_json, changed_pickle, changed_zip, damaged, json_text
from safetensors.torch import save as as_safetensors
from small_styles import SMALL, write_small_style

from engines.cache.entry import CacheEntry, EntryRefused, Origin, pack_entry, read_entry, sign_header
from engines.cache.fields import range_of, why_stale
from engines.errors import ImpastoError, in_one_line
from engines.export.checkpoint import read_checkpoint
from engines.networks.transform.config import PRESETS
from engines.networks.transform.net import TransformNet
from engines.protocols import BackendState
from engines.spec import GateCheck, GateReport
from engines.style.card import StyleCard
from engines.style.file import CARD_KEY, read_style_file
from realtime.live.control.board import ControlBoard
from realtime.live.control.client import parsed_answer
from realtime.live.control.protocol import answer_to, parse
from realtime.live.control.settings import LiveSettings
from realtime.media.exif import exif_of_the_photo, exif_orientation
from trainers.export.style_export import read_credits
from trainers.losses.perceptual import load_perceptual
from trainers.optimisation.picture_run import STATE, PictureRun
from trainers.run.initial_weights import initial_weights
from trainers.settings.gatys_options import GatysOptions

MOST_SECONDS, MOST_SECONDS_A_MIB = 2.0, 8.0  # of the processor for one input, traced, which is some times slower
HANGING_SECONDS = 300.0  # by the wall clock: others use the processor too
MOST_TIMES, ROOM_BYTES = 256, 128 * 2**20  # memory: so many bytes for one of the input, and some for all
ADDRESS_SPACE_BYTES = 3 * 2**30  # beyond what is there at the start; it holds for what the tracer does not see, too
EXAMPLES_A_SEED = 100
LONGEST_LINE = 8192  # it may hold a path
PHOTO = np.zeros((4, 4, 3), np.uint8)
Inputs = st.SearchStrategy[bytes]


@dataclass(frozen=True)
class Target:
    """A reader of a file's bytes, which gets their path and a folder to itself."""

    inputs: Callable[[], Inputs]
    read: Callable[[Path], object]
    file_name: str = "input"
    promised: tuple[type[Exception], ...] = (ImpastoError,)


def check(target: Target, data: bytes, folder: Path) -> None:
    """AssertionError, or what the reader raised, where something does not hold."""
    path = folder / target.file_name
    path.write_bytes(data)
    tracemalloc.start()
    began = time.process_time()
    try:
        target.read(path)
    except target.promised as error:
        line = in_one_line(error).replace(str(folder), "")
        assert line
        assert line.isprintable(), f"not one printable line: {line!r}"
        assert len(line) < LONGEST_LINE, f"a line of {len(line)} characters: {line[:200]}"
    finally:
        seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert seconds < MOST_SECONDS + MOST_SECONDS_A_MIB * len(data) / 2**20, f"{seconds:.1f} s for {len(data)} bytes"
    assert peak < MOST_TIMES * len(data) + ROOM_BYTES, f"{peak / 2**20:.0f} MiB for {len(data)} bytes"


# --- sound files, made once ---


@cache
def sound_style() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_small_style(Path(folder) / "small.onnx").data


@cache
def sound_card() -> dict[str, Any]:
    card: dict[str, Any] = json.loads(_card_of(sound_style()))
    state = {"name": "flow", "kind": "float32", "shape": [1, 2, "H/8", "W"], "start": 0.0, "range": [-1.0, 1.0]}
    return card | {"state": [state], "format_version": 2}


def _card_of(style: bytes) -> str:
    import onnx

    model = onnx.load_model_from_string(style)
    return str(next(entry.value for entry in model.metadata_props if entry.key == CARD_KEY))


def sound_state() -> dict[str, torch.Tensor]:
    square = torch.arange(24.0).reshape(4, 6)
    return {"a.weight": square, "a.turned": square.t(), "a.half": square[1:3].half(), "b": torch.tensor([3, 4])}


def torch_bytes(content: object, *, new_zip: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=new_zip)
    return file.getvalue()


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **dict(arrays))
    return file.getvalue()


@cache
def sound_loss_network() -> dict[str, np.ndarray]:
    shapes = {"conv1_1": (2, 3), "conv1_2": (2, 2), "conv2_1": (3, 2)}
    weights = {f"{name}.weight": np.ones((*shape, 3, 3), np.float32) for name, shape in shapes.items()}
    return weights | {f"{name}.bias": np.ones(shape[0], np.float32) for name, shape in shapes.items()}


# --- inputs ---


def style_files() -> Inputs:
    cards = json_text(sound_card()).map(lambda text: _style_with(text))
    return damaged([sound_style()]) | cards | st.builds(_strange_graph, st.data())


def _style_with(card: str) -> bytes:
    """Without a checksum, as other tools write."""
    import onnx

    model = onnx.load_model_from_string(sound_style())
    onnx.helper.set_model_props(model, {CARD_KEY: card})
    return bytes(model.SerializeToString())


def _strange_graph(data: st.DataObject) -> bytes:
    import onnx

    model = onnx.load_model_from_string(sound_style())
    card = _card_of(sound_style())
    graph = model.graph
    tensor = graph.initializer[data.draw(st.integers(0, len(graph.initializer) - 1))]
    deed = data.draw(st.sampled_from(["dims", "type", "data", "input", "node"]))
    if deed == "dims":
        tensor.dims.append(data.draw(st.sampled_from([-1, 0, 2, 2**40, 2**62])))
    elif deed == "type":
        tensor.data_type = data.draw(st.integers(0, 40))
    elif deed == "data":
        tensor.raw_data = tensor.raw_data[: data.draw(st.integers(0, 40))]
    elif deed == "input":
        value = graph.input[data.draw(st.integers(0, 3))]
        value.type.tensor_type.elem_type = data.draw(st.integers(0, 40))
    else:
        attribute = graph.node[0].attribute.add()
        attribute.t.data_location = onnx.TensorProto.EXTERNAL
    onnx.helper.set_model_props(model, {CARD_KEY: card})
    return bytes(model.SerializeToString())


def zip_checkpoints() -> Inputs:
    seeds = [torch_bytes(sound_state()), torch_bytes({"epoch": 3, "state_dict": sound_state()})]

    def changed(name: str, content: bytes) -> Inputs:
        return damaged([content]) | changed_pickle(content) if name.endswith(".pkl") else damaged([content or b"0"])

    return damaged(seeds) | changed_zip(seeds, changed)


def legacy_checkpoints() -> Inputs:
    """The fourth of the pickles in it has the tensors."""
    seed = torch_bytes(sound_state(), new_zip=False)
    ends = [0, *itertools.islice(_ends_of_pickles(seed), 4)]
    before, pickled, after = seed[: ends[3]], seed[ends[3] : ends[4]], seed[ends[4] :]
    return damaged([seed]) | changed_pickle(pickled).map(lambda part: before + part + after)


def _ends_of_pickles(data: bytes) -> Iterator[int]:
    file = io.BytesIO(data)
    while True:
        for _ in pickletools.genops(file):
            pass
        yield file.tell()


def safetensors() -> Inputs:
    whole = as_safetensors({name: value.contiguous() for name, value in sound_state().items()})
    length = int.from_bytes(whole[:8], "little")
    header, numbers = json.loads(whole[8 : 8 + length]), whole[8 + length :]

    def written(text: str) -> bytes:
        return len(text.encode()).to_bytes(8, "little") + text.encode() + numbers

    return damaged([whole]) | json_text(header).filter(lambda text: text.startswith("{")).map(written)


def npz_files() -> Inputs:
    return _npz_like({name: value.numpy() for name, value in sound_state().items()})


def loss_networks() -> Inputs:
    shaped = st.builds(_misshapen, st.sampled_from(sorted(sound_loss_network())), _shapes())
    return _npz_like(sound_loss_network()) | shaped


def _misshapen(name: str, shape: tuple[int, ...]) -> bytes:
    return npz_bytes(sound_loss_network() | {name: np.ones(shape, np.float32)})


def _shapes() -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.sampled_from([0, 1, 2, 3, 9, 3000]), max_size=5).map(tuple).filter(lambda s: np.prod(s) < 10**6)


def _npz_like(arrays: Mapping[str, np.ndarray]) -> Inputs:
    seed = npz_bytes(arrays)

    def changed(name: str, content: bytes) -> Inputs:
        return damaged([content]) | st.builds(_npy, st.tuples(st.sampled_from(TYPES), SIDES), st.just(content[128:]))

    return damaged([seed]) | changed_zip([seed], changed)


TYPES = ["<f4", ">f8", "<f2", "|O", "<U9", "|S4", "<c8", "<M8[s]", "|V8", "f4,f4", "<i8", "|b1", "<f16", "x"]
SIDES = st.lists(st.sampled_from([0, 1, -1, 4, 2**20, 2**40, 2**63, 10**30]), max_size=6).map(tuple) | JUNK


def _npy(header: tuple[str, Any], content: bytes) -> bytes:
    text = repr({"descr": header[0], "fortran_order": False, "shape": header[1]}).encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text + content


def control_lines() -> Inputs:
    seeds = [{"command": name, "value": value} for name in ("style", "mix", "strength", "split", "status", "quit")
             for value in (None, "night", "+0.1", 0.5, True)]  # fmt: skip
    lines = st.sampled_from(seeds).flatmap(json_text).map(str.encode)
    names = st.sampled_from(["style", "mix", "strength", "keep-colour", "split"])
    return (
        lines | st.builds(_command, names, TEXTS | HUGE_OR_ODD) | damaged([json.dumps(seed).encode() for seed in seeds])
    )


def _command(name: str, value: object) -> bytes:
    return json.dumps({"command": name, "value": value}).encode()


HUGE_OR_ODD = st.sampled_from(["\ud800", "a\0b", "x" * 5000, "9" * 5000, "../" * 400, "nan", "-inf", 10**400, ".onnx"])


def control_answers() -> Inputs:
    answer = {"ok": True, "settings": asdict(LiveSettings()), "line": "style: night"}
    return json_text(answer).map(str.encode) | damaged([json.dumps(answer).encode()])


KEY = bytes(32)
FIELDS = {"format": "9", "style": "ab", "backend": "openvino", "version": "1", "device": "CPU", "precision": "fp32",
          "size": "64x32-640x480", "hardware": "x"}  # fmt: skip
HERE = BackendState("openvino", True, "", version="1", device="CPU", hardware="x")


@cache
def sound_entry() -> bytes:
    checks = (GateCheck("dark", "waves", 32, 64, 1.0, 0.0, float("inf"), 0),)
    gate = GateReport("onnx", 60.0, 40.0, True, 1, checks=checks)
    return pack_entry(FIELDS, CacheEntry(b"engine", gate, Origin("waves", "waves.onnx", 1.0, 2.0, ("a",))), KEY)


def cache_entries() -> Inputs:
    """Damaged ones, and those that this user signed, but of another version."""
    _, line, blob = sound_entry().split(b"\n", 2)
    signed = json_text(json.loads(line)).map(lambda text: sign_header(text.encode(), KEY) + b"\n" + blob)
    return damaged([sound_entry()]) | signed


RESUMED = GatysOptions(style_images=((Path("painting.jpg"), 1.0),), resume=True)


@cache
def sound_run() -> bytes:
    """The state of a picture's run."""
    with tempfile.TemporaryDirectory() as folder:
        run = PictureRun(Path(folder), RESUMED, PHOTO)
        run.save(1, 2, [torch.ones(2)], torch.optim.SGD([torch.nn.Parameter(torch.ones(2))]))
        return run.path.read_bytes()


def saved_states() -> Inputs:
    saved = torch.load(io.BytesIO(sound_run()), weights_only=True)
    return damaged([sound_run()]) | changed_json(saved).map(torch_bytes)


def checkpoints_of_ours() -> Inputs:
    net = TransformNet(PRESETS["fast"]).state_dict()
    table = {"network": "fast", "steps": 3}
    saved = {"step": 3, "options": table, "styles": ["waves"], "history": [], "average": dict(net)}
    return changed_json(saved).map(torch_bytes) | damaged([torch_bytes(saved)])


def credit_files() -> Inputs:
    return damaged([b'[waves]\ntitle = "Waves"\nartist = "X"\nyear = "1900"\n', b"a.b.c=1\n" * 40, b"a=" + b"[" * 3000])


def exif_blocks() -> Inputs:
    rotated = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    with_lens = b"\x1a\0\0\0\0\0\0\0" + struct.pack("<HHHI4sI", 1, 0xA434, 2, 4, b"50\0\0", 0)
    pointing = b"II*\0\x08\0\0\0" + struct.pack("<HHHI", 1, 0x8769, 4, 1) + with_lens
    return damaged([b"Exif\0\0II*\0\x08\0\0\0" + rotated, pointing, b"MM\0*\0\0\0\x08\0\1" * 3])


# --- readers ---


def _read_style(path: Path) -> None:
    style = read_style_file(path)
    _ = style.model
    style.weights()
    style.mix(dict.fromkeys(style.card.names, 1.0))
    for state in style.card.state:
        assert state.shape_at(48, 64)


def _read_card(path: Path) -> None:
    StyleCard.from_json(path.read_text(errors="surrogateescape"))


def _carry_out(path: Path) -> None:
    """The answer is one line of JSON; and what goes wrong is told by an error of ours."""
    line = path.read_bytes()
    answer = json.loads(answer_to(line, _board()))
    assert answer["ok"] in (True, False)
    _board().carry_out(*parse(line))


def _board() -> ControlBoard:
    return ControlBoard(
        LiveSettings(style="waves"), ("waves", "night"), on_snapshot=lambda: "shot.png", on_quit=lambda: None
    )


def _read_answer(path: Path) -> None:
    assert isinstance(parsed_answer(path.read_bytes(), path), dict)


def _read_entry(path: Path) -> None:
    with path.open("rb") as file:
        entry = read_entry(file, path.name, KEY, FIELDS)
    range_of(FIELDS)
    assert float(entry.origin.built_at + entry.origin.build_seconds + entry.gate.psnr_db) is not None


def _read_stale(path: Path) -> None:
    from engines.cache.entry import read_header

    with path.open("rb") as file:
        header = read_header(file, path.name, KEY)
    assert isinstance(why_stale(header.fields, HERE), str)
    assert header.blob_bytes >= 0


def _resume(path: Path) -> None:
    state = PictureRun(path.parent, RESUMED, PHOTO).resumed
    assert state is not None


def _begin_with(path: Path) -> None:
    initial_weights(path, PRESETS["fast"], ["waves"])


def _begin_with_style(path: Path) -> None:
    initial_weights(path, SMALL, ["waves"])


def _read_exif(path: Path) -> None:
    exif_orientation(block := path.read_bytes())
    exif_of_the_photo(block)


def styles_to_begin_with() -> Inputs:
    with tempfile.TemporaryDirectory() as folder:  # the first of all waits for modules of torch's
        _begin_with_style(write_small_style(Path(folder) / "small.onnx").path)
    return style_files()


TARGETS: dict[str, Target] = {
    "style_file": Target(style_files, _read_style, "fuzzed.onnx"),
    "style_card": Target(lambda: json_text(sound_card()).map(lambda text: text.encode()), _read_card),
    "torch_zip": Target(zip_checkpoints, read_checkpoint, "net.pth"),
    "torch_legacy": Target(legacy_checkpoints, read_checkpoint, "net.pth"),
    "safetensors": Target(safetensors, read_checkpoint, "net.safetensors"),
    "npz": Target(npz_files, read_checkpoint, "net.npz"),
    "loss_network": Target(loss_networks, lambda path: load_perceptual(str(path)), "vgg.npz"),
    "control_line": Target(control_lines, _carry_out, promised=(ImpastoError, OSError)),
    "control_answer": Target(control_answers, _read_answer),
    "cache_entry": Target(cache_entries, _read_entry, promised=(EntryRefused,)),
    "cache_header": Target(cache_entries, _read_stale, promised=(EntryRefused,)),
    "saved_state": Target(saved_states, _resume, STATE),
    "initial_weights": Target(checkpoints_of_ours, _begin_with, "checkpoint.pt"),
    "style_to_begin_with": Target(styles_to_begin_with, _begin_with_style, "fuzzed.onnx"),
    "credits": Target(credit_files, lambda path: read_credits(path.parent), "credits.toml"),
    "exif": Target(exif_blocks, _read_exif),
}


def run(target: Target, folder: Path, *, examples: int, seed: int | None = None) -> None:
    """So many inputs, the same ones for the same seed, and for none; raises what did not hold for the smallest."""

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,  # by the wall clock, and other programs run too; ours is the processor's time
        database=None,
        derandomize=seed is None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=hypothesis.Verbosity.quiet,  # the input lies in the folder, and may be large
    )
    @hypothesis.given(target.inputs())
    def holds(data: bytes) -> None:
        if seed is not None:  # pytest uses the one timer for itself
            faulthandler.dump_traceback_later(HANGING_SECONDS, exit=True)
        check(target, data, folder)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)  # of inputs that are long to print
        (holds if seed is None else hypothesis.seed(seed)(holds))()


def _fuzz_one(name: str, seconds: float, seed: int) -> int:
    """In a process of its own; the input that fails, hangs or kills it stays in the folder."""
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    address_space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (address_space + ADDRESS_SPACE_BYTES,) * 2)
    ends = time.monotonic() + seconds
    print(f"{name}: seeds from {seed} on", flush=True)
    for number in itertools.count(seed):
        if time.monotonic() >= ends:
            print(f"{name}: nothing found in {(number - seed) * EXAMPLES_A_SEED} inputs, the last seed {number - 1}")
            return 0
        try:
            run(TARGETS[name], folder, examples=EXAMPLES_A_SEED, seed=number)
        except Exception as error:  # a fuzzer's border
            told = f"{type(error).__name__}: {str(error)[:500]}"
            print(f"{name}: seed {number}: {told}; the input is {folder / TARGETS[name].file_name}")
            return 1
    return 0


def _fuzz_all(names: list[str], seconds: float, seed: int) -> int:
    def fuzz(name: str) -> int:
        command = [sys.executable, "-W", "error", __file__, name, "--seconds", str(seconds), "--seed", str(seed)]
        return subprocess.run(command, check=False).returncode

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return int(any(list(pool.map(fuzz, names))))


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz what reads bytes of others, a process for each target.")
    parser.add_argument("target", nargs="*", choices=[*TARGETS, []], help="all where none is named")
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=None, help="the first one")
    asked = parser.parse_args()
    seed = int(time.time()) if asked.seed is None else asked.seed
    if len(asked.target) == 1:
        return _fuzz_one(asked.target[0], asked.seconds, seed)
    return _fuzz_all(asked.target or list(TARGETS), asked.seconds, seed)


if __name__ == "__main__":
    sys.exit(main())
