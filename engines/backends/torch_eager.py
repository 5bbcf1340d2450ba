"""torch, layer by layer in fp32: the net as it was trained, and the yardstick for the other backends in the tests."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from engines.backends.request_slots import RequestSlots
from engines.errors import EngineRefused, refusing
from engines.networks.family import TABLE, NetworkFamily, family_names, family_of, network_name, open_family
from engines.protocols import BackendState, BuildAids, Engine, check_frame, check_style
from engines.spec import Controls, EngineSpec, GateReport
from engines.style.state import NEXT, CarriedState, StateInput
from engines.style.styles import StyleFile

if TYPE_CHECKING:
    from torch import Tensor, nn


class TorchEngine:
    """A net of a style file with the arithmetic around it that is in the graph of a style file.

    torch counts its threads for the whole process. With `spec.threads` that number is set for each call and put back
    to what it was when the engine was made, so that other users of torch notice it only while a frame is painted.
    """

    def __init__(self, net: "nn.Module", spec: EngineSpec, carried: Sequence[StateInput] = ()) -> None:
        import torch

        self._threads_elsewhere = torch.get_num_threads()
        self.spec = spec
        self.gate: GateReport | None = None
        self.carries_state = bool(carried)
        self._state = CarriedState(carried, spec.height, spec.width)
        self._style_size = net.state_dict()[TABLE].shape[1]
        self._nets: RequestSlots[nn.Module] = RequestSlots([net] * spec.requests)

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        import torch

        batch = check_frame(frame, self.spec)
        check_style(controls, self._style_size)
        with self._nets.taken() as net, torch.inference_mode(), self._threads():
            picture = torch.tensor(batch).permute(0, 3, 1, 2).float()
            painted = 255 * self._painted(net, picture / 255, torch.tensor(controls.style)[None])
            stylized = _blend(picture, painted.clamp(0, 255), controls).round().clamp(0, 255)
            return np.ascontiguousarray(stylized.to(torch.uint8).permute(0, 2, 3, 1)[0].numpy())

    def _painted(self, net: "nn.Module", picture: "Tensor", style: "Tensor") -> "Tensor":
        """What the net makes of a picture, with what the one before it left where it carries state."""
        import torch

        if not self._state:
            stateless: Tensor = net(picture, style)
            return stateless
        painted: Tensor
        before = {name: torch.tensor(value) for name, value in self._state.values.items()}
        painted, after = net(picture, style, before)
        self._state.feed_back({f"{NEXT}{name}": value.numpy() for name, value in after.items()})
        return painted

    def reset(self) -> None:
        """As a StatefulEngine does."""
        with self._nets.taken():
            self._state.reset()

    @contextmanager
    def _threads(self) -> Iterator[None]:
        import torch

        if not self.spec.threads:
            yield
            return
        torch.set_num_threads(self.spec.threads)
        try:
            yield
        finally:
            torch.set_num_threads(self._threads_elsewhere)

    def close(self) -> None:
        """Waits for frames that are in the net, then lets go of it; later calls are ValueErrors."""
        self._nets.close()


class TorchBackend:
    """PyTorch without compilation."""

    name = "torch"

    def probe(self) -> BackendState:
        """torch itself is not imported: that takes seconds, and most callers ask only whether it is there."""
        if find_spec("torch") is None:
            return BackendState(self.name, False, "torch is not installed; pip install 'impasto[train]'")
        return BackendState(self.name, True, version=version("torch"), precisions=("fp32",), carries_state=True)

    def build(self, style: StyleFile, spec: EngineSpec, aids: BuildAids) -> Engine:
        return self._open(style, spec)

    def _open(self, style: StyleFile, spec: EngineSpec) -> Engine:
        family = known_family(style, spec)
        unfit = ImportError, RuntimeError, KeyError, TypeError, ValueError, AttributeError
        with refusing(f"{spec} cannot rebuild the net of {style.path.name}", *unfit):
            _check_state(family, style)
            return TorchEngine(rebuild_net(style), spec, style.card.state)

    def dump(self, engine: Engine) -> bytes:
        """Nothing: the net is rebuilt from the style file in no time."""
        return b""

    def restore(self, blob: bytes, style: StyleFile, spec: EngineSpec) -> Engine:
        return self._open(style, spec)


def known_family(style: StyleFile, spec: EngineSpec) -> NetworkFamily:
    """The family of the style's net; EngineRefused where nobody here knows it: a graph alone makes no torch net."""
    family = family_of(style)
    if family is None:
        known = ", ".join(family_names())
        raise EngineRefused(
            f"{spec} knows no network {network_name(style)!r}, only {known}; install the package that adds it, or "
            "choose another --engine"
        )
    return family


def _check_state(family: NetworkFamily, style: StyleFile) -> None:
    """ValueError where the card has another state than the net that its family makes."""
    if family.state(style.card.network["config"]) != style.card.state:
        raise ValueError(f"its card declares another state than the network {network_name(style)}")


def rebuild_net(style: StyleFile) -> "nn.Module":
    """The torch net that the style file was made from; ImportError where torch is not installed."""
    import torch

    family = open_family(network_name(style))
    net = family.net(style.card.network["config"], len(style.card.styles))
    tensors = {name: torch.tensor(array) for name, array in style.weights().items()}
    vectors = np.stack([named.vector for named in style.card.styles])
    net.load_state_dict({**tensors, TABLE: torch.tensor(vectors)})
    return net.eval()


def _blend(picture: "Tensor", painted: "Tensor", controls: Controls) -> "Tensor":
    """picture + strength · ((1 − keep) · d + keep · luma(d)), d = painted − picture; all [1, 3, H, W], 0..255."""
    import torch

    from engines.networks.picture_graph import LUMA

    change = painted - picture
    luma = (change * torch.tensor(LUMA)[None, :, None, None]).sum(dim=1, keepdim=True)
    kept = controls.strength * controls.keep_colour
    return picture + ((controls.strength - kept) * change + kept * luma)
