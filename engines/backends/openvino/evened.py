"""Channels brought to about one range before they become bytes, so that quiet ones keep steps beside loud ones.

What a convolution reads is rounded in steps of one size, which the loudest of its channels sets. A channel that is
divided by a number, and its weights multiplied by it, leaves the floats as they are (cross-layer equalisation, Nagel et
al. 2019, arXiv 1906.04721; SmoothQuant, Xiao et al. 2022, arXiv 2211.10438). So does a channel whose middle is taken
away, where what that takes from the result is the same everywhere, and is added again. OpenVINO does all of this as it
rounds and as it adds up, which costs nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from engines.backends.openvino.layers import Inputs, convolutions, read_by

# What all but the highest and the lowest thousandth of a channel's places lie between tells how loud it is.
RARE = 0.001
# How far ranges come to one: all the way, and the weights of quiet channels would have no steps left.
EVENED = 0.75
# By so much may the range of all channels become wider for the rarest values of a quiet one. It has to be a little
# wider than what was seen anyway: other pictures have rarer ones.
WIDER = 1.25
LEAST_PART = 1e-3  # of the loudest: a channel may be silent
CONVOLUTION, PAD, FILLED = "Convolution", "Pad", "constant"


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """Of channels [C]: all their values lie from `least` to `most`, and all but the rarest from `low` to `high`."""

    low: np.ndarray
    high: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite([self.least, self.most]).all())

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Of values [C, h, w]."""
        places = values.reshape(len(values), -1)
        low, high = np.quantile(places, (RARE, 1 - RARE), axis=1)
        return cls(low, high, places.min(axis=1), places.max(axis=1))

    def with_all_of(self, other: "Range") -> "Range":
        return Range(
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            np.minimum(self.least, other.least),
            np.maximum(self.most, other.most),
        )

    @property
    def middle(self) -> np.ndarray:
        """0 where no value of any is below: then bytes begin there."""
        return (self.low + self.high) / 2 if self.least.min() < 0 else np.zeros_like(self.low)

    def part(self, middle: np.ndarray) -> np.ndarray:
        """What they are to be divided by: by how loud they are, but none by so little that its rarest stood out."""
        tiny = np.finfo(np.float32).tiny
        loud = np.maximum(self.high - middle, middle - self.low)
        rare = np.maximum(self.most - middle, middle - self.least)
        part: np.ndarray = (loud / max(loud.max(), tiny)) ** EVENED
        return part.clip(np.maximum(rare / max(WIDER * rare.max(), tiny), LEAST_PART))


def evened(floats: Any, inputs: Sequence[Inputs], but: Collection[str] = ()) -> Any:
    """The same net, what its convolutions read shifted and divided, and their weights multiplied.

    `inputs` tell the channels' ranges. What several convolutions read stays as it was, what those named in `but` read,
    and what is of another kind than nets for pictures mostly have. EngineRefused where OpenVINO cannot run the net.
    """
    model = floats.clone()
    found = [op for op in convolutions(model) if op.get_friendly_name() not in but and _can_be_evened(op)]
    readers = Counter(_before_pads(op).get_source_output() for op in convolutions(model))
    found = [op for op in found if readers[_before_pads(op).get_source_output()] == 1]
    ranges = _ranges(floats, {op.get_friendly_name() for op in found}, inputs)
    for convolution in found:
        channels = ranges[convolution.get_friendly_name()]
        if channels.is_finite:
            _even(convolution, channels)
    model.validate_nodes_and_infer_types()
    return model


def _can_be_evened(convolution: Any) -> bool:
    """Whether its weights are floats [O, I, kh, kw], and rims round what it reads are made of that, and for it alone.

    Zeros of its own around the picture are none to divide.
    """
    weights = convolution.input_value(1).get_node()
    if convolution.get_type_name() != CONVOLUTION or weights.get_type_name() != "Constant":
        return False
    if weights.data.ndim != 4 or weights.data.dtype != np.float32:
        return False
    return all(
        pad.get_attributes()["pad_mode"] != FILLED and len(pad.output(0).get_target_inputs()) == 1
        for pad in _pads(convolution)
    )


def _before_pads(convolution: Any) -> Any:
    """The place in the graph where what it reads comes in, before rims are put round it."""
    return (convolution, *_pads(convolution))[-1].input(0)


def _pads(convolution: Any) -> Iterator[Any]:
    """What puts rims round what it reads, the nearest first."""
    node = convolution.input_value(0).get_node()
    while node.get_type_name() == PAD:
        yield node
        node = node.input_value(0).get_node()


def _ranges(floats: Any, names: Collection[str], inputs: Sequence[Inputs]) -> dict[str, Range]:
    """Of what each of these convolutions reads, over all inputs."""
    ranges: dict[str, Range] = {}
    for read in read_by(floats, names, inputs):
        for name, values in read.items():
            found = Range.of(values)
            ranges[name] = ranges[name].with_all_of(found) if name in ranges else found
    return ranges


def _even(convolution: Any, channels: Range) -> None:
    from openvino import opset13

    place, weights = _before_pads(convolution), convolution.input_value(1).get_node().data
    middle = channels.middle if _has_no_rim(convolution) else np.zeros_like(channels.low)
    part = channels.part(middle)[:, None, None].astype(np.float32)
    value = place.get_source_output()
    if middle.any():
        value = opset13.subtract(value, opset13.constant(middle[None, :, None, None].astype(np.float32))).output(0)
        _add(convolution, np.einsum("oikl,i->o", weights.astype(np.float64), middle))
    place.replace_source_output(opset13.multiply(value, opset13.constant((1 / part)[None])).output(0))
    convolution.input(1).replace_source_output(opset13.constant(weights * part).output(0))


def _has_no_rim(convolution: Any) -> bool:
    """Whether no zeros of its own come in from around: they would have to be shifted too."""
    attributes = convolution.get_attributes()
    return attributes["auto_pad"] == "explicit" and not any((*attributes["pads_begin"], *attributes["pads_end"]))


def _add(convolution: Any, lost: np.ndarray) -> None:
    """To each channel of its result [O]."""
    from openvino import opset13

    readers = convolution.output(0).get_target_inputs()
    total = opset13.add(convolution, opset13.constant(lost[None, :, None, None].astype(np.float32)))
    for reader in readers:
        reader.replace_source_output(total.output(0))
