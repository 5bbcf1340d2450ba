"""Pickles of weights: they may describe containers and tensors, and nothing that they name is ever imported or called.

A pickle is a program that names functions to call. Here the opcodes are checked first, the few names that tensors need
stand for our own functions, and every other name is refused.
"""

import io
import math
import pickle
import pickletools
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.errors import BadFile

MOST_ELEMENTS = 2**28
MOST_MEMO = 2**20
STORAGE_TYPES = {
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "DoubleStorage": "<f8",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
# What torch.save writes. Among what is left out are INST, OBJ and NEWOBJ, which make objects, and EXT, which names one.
OPCODES = {
    "PROTO", "FRAME", "STOP", "MARK", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "BINPERSID", "NONE",
    "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE",
    "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
    "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS", "BINPUT", "LONG_BINPUT", "MEMOIZE",
    "BINGET", "LONG_BINGET", "POP", "POP_MARK",
}  # fmt: skip


def load_weights_pickle(file: io.BytesIO) -> Any:
    """The next pickle of the file, with `TensorPlace` for tensors; the file stands behind it then.

    Raises ImpastoError where it asks for anything else, and what pickle raises where it is damaged.
    """
    start = file.tell()
    _check_opcodes(file)
    data = file.getvalue()[start : file.tell()]
    return WeightsUnpickler(io.BytesIO(data)).load()


def _check_opcodes(file: io.BytesIO) -> None:
    with warnings.catch_warnings():  # of strange escapes in a damaged name, which is refused anyway
        warnings.simplefilter("ignore")
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name not in OPCODES:
                raise BadFile(f"holds more than weights (opcode {opcode.name}); save the net's state_dict alone")
            if opcode.name == "LONG_BINPUT" and int(argument or 0) > MOST_MEMO:
                raise pickle.UnpicklingError(f"memo number {argument}")


@dataclass(frozen=True, slots=True)
class Storage:
    """Flat numbers somewhere in the file."""

    type: str
    key: str


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """A tensor as a view of a storage; `offset` and `strides` count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def cut_from(self, values: np.ndarray) -> np.ndarray:
        """The tensor as a fresh array; ValueError where it would reach outside its storage."""
        if min((self.offset, *self.shape, *self.strides)) < 0 or len(self.shape) != len(self.strides):
            raise ValueError(f"a tensor of shape {self.shape}, strides {self.strides}, offset {self.offset}")
        last = self.offset + sum((count - 1) * stride for count, stride in zip(self.shape, self.strides, strict=True))
        if math.prod(self.shape) > 0 and last >= values.size:
            raise ValueError(f"a tensor of shape {self.shape} reaches outside its {values.size} numbers")
        if math.prod(self.shape) > MOST_ELEMENTS:
            raise ValueError(f"a tensor of shape {self.shape}")
        strides = tuple(stride * values.itemsize for stride in self.strides)
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides).copy()


class WeightsUnpickler(pickle.Unpickler):
    """Reads the containers and tensors of a checkpoint; any other name is refused and nothing of it is imported."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in STORAGE_TYPES:
            return name
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
            return self._tensor if name == "_rebuild_tensor_v2" else self._parameter
        raise BadFile(f"asks to run {module}.{name}, so it is not read; save the net's state_dict alone")

    def persistent_load(self, reference: Any) -> Storage:
        _, type_name, key, *_ = reference
        return Storage(STORAGE_TYPES[type_name], str(key))

    def _tensor(self, storage: Storage, offset: int, shape: Any, strides: Any, *_: Any) -> TensorPlace:
        return TensorPlace(storage, int(offset), tuple(shape), tuple(strides))

    def _parameter(self, tensor: TensorPlace, *_: Any) -> TensorPlace:
        return tensor
