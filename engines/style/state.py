"""What a style carries from frame to frame: named further inputs of its graph, each fed back by an output.

A style card declares them: `{"name": "flow", "kind": "float32", "shape": [1, 2, "H/8", "W/8"], "start": 0.0,
"range": [-1.0, 1.0]}`. A side is a number, or the picture's height H or width W, whole or divided and rounded up.
Before the first frame every value is `start`, and what the graph hands out as `next_flow` goes in with the next frame.
The net keeps its values within `range`; the gate refuses one that does not, for what runs off would never come back.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

KINDS = {"float32": np.float32, "uint8": np.uint8}
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
TAKEN = ("frame", "style", "strength", "keep_colour", "stylized")
SIDE = re.compile(r"([HW])(?:/([1-9][0-9]{0,3}))?")
NEXT = "next_"
MOST_SIDES = 8  # which every runtime takes
Side = int | str


@dataclass(frozen=True, slots=True)
class StateInput:
    """One declared input; ValueError, with what is wrong in a line, where it makes no sense."""

    name: str
    kind: str
    shape: tuple[Side, ...]
    start: float
    range: tuple[float, float]

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or self.name in TAKEN or self.name.startswith(NEXT):
            raise ValueError(f"a state cannot be called {self.name!r}; use small letters, digits and '_'")
        if self.kind not in KINDS:
            raise ValueError(f"the state {self.name!r} is of the kind {self.kind!r}; choose one of {', '.join(KINDS)}")
        if not 0 < len(self.shape) <= MOST_SIDES or not all(map(_is_side, self.shape)):
            sides = "numbers from 1 on, or 'H' and 'W' or parts of them as 'H/8'"
            raise ValueError(f"the state {self.name!r} has the shape {list(self.shape)}; its sides are {sides}")
        _check_values(self)

    @property
    def output(self) -> str:
        """The name of the graph's output that is fed back."""
        return f"{NEXT}{self.name}"

    @property
    def dimensions(self) -> tuple[int | None, ...]:
        """The sides, None where they depend on the picture's."""
        return tuple(side if isinstance(side, int) else None for side in self.shape)

    def shape_at(self, height: int, width: int) -> tuple[int, ...]:
        """The shape beside pictures of that size."""
        return tuple(_side_at(side, height, width) for side in self.shape)

    def bytes_at(self, height: int, width: int) -> int:
        return math.prod(self.shape_at(height, width)) * np.dtype(KINDS[self.kind]).itemsize

    def first(self, height: int, width: int) -> np.ndarray:
        """What goes in with the first frame."""
        return np.full(self.shape_at(height, width), self.start, KINDS[self.kind])

    def why_out_of_range(self, value: np.ndarray) -> str:
        """Empty where all of it is within the range that was declared."""
        low, high = self.range
        least, most = float(value.min()), float(value.max())
        if low <= least and most <= high:  # no NaN is
            return ""
        return f"the state {self.name!r} came out from {least:g} to {most:g}, and its card says {low:g} to {high:g}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "shape": list(self.shape),
            "start": self.start,
            "range": list(self.range),
        }

    @classmethod
    def from_dict(cls, values: object) -> Self:
        """Of what a card says; ValueError, TypeError or KeyError where it is none."""
        if not isinstance(values, dict) or not isinstance(values["name"], str):
            raise TypeError("a state is an object with a name")
        if not isinstance(values["shape"], list):
            raise TypeError(f"the shape of the state {values['name']!r} is no list")
        low, high = values["range"]
        return cls(values["name"], values["kind"], tuple(values["shape"]), values["start"], (low, high))


def check_names(declared: Sequence[StateInput]) -> None:
    """ValueError where two states share a name."""
    names = [each.name for each in declared]
    if len(set(names)) < len(names):
        raise ValueError(f"the names of states must differ: {', '.join(names)}")


class CarriedState:
    """The state of one sequence of frames, at one size of picture; for one frame at a time.

    `values` go into the graph beside the frame, by name, and are not to be written to. What comes out is handed to
    `feed_back`. Where nothing is declared it is empty, and costs nothing.
    """

    def __init__(self, declared: Sequence[StateInput], height: int, width: int) -> None:
        self.values: dict[str, np.ndarray] = {}
        self._declared, self._size = tuple(declared), (height, width)
        self._spare: dict[str, np.ndarray] = {}
        self.reset()

    def __bool__(self) -> bool:
        return bool(self._declared)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names under which the next state comes out of the graph."""
        return tuple(each.output for each in self._declared)

    def reset(self) -> None:
        """The next frame is the first one."""
        self.values = {each.name: each.first(*self._size) for each in self._declared}

    def arrays(self) -> dict[str, np.ndarray]:
        """By output: arrays that the next state may be written into, and are handed to `feed_back` then."""
        return {
            each.output: np.empty_like(self.values[each.name]) if spare is None else spare
            for each in self._declared
            for spare in [self._spare.pop(each.output, None)]
        }

    def feed_back(self, found: Mapping[str, np.ndarray]) -> None:
        """What came out goes in next; ValueError where it has another shape or type than was declared."""
        for each in self._declared:
            before, now = self.values[each.name], found[each.output]
            if now.shape != before.shape or now.dtype != before.dtype:
                wanted = f"{before.dtype} {before.shape}"
                raise ValueError(f"the state {each.name!r} came out as {now.dtype} {now.shape}, not as {wanted}")
        self._spare = {each.output: self.values[each.name] for each in self._declared}
        self.values = {each.name: found[each.output] for each in self._declared}


def _is_side(side: object) -> bool:
    return side > 0 if type(side) is int else isinstance(side, str) and SIDE.fullmatch(side) is not None


def _side_at(side: Side, height: int, width: int) -> int:
    if isinstance(side, int):
        return side
    of, _, divisor = side.partition("/")
    return -(-(height if of == "H" else width) // int(divisor or 1))


def _check_values(state: StateInput) -> None:
    numbers = (state.start, *state.range)
    if not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
        raise ValueError(f"start and range of the state {state.name!r} must be numbers, not {numbers}")
    low, high = state.range
    if not low <= state.start <= high or low == high:
        raise ValueError(f"the state {state.name!r} starts at {state.start:g}, and its range is {low:g} to {high:g}")
    if state.kind == "uint8" and not (low >= 0 and high <= 255 and all(number == int(number) for number in numbers)):
        raise ValueError(f"the state {state.name!r} holds bytes: start and range must be whole numbers from 0 to 255")
