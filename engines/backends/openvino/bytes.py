"""The frame's bytes read as what they are: a quantised convolution of the picture itself loses nothing of it.

A frame is in 8-bit integers already. NNCF measures a range for what the stem reads, the picture less its mean, and a
dark frame then has a few steps of it. But 0..255 in 256 steps is the picture itself, and the mean need not be taken
away where sums are of integers, which round nothing: an instance norm follows. So these convolutions read the bytes,
a quarter of the memory, and only their weights are rounded.

What all pixels have in common, their level, goes through the sum of a row of weights. Those are rounded so that the
sum stays (the method of largest remainders): else a smooth picture would be shifted by all the rounding together.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engines.backends.openvino.layers import MOVES, convolutions, quantiser_of

MEAN, CENTRING, FROM_BYTES, NORM = "ReduceMean", "Subtract", "Convert", "MVN"
SUM = "Add"
COLOURS = 3


def read_bytes_exactly(model: Any, weights: Mapping[str, np.ndarray]) -> None:
    """Lets every quantised convolution that reads the frame, with nothing but its mean taken away, read its bytes.

    `weights` are those of the quantised convolutions before they were rounded, by name.
    """
    for convolution in convolutions(model):
        quantiser = quantiser_of(convolution)
        picture = None if quantiser is None else _picture(convolution, quantiser.input_value(0))
        if picture is None:
            continue
        if (floats := weights.get(convolution.get_friendly_name())) is not None:
            _keep_sums(convolution, floats)
        exact = _identity(picture)
        for reader in quantiser.output(0).get_target_inputs():
            reader.replace_source_output(exact)
    model.validate_nodes_and_infer_types()


def with_kept_sums(scaled: np.ndarray) -> np.ndarray:
    """Weights [O, I, kh, kw], in steps of their quantiser, as whole numbers: each up or down, so that sums stay.

    The sums are those over all weights of an output channel that see one colour; channel i of I sees colour i mod 3.
    """
    outputs, inputs = scaled.shape[:2]
    colours = COLOURS if inputs % COLOURS == 0 else 1
    by_colour = np.moveaxis(scaled.astype(np.float64).reshape(outputs, inputs // colours, colours, -1), 2, 1)
    rows = by_colour.reshape(outputs, colours, -1)
    lower = np.floor(rows)
    missing = np.rint((rows - lower).sum(axis=-1, keepdims=True))
    rank = np.argsort(np.argsort(lower - rows, axis=-1, kind="stable"), axis=-1)
    rounded = (lower + (rank < missing)).reshape(by_colour.shape)
    return np.ascontiguousarray(np.moveaxis(rounded, 1, 2)).reshape(scaled.shape)


def _picture(convolution: Any, value: Any) -> Any:
    """The frame as numbers 0..255, where a convolution's input is that, or that less its mean and a norm follows."""
    node = value.get_node()
    if node.get_type_name() == CENTRING and node.input_value(1).get_node().get_type_name() == MEAN:
        if not _is_normed(convolution):
            return None
        value = node.input_value(0)
    from_bytes = value.get_node()
    if from_bytes.get_type_name() != FROM_BYTES or from_bytes.get_input_element_type(0).get_type_name() != "u8":
        return None
    return value


def _is_normed(node: Any) -> bool:
    """Whether the norm alone reads this, in whatever order of pixels, or its sum with something else."""
    readers = [target.get_node() for target in node.output(0).get_target_inputs()]
    if len(readers) != 1:
        return False
    kind = readers[0].get_type_name()
    return kind == NORM or (kind in (*MOVES, SUM) and _is_normed(readers[0]))


def _identity(picture: Any) -> Any:
    """The picture through a quantiser whose 256 steps are its own values."""
    from openvino import opset13

    low, high = opset13.constant(np.float32(0)), opset13.constant(np.float32(255))
    return opset13.fake_quantize(picture, low, high, low, high, levels=256).output(0)


def _keep_sums(convolution: Any, weights: np.ndarray) -> None:
    """Rounds the weights anew, with NNCF's steps; it stores them as bytes, to be multiplied by a step for each row."""
    from openvino import opset13

    product = convolution.input_value(1).get_node()
    if product.get_type_name() != "Multiply":
        return  # another version stores them otherwise; they stay as it rounded them
    widened, steps = (product.input_value(place).get_node() for place in range(2))
    if (widened.get_type_name(), steps.get_type_name()) != ("Convert", "Constant"):
        return
    stored = widened.input_value(0).get_node().data
    rounded = np.clip(with_kept_sums(weights / steps.data), stored.min(), stored.max())
    widened.input(0).replace_source_output(opset13.constant(rounded.astype(stored.dtype)).output(0))
