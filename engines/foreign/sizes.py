"""Which sizes of picture a foreign graph takes: any, any that are multiples of something, or one alone.

Many exporters write the size of the picture that they were given, and the net itself would take any. So the declared
sides are set free and the graph is tried at other sizes; it takes those if its pictures then come out as large as they
should, and as true to what went in as at its own size.
"""

from dataclasses import dataclass

import numpy as np
import onnx

from engines.errors import BadFile
from engines.foreign.convention import Convention
from engines.foreign.likeness import kept_edges
from engines.foreign.onnx_file import ForeignNet, sides_of
from engines.foreign.raw_run import RawNet, open_raw
from engines.gate.golden_cases import GOLDEN

Size = tuple[int, int]
SCENE = "scene"
OWN_SIZE: Size = (192, 256)  # of a net that declares none, to be tried with
# Every one that is tried is no multiple of the next.
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
SMALL: Size = (128, 192)
LARGER: Size = (256, 384)
LEAST_OF_OWN = 0.6  # of the edges that a picture of the net's own size keeps


@dataclass(frozen=True, slots=True)
class Sizes:
    """`own` (height, width) is the one size that a net takes, None where it takes all multiples of `multiple`.

    `scale` is how many times larger than what goes in the picture comes out.
    """

    own: Size | None
    multiple: int = 1
    scale: float = 1.0

    def told(self) -> str:
        if self.own is not None:
            return f"{self.own[1]}x{self.own[0]} alone"
        return "any" if self.multiple == 1 else f"any, in multiples of {self.multiple}"


def with_free_sides(model: onnx.ModelProto, taken: str, layout: str) -> onnx.ModelProto:
    """A copy of the graph, whose picture goes in as `taken`, that leaves height and width open on both sides."""
    free = onnx.ModelProto()
    free.CopyFrom(model)
    sides = next(value for value in free.graph.input if value.name == taken).type.tensor_type.shape.dim
    for letter, name in (("h", "height"), ("w", "width")):
        sides[layout.index(letter)].Clear()
        sides[layout.index(letter)].dim_param = name
    if "n" in layout:
        sides[0].Clear()
        sides[0].dim_value = 1
    for value in free.graph.output:
        if sides_of(value) is not None:
            value.type.tensor_type.ClearField("shape")
    return free


def own_size(net: ForeignNet, layout: str) -> Size:
    """The height and width that the graph declares, or usual ones in their place."""
    height, width = net.size_in(layout)
    return height or OWN_SIZE[0], width or OWN_SIZE[1]


def find_sizes(net: ForeignNet, convention: Convention) -> Sizes:
    """By trial; BadFile where no size can be found that the graph takes."""
    own = own_size(net, convention.layout)
    free = open_raw(net, with_free_sides(net.model, net.input, convention.layout))
    known = _painted(open_raw(net, net.model), own, convention)
    if known is None:
        raise BadFile(f"{net.path} takes no picture of {own[1]}x{own[0]}; export it anew")
    tried = ((each, _scale(free, each, convention)) for each in MULTIPLES)
    found = next(((multiple, scale) for multiple, scale in tried if scale), None)
    if found is not None and _is_faithful(free, convention, known):
        return Sizes(None, *found)
    return Sizes(own, scale=known[1].shape[0] / own[0])


def _painted(raw: RawNet, size: Size, convention: Convention) -> tuple[np.ndarray, np.ndarray] | None:
    """The shipped picture at that size, and what the net makes of it."""
    frame = GOLDEN.frame(SCENE, *size)
    painted = raw.paint(frame, convention)
    return None if painted is None else (frame, painted)


def _scale(free: RawNet, multiple: int, convention: Convention) -> float:
    """How many times larger pictures come out whose sides are multiples of no more than that; 0 where they differ."""
    scales = set[float]()
    for more in (1, 3):
        size = (SMALL[0] + more * multiple, SMALL[1] + multiple)
        found = _painted(free, size, convention)
        if found is None:
            return 0.0
        scales.update(out / side for out, side in zip(found[1].shape, size, strict=False))
    return scales.pop() if len(scales) == 1 else 0.0


def _is_faithful(free: RawNet, convention: Convention, known: tuple[np.ndarray, np.ndarray]) -> bool:
    """A graph may take a size for which it was not written and paint nonsense."""
    larger = _painted(free, LARGER, convention)
    return larger is not None and kept_edges(*larger) > LEAST_OF_OWN * kept_edges(*known)
