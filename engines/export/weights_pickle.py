"""Pickles of weights: they may describe containers and tensors, and nothing that they name is ever imported or called.

A pickle is a program for a stack machine. This is such a machine, without what can make objects: the few names that
tensors need stand for our own functions, every other name and opcode is refused, and a key is a text or a number. (A
tuple that holds one tuple twice, and that one the next, takes for ever to be hashed as a key.)
"""

import io
import math
import pickle
import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.errors import BadFile

MOST_INSTRUCTIONS = 500_000  # some thirty make a tensor; a second's work
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
NOTHING_TO_DO = ("PROTO", "FRAME")
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
ARGUMENTS = (
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINSTRING",
    "SHORT_BINSTRING",
)  # fmt: skip
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
MARK = object()


def load_weights_pickle(file: io.BytesIO) -> Any:
    """The next pickle of the file, with `TensorPlace` for tensors; the file stands behind it then.

    Raises ImpastoError where it asks for anything else, and UnpicklingError, ValueError, LookupError or TypeError where
    it is damaged.
    """
    machine = _Machine()
    with warnings.catch_warnings():  # of strange escapes in a damaged name, which is refused anyway
        warnings.simplefilter("ignore")
        for number, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            machine.do(opcode.name, argument)
            if number > MOST_INSTRUCTIONS:
                raise BadFile(f"holds more than weights (over {MOST_INSTRUCTIONS} items); save the state_dict alone")
    return machine.result


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

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    def cut_from(self, values: np.ndarray) -> np.ndarray:
        """The tensor as a fresh array; ValueError where it would reach outside its storage."""
        if min((self.offset, *self.shape, *self.strides)) < 0 or len(self.shape) != len(self.strides):
            raise ValueError("a tensor with a negative side, stride or offset")
        last = self.offset + sum((count - 1) * stride for count, stride in zip(self.shape, self.strides, strict=True))
        if self.count > 0 and last >= values.size:
            raise ValueError(f"a tensor that reaches outside its {values.size} numbers")
        strides = tuple(stride * values.itemsize for stride in self.strides)
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides).copy()


class _Machine:
    """The stack, the memo, and in `result` what was on top at the end."""

    def __init__(self) -> None:
        self.result: Any = None
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def do(self, opcode: str, argument: Any) -> None:
        """One instruction; BadFile for one that is no part of a table of weights."""
        if opcode in NOTHING_TO_DO:
            return
        if opcode in CONSTANTS or opcode in ARGUMENTS:
            self._stack.append(CONSTANTS.get(opcode) if opcode in CONSTANTS else argument)
        elif opcode in TUPLES:
            self._stack[-TUPLES[opcode] :] = [tuple(self._last(TUPLES[opcode]))]
        elif opcode in DEEDS:
            DEEDS[opcode](self, argument)
        else:
            raise BadFile(f"holds more than weights (opcode {opcode}); save the net's state_dict alone")

    def _last(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise pickle.UnpicklingError("the stack is empty")
        return self._stack[-count:]

    def _since_mark(self) -> list[Any]:
        """What was pushed since the last mark, which goes too."""
        for at in range(len(self._stack) - 1, -1, -1):
            if self._stack[at] is MARK:
                found = self._stack[at + 1 :]
                del self._stack[at:]
                return found
        raise pickle.UnpicklingError("there is no mark")

    def stop(self, _: object) -> None:
        self.result = self._stack.pop()

    def mark(self, _: object) -> None:
        self._stack.append(MARK)

    def pop(self, _: object) -> None:
        self._stack.pop()

    def pop_mark(self, _: object) -> None:
        self._since_mark()

    def make_tuple(self, _: object) -> None:
        self._stack.append(tuple(self._since_mark()))

    def make_list(self, _: object) -> None:
        self._stack.append([])

    def make_dict(self, _: object) -> None:
        self._stack.append({})

    def append(self, _: object) -> None:
        item = self._stack.pop()
        _expect(self._stack[-1], list).append(item)

    def appends(self, _: object) -> None:
        items = self._since_mark()
        _expect(self._stack[-1], list).extend(items)

    def set_item(self, _: object) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        _fill(_expect(self._stack[-1], dict), [key, value])

    def set_items(self, _: object) -> None:
        items = self._since_mark()
        _fill(_expect(self._stack[-1], dict), items)

    def put(self, number: int) -> None:
        self._memo[number] = self._stack[-1]

    def memoize(self, _: object) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, number: int) -> None:
        self._stack.append(self._memo[number])

    def name(self, words: str) -> None:
        module, _, name = words.partition(" ")
        self._stack.append(_meaning(module, name))

    def stack_name(self, _: object) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._stack.append(_meaning(_expect(module, str), _expect(name, str)))

    def call(self, _: object) -> None:
        arguments, function = _expect(self._stack.pop(), tuple), self._stack.pop()
        if function not in CALLS.values():
            raise pickle.UnpicklingError("something is called that is no function")
        self._stack.append(function(*arguments))

    def build(self, _: object) -> None:
        """A state_dict's `_metadata`, which says nothing of the weights."""
        self._stack.pop()

    def find_storage(self, _: object) -> None:
        _, type_name, key, *_ = _expect(self._stack.pop(), tuple)
        self._stack.append(Storage(STORAGE_TYPES[_expect(type_name, str)], str(_expect(key, (str, int)))))


Deed = Callable[[_Machine, Any], None]
DEEDS: dict[str, Deed] = {
    "STOP": _Machine.stop,
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "TUPLE": _Machine.make_tuple,
    "EMPTY_LIST": _Machine.make_list,
    "EMPTY_DICT": _Machine.make_dict,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.find_storage,
}


def _expect(value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind):
        raise pickle.UnpicklingError(f"there is a {type(value).__name__} where another thing belongs")
    return value


def _fill(table: dict[Any, Any], items: list[Any]) -> None:
    """With keys and values in turn."""
    for key, value in zip(items[::2], items[1::2], strict=True):
        table[_expect(key, (str, int, float, type(None)))] = value


def _table(pairs: Any = ()) -> dict[Any, Any]:
    """Stands for OrderedDict; Python 2 hands it its items."""
    made: dict[Any, Any] = {}
    for pair in _expect(pairs, (list, tuple)):
        key, value = _expect(pair, (list, tuple))
        _fill(made, [key, value])
    return made


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> TensorPlace:
    sides, steps = (tuple(_expect(each, int) for each in _expect(row, tuple)) for row in (shape, strides))
    return TensorPlace(_expect(storage, Storage), _expect(offset, int), sides, steps)


def _parameter(tensor: Any, *_: Any) -> TensorPlace:
    place: TensorPlace = _expect(tensor, TensorPlace)
    return place


CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _table,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


def _meaning(module: str, name: str) -> Any:
    """What stands for a name: a type of storage, or one of our functions."""
    if module == "torch" and name in STORAGE_TYPES:
        return name
    if (module, name) in CALLS:
        return CALLS[module, name]
    raise BadFile(f"asks to run {_printable(f'{module}.{name}')}, so it is not read; save the net's state_dict alone")


def _printable(name: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in name[:80])
