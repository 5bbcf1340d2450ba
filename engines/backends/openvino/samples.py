"""What a net in int8 is calibrated on, and judged by: frames with styles, as inputs of the graph."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from engines.backends.calibration import CALIBRATION, calibration_frames
from engines.backends.openvino.layers import DEVICE, FP32, Inputs
from engines.packages import import_openvino
from engines.protocols import BuildAids
from engines.spec import Controls
from engines.style.state import CarriedState
from engines.style.styles import StyleFile

CALIBRATED_AT_PX = 384  # the longer side
HELD_EVERY = 4
LEAST_SAMPLES = 12
MOST_SAMPLES = 32


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Inputs of the graph to measure ranges on, and those to judge the result by; frames of one bounded size."""

    calibration: tuple[Inputs, ...]
    held: tuple[Inputs, ...]


def draw_samples(style: StyleFile, aids: BuildAids) -> Samples:
    """The frames of the calibration with all styles in turn; of the user's, every fourth is held back to judge by."""
    frames = [_bounded(frame) for frame in calibration_frames(aids.calibration)]
    vectors = [named.vector for named in style.card.styles]
    held = frames[HELD_EVERY - 1 :: HELD_EVERY] if aids.calibration is not None else []
    kept = [frame for index, frame in enumerate(frames) if not held or (index + 1) % HELD_EVERY]
    count = min(max(len(kept), len(vectors), LEAST_SAMPLES), MOST_SAMPLES)
    calibration = [_inputs(kept[index % len(kept)], Controls(vectors[index % len(vectors)])) for index in range(count)]
    own = [_inputs(frame, Controls(vectors[-1 - index % len(vectors)])) for index, frame in enumerate(held)]
    height, width = frames[0].shape[:2]
    return Samples(tuple(calibration), (*judged_inputs(style, height, width), *own))


def judged_inputs(style: StyleFile, height: int, width: int) -> Iterator[Inputs]:
    """The bundled calibration pictures at that size; every style of the file meets one, and so does a mix of two."""
    vectors = [named.vector for named in style.card.styles]
    if len(vectors) > 1:
        vectors.insert(1, (vectors[0] + vectors[-1]) / 2)
    names = CALIBRATION.names
    for index in range(max(len(names), len(vectors))):
        frame = CALIBRATION.frame(names[index % len(names)], height, width)
        yield _inputs(frame, Controls(vectors[index % len(vectors)]))


def _bounded(frame: np.ndarray) -> np.ndarray:
    """The frame [H, W, 3], its longer side at most CALIBRATED_AT_PX."""
    scale = CALIBRATED_AT_PX / max(frame.shape[:2])
    return cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else frame


def _inputs(frame: np.ndarray, controls: Controls) -> Inputs:
    return controls.graph_inputs(np.ascontiguousarray(frame)[None])


def in_order(floats: Any, style: StyleFile, inputs: Sequence[Inputs]) -> tuple[Inputs, ...]:
    """The inputs, all of one size, each with the state that those before it leave."""
    if not style.card.state:
        return tuple(inputs)
    state = CarriedState(style.card.state, *inputs[0]["frame"].shape[1:3])
    compiled = import_openvino().Core().compile_model(floats.clone(), DEVICE, FP32)
    whole = []
    for each in inputs:
        whole.append({**each, **state.values})
        found = compiled(dict(whole[-1]))
        state.feed_back({name: np.array(found[name]) for name in state.outputs})
    return tuple(whole)
