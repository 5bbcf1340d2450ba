"""Named tensors out of torch checkpoints, safetensors and npz files; no torch, and no pickle's code ever runs.

The pickles inside torch's checkpoints are read by engines.export.weights_pickle.
"""

import io
import json
import math
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, TypeAlias

import numpy as np

from engines.errors import BadFile, ImpastoError
from engines.export.weights_pickle import TensorPlace, load_weights_pickle

MOST_BYTES = 2**30
# What a file may unpack to, and its tensors have in numbers: those of a net are hardly smaller when packed.
MOST_TIMES, ROOM_BYTES = 16, 16 * 2**20
LUA_SUFFIX, LUA_MAGIC, LUA_HEADER = ".t7", b"\x03\x00\x00\x00V 1", 64
BY_ONNX = "export it to ONNX and import that file"
ZIP_KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # LZMA takes as much memory as its header says
LEGACY_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
SAFETENSORS_TYPES = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "BF16": "bfloat16", "I64": "<i8", "I32": "<i4"}
# What a damaged file makes the readers raise.
DAMAGE = (
    pickle.UnpicklingError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, AttributeError,
    TypeError, ValueError, OverflowError, NotImplementedError, RuntimeError, MemoryError, SyntaxError, TokenError,
)  # fmt: skip


Tensors: TypeAlias = dict[str, np.ndarray]
Places: TypeAlias = dict[str, TensorPlace]
MOST_NESTED = 3  # a state_dict inside what a trainer saved, inside what a program saved of it


def read_tensor_sets(path: Path) -> list[Tensors]:
    """The tensors of each dict in the file by their names, as float32 or their own integer type; the largest first.

    A checkpoint of a training run may hold several nets, an optimiser's state, and tensors beside them all. Raises
    OSError where the file cannot be read, ImpastoError where it is not one of the three kinds, is damaged, or
    asks for code to be run.
    """
    size = path.stat().st_size
    if size == 0:
        raise BadFile(f"{path} is empty")
    if size > MOST_BYTES:
        raise BadFile(f"{path} has {size / 2**20:.0f} MiB; a style's checkpoint has a few")
    data = path.read_bytes()
    reader = _reader_for(data)
    if reader is None:
        raise BadFile(_no_checkpoint(path, data))
    try:
        sets = reader(data)
    except ImpastoError as error:
        raise BadFile(f"{path}: {error}") from None
    except DAMAGE as error:
        raise BadFile(f"{path} is damaged or cut short ({type(error).__name__}); get the file again") from error
    if not sets:
        raise BadFile(f"{path} holds no tensors")
    return sorted(sets, key=lambda tensors: sum(values.size for values in tensors.values()), reverse=True)


def _no_checkpoint(path: Path, data: bytes) -> str:
    if path.suffix.lower() == LUA_SUFFIX or LUA_MAGIC in data[:LUA_HEADER]:
        return f"{path} is a file of Lua's torch, which is not read; rebuild its net in PyTorch, and {BY_ONNX}"
    return f"{path} is not a torch checkpoint, a safetensors or an npz file; {BY_ONNX} if it is a net of another kind"


def _reader_for(data: bytes) -> Callable[[bytes], list[Tensors]] | None:
    if data.startswith(b"PK\x03\x04"):
        return _read_zip
    if data.startswith(b"\x80"):
        return _read_legacy_torch
    if data[8:9] == b"{" and struct.unpack("<Q", data[:8])[0] < MOST_BYTES:
        return _read_safetensors
    return None


def _read_zip(data: bytes) -> list[Tensors]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _most_bytes(data):
            raise BadFile(f"unpacks to more than {_most_bytes(data) >> 20} MiB; weights are not packed so small")
        if any(entry.compress_type not in ZIP_KINDS for entry in archive.infolist()):
            raise BadFile("is packed in an unusual way; save it again with torch.save or numpy.savez")
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        return _read_torch(archive, pickles[0]) if pickles else _read_npz(archive)


def _most_bytes(data: bytes) -> int:
    return min(MOST_BYTES, MOST_TIMES * len(data) + ROOM_BYTES)


def _read_npz(archive: zipfile.ZipFile) -> list[Tensors]:
    names = [name for name in archive.namelist() if name.endswith(".npy")]
    return [{name.removesuffix(".npy"): _read_npy(archive.read(name)) for name in names}] if names else []


