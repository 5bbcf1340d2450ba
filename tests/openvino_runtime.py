"""What OpenVINO says of the net that it compiled."""

import os

from pretended_processor import VARIABLE

from engines.backends.openvino.backend import OpenVinoEngine
from engines.loading.engine import Engine


def convolves_in_integers(engine: Engine) -> bool:
    """Whether all convolutions of bytes run so, and no rounding to 8 bits is left that goes through floats by itself.

    A graph that rounds to bf16 itself, as the tests may ask for, stays in floats.
    """
    assert isinstance(engine, OpenVinoEngine)
    infos = [operation.get_rt_info() for operation in engine._compiled.get_runtime_model().get_ordered_ops()]
    told = [(info["layerType"].astype(str), info["runtimePrecision"].astype(str)) for info in infos]
    integers = ("Convolution", "u8") in told and "FakeQuantize" not in {kind for kind, _ in told}
    return integers or os.environ.get(VARIABLE) == "bf16"
