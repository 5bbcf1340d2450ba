"""The convolutions of an OpenVINO model in 8 bits.

What they read and are stored as, given their floats back one by one, and judged by what is painted.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from engines.errors import refusing
from engines.packages import import_openvino
from engines.pictures import psnr

DEVICE = "CPU"
CONVOLUTIONS = ("Convolution", "GroupConvolution")
QUANTISER = "FakeQuantize"
# What may stand between a quantiser and its convolution: it moves values and makes no new ones.
MOVES = ("Pad", "Transpose", "Reshape", "DepthToSpace", "SpaceToDepth", "Slice", "StridedSlice")

FP32 = {"INFERENCE_PRECISION_HINT": "f32"}

Inputs = Mapping[str, np.ndarray]


class Layers:
    """The quantised convolutions of a model, by name and in the order in which the picture meets them."""

    def __init__(self, floats: Any, integers: Any) -> None:
        """`integers` is `floats` after quantisation, with the same names; `weights` are those of `floats`."""
        self._integers = integers
        weights = {op.get_friendly_name(): op.input_value(1).get_node() for op in convolutions(floats)}
        quantised = [op.get_friendly_name() for op in convolutions(integers) if quantiser_of(op) is not None]
        self.weights = {name: weights[name].data for name in quantised if weights[name].get_type_name() == "Constant"}

    @property
    def names(self) -> list[str]:
        return list(self.weights)

    def with_floats(self, names: Iterable[str]) -> Any:
        """The model with these convolutions as they were before."""
        from openvino import opset13

        model = self._integers.clone()
        by_name = {op.get_friendly_name(): op for op in convolutions(model)}
        for name in names:
            convolution = by_name[name]
            weight = opset13.constant(self.weights[name])
            convolution.input(1).replace_source_output(weight.output(0))
            quantiser = quantiser_of(convolution)
            for target in quantiser.output(0).get_target_inputs():
                target.replace_source_output(quantiser.input_value(0))
        return model

    def told(self, names: Sequence[str]) -> str:
        """Which layers these are, in words."""
        if not names:
            return "every layer"
        stem, rest = names[0] == self.names[0], len(names) - (names[0] == self.names[0])
        words = ["the stem"] * stem + [f"{rest} of {len(self.names) - 1} other layers"] * bool(rest)
        return f"{' and '.join(words)} in floats"


class Judge:
    """Compares models with an unquantised one by the pictures that they paint of the held inputs, all of one size.

    EngineRefused where OpenVINO cannot run one.
    """

    def __init__(self, floats: Any, held: Sequence[Inputs], settings: Mapping[str, str]) -> None:
        """`settings` are those with which the others will be compiled."""
        self._held = held
        self._settings = settings
        self._wanted = self._painted(floats.clone(), FP32)

    def agreement(self, model: Any) -> float:
        """The least PSNR over all held inputs, in dB."""
        found = self._painted(model.clone(), self._settings)
        return min(psnr(picture, wanted) for picture, wanted in zip(found, self._wanted, strict=True))

    def _painted(self, model: Any, settings: Mapping[str, str]) -> list[np.ndarray]:
        with refusing("OpenVINO cannot run the net to compare it with int8", RuntimeError):
            model.reshape({name: list(array.shape) for name, array in self._held[0].items()})
            compiled = import_openvino().Core().compile_model(model, DEVICE, dict(settings))
            return [np.array(compiled(dict(inputs))["stylized"]) for inputs in self._held]


@dataclass(frozen=True, slots=True, eq=False)
class StoredWeights:
    """The bytes [O, I, kh, kw] that NNCF made of a convolution's weights, and the `steps` that multiply each row."""

    values: np.ndarray
    steps: np.ndarray
    _widened: Any

    @classmethod
    def of(cls, convolution: Any) -> Self | None:
        """None where they are floats, or where another version stores them otherwise."""
        product = convolution.input_value(1).get_node()
        if product.get_type_name() != "Multiply":
            return None
        widened, steps = (product.input_value(place).get_node() for place in range(2))
        if (widened.get_type_name(), steps.get_type_name()) != ("Convert", "Constant"):
            return None
        return cls(widened.input_value(0).get_node().data, steps.data, widened)

    @property
    def most(self) -> int:
        """The largest number among them, of either sign, which is safe where products are added."""
        return int(np.abs(self.values.astype(np.int16)).max())

    def safe(self, rounded: np.ndarray) -> np.ndarray:
        """Other whole numbers, kept within what is safe, as bytes."""
        stored: np.ndarray = np.clip(rounded, -self.most, self.most).astype(self.values.dtype)
        return stored

    def replace(self, rounded: np.ndarray) -> None:
        from openvino import opset13

        self._widened.input(0).replace_source_output(opset13.constant(self.safe(rounded)).output(0))


def read_by(model: Any, names: Collection[str], inputs: Iterable[Inputs]) -> Iterator[dict[str, np.ndarray]]:
    """For each of the inputs, what the convolutions of these names read: float32 [C, h, w], as floats compute it.

    EngineRefused where OpenVINO cannot run the model.
    """
    watched = model.clone()
    read = {op.get_friendly_name(): op.input_value(0) for op in convolutions(watched)}
    names = [name for name in read if name in names]
    first = len(watched.outputs)
    watched.add_outputs([read[name] for name in names])
    with refusing("OpenVINO cannot run the net to see what its layers read", RuntimeError):
        compiled = import_openvino().Core().compile_model(watched, DEVICE, FP32)
        for each in inputs:
            found = compiled(dict(each))
            yield {name: np.asarray(found[place][0], np.float32) for place, name in enumerate(names, start=first)}


def convolutions(model: Any) -> list[Any]:
    """In the order in which the picture meets them."""
    return [op for op in model.get_ordered_ops() if op.get_type_name() in CONVOLUTIONS]


def convolutions_reading(model: Any, inputs: Collection[str]) -> list[str]:
    """Names of those that read what these inputs of the graph hold, with no other convolution in between."""
    found: list[str] = []
    reached = {port.get_node().get_friendly_name() for port in model.inputs if port.any_name in inputs}
    for node in model.get_ordered_ops():
        if any(value.get_node().get_friendly_name() in reached for value in node.input_values()):
            names = found.append if node.get_type_name() in CONVOLUTIONS else reached.add
            names(node.get_friendly_name())
    return found


def quantiser_of(convolution: Any) -> Any:
    """What rounds the values that a convolution reads; None where nothing does."""
    node = convolution.input_value(0).get_node()
    while node.get_type_name() in MOVES:
        node = node.input_value(0).get_node()
    return node if node.get_type_name() == QUANTISER else None
