"""A short part of the fuzzing of every reader of foreign bytes, always the same, and inputs that were found by more."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from fuzz_foreign_bytes import (
    PHOTO,
    RESUMED,
    TARGETS,
    check,
    npz_bytes,
    run,
    sound_card,
    sound_entry,
    sound_run,
    sound_style,
    torch_bytes,
)
from safetensors.torch import save as as_safetensors

from engines.cache.entry import sign_header
from engines.errors import BadFile, ImpastoError
from engines.export.tensor_files import read_tensor_sets
from engines.networks.transform.config import PRESETS
from engines.networks.transform.net import TransformNet
from engines.style.file import CARD_KEY
from trainers.optimisation.picture_run import STATE, PictureRun
from trainers.run.run_folder import CHECKPOINT, RunFolder, RunLabel
from trainers.settings.options import JohnsonOptions

EXAMPLES = 6
KEY = bytes(32)


@pytest.mark.parametrize("name", TARGETS)
def test_readers_of_foreign_bytes_hold_their_promise(name: str, tmp_path: Path) -> None:
    run(TARGETS[name], tmp_path, examples=EXAMPLES)


def entry(**changes: Any) -> bytes:
    """A signed one, but of other fields."""
    _, line, blob = sound_entry().split(b"\n", 2)
    return sign_header(json.dumps({**json.loads(line), **changes}).encode(), KEY) + b"\n" + blob


def card(**changes: Any) -> bytes:
    state = {**sound_card()["state"][0], **changes}
    return json.dumps({**sound_card(), "state": [state]}).encode()


def unfinished_npz() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': ('<f4'\n")
    return file.getvalue()


def misshapen_weights() -> bytes:
    """Without a checksum, as other tools write."""
    model = onnx.load_model_from_string(sound_style())
    card = next(each for each in model.metadata_props if each.key == CARD_KEY)
    next(each for each in model.graph.initializer if each.name.startswith("net.")).dims.append(0)
    onnx.helper.set_model_props(model, {CARD_KEY: card.value})
    return bytes(model.SerializeToString())


def state_of(**changes: Any) -> bytes:
    saved = torch.load(io.BytesIO(sound_run()), weights_only=True)
    return torch_bytes({**saved, "of": {**saved["of"], **changes}})


FOUND: list[tuple[str, Callable[[], bytes]]] = [
    ("style_card", lambda: card(start=10**400)),
    ("style_card", lambda: json.dumps({**sound_card(), "styles": [{"name": None, "vector": ""}]}).encode()),
    ("style_file", misshapen_weights),
    ("npz", unfinished_npz),
    ("saved_state", lambda: state_of(start="\0ontent")),
    ("cache_header", lambda: entry(origin=[])),
    ("cache_header", lambda: entry(gate=3)),
    ("cache_header", lambda: entry(blob_bytes="many")),
    ("cache_header", lambda: entry(blob_bytes=-1)),
    ("cache_header", lambda: entry(fields={})),
    ("cache_entry", lambda: entry(origin={"built_at": "yesterday"})),
    ("control_answer", lambda: b"[" * 100_000),
    ("control_line", lambda: json.dumps({"command": "style", "value": "x" * 5000}).encode()),
    ("credits", lambda: b"a=" + b"[" * 3000),
    ("loss_network", lambda: npz_bytes({"conv1_1.weight": np.ones((1, 3, 3, 1)), "conv1_1.bias": np.ones(1)})),
    ("loss_network", lambda: npz_bytes({"conv1_1.weight": np.ones((1, 3, 9000, 1)), "conv1_1.bias": np.ones(1)})),
    ("loss_network", lambda: npz_bytes({"conv1_1.weight": np.ones((0, 3, 3, 3)), "conv1_1.bias": np.ones(0)})),
    ("loss_network", lambda: npz_bytes({"conv1_1.weight": np.ones((1, 3, 3, 3))})),
    ("loss_network", lambda: npz_bytes({"conv1_1.weight": np.ones((1, 3, 3, 3)), "conv1_1.bias": np.ones(7)})),
    ("initial_weights", lambda: b"PK\x03\x04"),
    ("initial_weights", lambda: torch_bytes({"a": torch.zeros(9000)})[:4097]),
    ("saved_state", lambda: torch_bytes({"a": torch.zeros(9000)})[:4097]),
    ("initial_weights", lambda: torch_bytes([1])),
    ("torch_zip", lambda: torch_bytes({"a\0b": torch.zeros(3)})),
    ("npz", lambda: npz_bytes({"a": np.array([0x7FF0000000000001], np.uint64).view(np.float64)})),
    ("npz", lambda: npz_bytes({"a": np.array([1e300])})),
    ("control_line", lambda: json.dumps({"command": "style", "value": "/\u202e"}).encode()),
]


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_is_told_in_one_line(name: str, data: Callable[[], bytes], tmp_path: Path) -> None:
    check(TARGETS[name], data(), tmp_path)


def repeated() -> bytes:
    """One number, repeated by a stride of 0: a gigabyte of a kilobyte."""
    return torch_bytes({"a": torch.zeros(1).expand(2**28)})


def shared() -> bytes:
    """A thousand tensors that lie on the same numbers."""
    numbers = torch.zeros(2**16)
    return torch_bytes({f"a{number}": numbers for number in range(1000)})


def lying_over_each_other() -> bytes:
    whole = as_safetensors({"a0": torch.zeros(2**16)})
    length = int.from_bytes(whole[:8], "little")
    one = json.loads(whole[8 : 8 + length])["a0"]
    header = json.dumps({f"a{number}": one for number in range(1000)}).encode()
    return len(header).to_bytes(8, "little") + header + whole[8 + length :]


def tuples_as_a_key() -> bytes:
    """Each holds the one before it twice: to hash the last takes 2⁶⁰ steps."""
    doubled = b"q\x00h\x00\x86" * 60
    return torch_bytes({}, new_zip=False)[:14] + b"\x80\x02}K\x01" + doubled + b"K\x01s."


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (repeated, "many times what is in it"),
        (shared, "many times what is in it"),
        (lying_over_each_other, "damaged"),
        (tuples_as_a_key, "damaged"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_small_files_that_would_take_all_memory_or_time(make: Callable[[], bytes], says: str, tmp_path: Path) -> None:
    data = make()
    check(TARGETS["torch_zip"], data, tmp_path)
    with pytest.raises(BadFile, match=says):
        read_tensor_sets(tmp_path / "net.pth")


def test_a_pickle_of_very_many_instructions_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.export.weights_pickle.MOST_INSTRUCTIONS", 1000)
    (tmp_path / "net.pth").write_bytes(torch_bytes({}, new_zip=False)[:14] + b"\x80\x02" + b"]" * 1200)
    with pytest.raises(BadFile, match=r"more than weights \(over 1000 items\)"):
        read_tensor_sets(tmp_path / "net.pth")


def test_an_array_that_is_not_there_gets_no_room(tmp_path: Path) -> None:
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}\n"
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text + bytes(16))
    with pytest.raises(BadFile, match="damaged"):
        read_tensor_sets(tmp_path / "net.npz")


def test_a_kind_of_zip_that_takes_memory_as_it_says(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.npy", b"")
    with pytest.raises(BadFile, match=r"unusual way; save it again with torch\.save or numpy\.savez"):
        read_tensor_sets(tmp_path / "net.npz")


def test_arrays_in_columns_and_without_dimensions_come_back(tmp_path: Path) -> None:
    columns, one = np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.array(2.5)
    (tmp_path / "net.npz").write_bytes(npz_bytes({"columns": columns, "one": one}))
    read = read_tensor_sets(tmp_path / "net.npz")[0]
    np.testing.assert_array_equal(read["columns"], columns)
    np.testing.assert_array_equal(read["one"], one)


def test_a_picture_whose_state_is_damaged_cannot_go_on(tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(BadFile, match=r"state\.pt is damaged .* delete it and begin again"):
        PictureRun(tmp_path, RESUMED, PHOTO)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", torch_bytes({"styles": ["waves"]})])
def test_a_run_whose_checkpoint_is_damaged_cannot_go_on(tmp_path: Path, content: bytes) -> None:
    options = JohnsonOptions(styles=tmp_path, content=(tmp_path,), out=tmp_path / "x.onnx", resume=True)
    folder = RunFolder(options, RunLabel("johnson", ("waves",)))
    (folder.path / CHECKPOINT).write_bytes(content)
    net = TransformNet(PRESETS[options.network])
    with pytest.raises(ImpastoError, match=r"checkpoint\.pt is damaged .* delete it and begin again"):
        folder.restore({"net": net, "average": net}, list)