def _read_npy(raw: bytes) -> np.ndarray:
    """NumPy's own reader makes room for what the header says before it looks for it."""
    file = io.BytesIO(raw)
    version = np.lib.format.read_magic(file)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, in_columns, dtype = read_header(file)
    if dtype.kind not in "fiub" or min(shape, default=0) < 0:
        raise BadFile(f"holds arrays of {dtype} or without a shape, which are no weights")
    values = np.frombuffer(raw, dtype, math.prod(shape), file.tell())
    return _as_weights(values.reshape(shape, order="F" if in_columns else "C"))


def _read_safetensors(data: bytes) -> list[Tensors]:
    """8 bytes of header length, a JSON header, and the raw tensors (the format's own specification)."""
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    if sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in header.values()) > len(data):
        raise ValueError("tensors that lie over each other")
    tensors = {}
    for name, entry in header.items():
        first, end = entry["data_offsets"]
        if not 0 <= first <= end or min(entry["shape"], default=0) < 0:
            raise ValueError("a tensor that ends before it begins, or has a negative side")
        values = _decode(data[start + first : start + end], SAFETENSORS_TYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return [tensors] if tensors else []


def _read_torch(archive: zipfile.ZipFile, pickle_name: str) -> list[Tensors]:
    """The zip format of torch.save since 1.6: one pickle, and one entry for each storage."""
    folder = pickle_name.removesuffix("data.pkl")
    byteorder = f"{folder}byteorder"
    if byteorder in archive.namelist() and archive.read(byteorder) != b"little":
        raise BadFile("is written in big-endian order; save it again on a usual machine")
    content = load_weights_pickle(io.BytesIO(archive.read(pickle_name)))
    sets = _tensor_places(content)
    _check_counts(sets, sum(entry.file_size for entry in archive.infolist()))
    keys = {place.storage.key: place.storage for places in sets for place in places.values()}
    storages = {key: _decode(archive.read(f"{folder}data/{key}"), storage.type) for key, storage in keys.items()}
    return _cut(sets, storages)


def _read_legacy_torch(data: bytes) -> list[Tensors]:
    """torch.save before 1.6: pickles of a magic number, a version, the machine, the content, the keys; then numbers."""
    file = io.BytesIO(data)
    if not data.startswith(LEGACY_MAGIC):
        load_weights_pickle(file)
        raise BadFile("is a pickle, not a torch checkpoint")
    content, keys = [load_weights_pickle(file) for _ in range(5)][3:]
    sets = _tensor_places(content)
    _check_counts(sets, len(data))
    types = {place.storage.key: place.storage.type for places in sets for place in places.values()}
    storages = {}
    for key in keys:
        count = struct.unpack("<q", file.read(8))[0]
        if count < 0:
            raise ValueError(f"a storage of {count} numbers")
        type_name = types.get(key, "<f4")
        storages[key] = _decode(file.read(count * _item_size(type_name)), type_name)
    return _cut(sets, storages)


def _check_counts(sets: list[Places], storage_bytes: int) -> None:
    """Tensors may share their numbers, and repeat them by a stride of 0, but not without end."""
    numbers = sum(max(0, place.count) for places in sets for place in places.values())
    if numbers > storage_bytes + ROOM_BYTES // 4:
        raise BadFile(f"has tensors of {numbers:.1e} numbers in all, many times what is in it; save it again")


def _cut(sets: list[Places], storages: dict[str, np.ndarray]) -> list[Tensors]:
    return [{name: place.cut_from(storages[place.storage.key]) for name, place in places.items()} for places in sets]


def _tensor_places(content: Any) -> list[Places]:
    """The tensors of a state_dict, or of each dict that a training checkpoint holds."""
    if not isinstance(content, Mapping):
        raise BadFile("holds no state_dict; save the net's state_dict alone")
    dicts, sets = {id(content): content}, []
    for _ in range(MOST_NESTED):
        sets += [places for places in map(_places_in, dicts.values()) if places]
        inside = [value for each in dicts.values() for value in each.values() if isinstance(value, Mapping)]
        dicts = {id(each): each for each in inside}  # each once: a file may name one dict many times
    return sets


def _places_in(content: Mapping[Any, Any]) -> Places:
    return {str(name): value for name, value in content.items() if isinstance(value, TensorPlace)}


def _item_size(type_name: str) -> int:
    return 2 if type_name == "bfloat16" else np.dtype(type_name).itemsize


def _decode(raw: bytes, type_name: str) -> np.ndarray:
    if type_name == "bfloat16":
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
    return _as_weights(np.frombuffer(raw, type_name))


def _as_weights(values: np.ndarray) -> np.ndarray:
    if not np.issubdtype(values.dtype, np.floating):
        return values
    with np.errstate(over="ignore", invalid="ignore"):  # what does not fit is not finite, and told as that
        return values.astype(np.float32)
