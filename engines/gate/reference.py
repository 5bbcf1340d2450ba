"""The fp32 references of the acceptance gate: runtimes that share no code with the engine they judge.

Of nets whose family is known they also run another graph: the plain one, written anew from the weights without the
rewrites for speed.
"""

from typing import TYPE_CHECKING

import numpy as np

from engines.errors import EngineRefused, in_one_line
from engines.export.export import graph_of
from engines.gate.runtimes import RUNTIMES, Run
from engines.networks.family import PLAIN
from engines.spec import Controls, EngineSpec
from engines.style.state import CarriedState
from engines.style.styles import StyleFile

if TYPE_CHECKING:
    import onnx

REFERENCES = RUNTIMES


class Reference:
    """Paints frames of any size, uint8 [H, W, 3], one after the other; called and reset as a StatefulEngine is.

    ValueError where the state is not what the card says of it. It begins anew with a frame of another size.
    """

    def __init__(self, run: Run, style: StyleFile) -> None:
        self._run, self._declared = run, style.card.state
        self._size: tuple[int, ...] | None = None
        self._state = CarriedState((), 0, 0)

    @property
    def carries_state(self) -> bool:
        return bool(self._declared)

    def reset(self) -> None:
        self._size = None

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        if self._size != frame.shape:
            self._size = frame.shape
            self._state = CarriedState(self._declared, *frame.shape[:2])
        state = self._state
        found = self._run(controls.graph_inputs(frame[None]) | state.values, ("stylized", *state.outputs))
        state.feed_back(dict(zip(state.outputs, found[1:], strict=True)))
        for each in self._declared:
            if wrong := each.why_out_of_range(state.values[each.name]):
                raise ValueError(wrong)
        stylized: np.ndarray = found[0][0]
        return stylized


def open_reference(style: StyleFile, spec: EngineSpec) -> tuple[str, Reference]:
    """The fp32 reference for an engine, by name: a runtime other than its own."""
    data = reference_model(style).SerializeToString()
    reasons = []
    for name, opened in REFERENCES.items():
        if name != spec.backend:
            try:
                told, run = opened(data)
                _try(reference := Reference(run, style), style)
                return told, reference
            except Exception as error:  # a missing or too old package; the reason is told below
                reasons.append(f"{name}: {in_one_line(error)}")
    raise EngineRefused(f"no reference to check {spec} against ({'; '.join(reasons)}); reinstall opencv-python 5")


def reference_model(style: StyleFile) -> "onnx.ModelProto":
    """The plain graph of the file's net, without rewrites for speed; the file's own graph for nets we do not know."""
    return graph_of(style, PLAIN)


def _try(reference: Reference, style: StyleFile) -> None:
    """Some layers are refused only when they first run."""
    reference(np.zeros((16, 16, 3), np.uint8), Controls(style.card.styles[0].vector))
    reference.reset()
