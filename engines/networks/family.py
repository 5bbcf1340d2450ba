"""What impasto knows of a family of networks beside the graph in a style file, and which families there are.

A style card names the family and gives the config of its net. Backends that run the graph in a style file need nothing
of this; it is for those that rebuild the net or write its graph anew, for the gate, and for making style files. Other
packages bring families by the entry points `impasto.networks`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from engines.errors import EngineRefused, ImpastoError, in_one_line
from engines.failures import failure_as
from engines.packages import find_place, names_of
from engines.style.state import StateInput
from engines.style.styles import StyleFile

if TYPE_CHECKING:
    import onnx
    import torch
    from torch import Tensor, nn

    from engines.kernels.instance_norm import Norm

# Of a style card, as JSON gives it; weights are named as in the torch net's state dict, less its table of styles.
Config = Mapping[str, Any]
Weights = Mapping[str, np.ndarray]
TABLE = "styles"
# The long side of a picture whose statistics are taken for a style.
STATISTICS_PX = 512
ENTRY_POINTS = "impasto.networks"
IMPORTED = "imported net"
# The name in style cards, and the NetworkFamily, opened when a style needs it.
OURS = {
    "transform": "engines.networks.transform.family:FAMILY",
    "resnet_generator": "engines.networks.resnet_generator.family:FAMILY",
    "vae": "engines.networks.vae.family:FAMILY",
}


@dataclass(frozen=True, slots=True)
class Rewrites:
    """Which exact rewrites for speed a graph has: the family's own in its `net`, and frames folded while bytes."""

    net: bool = True
    bytes_first: bool = True


REWRITTEN, PLAIN = Rewrites(), Rewrites(net=False, bytes_first=False)


@dataclass(frozen=True, slots=True, eq=False)
class ImportedNet:
    """A net of a checkpoint as a style file keeps it: config, weights by our names, and the style vector [S]."""

    config: dict[str, Any]
    weights: dict[str, np.ndarray]
    style: np.ndarray


class BuildGraph(Protocol):
    """Writes a style file's graph, with weights `net.NAME` of `weight_type`, float16 or float32, for any size."""

    def __call__(
        self, config: Config, weights: Weights, *, rewrites: Rewrites, weight_type: type
    ) -> "onnx.ModelProto": ...


class BuildFurtherGraph(Protocol):
    """Writes a graph beside the style file's own, from the weights in the file, in float32."""

    def __call__(self, config: Config, weights: Weights) -> "onnx.ModelProto": ...


class BuildHalfNet(Protocol):
    """The net by hand in `dtype` for frames of `size` (height, width), its norms by `norm`.

    It is called with a frame uint8 [1, H, W, 3] and controls float32 [S + 2], which are the style vector, strength and
    keep_colour, and returns uint8 [1, H, W, 3]. No call may depend on the numbers in them, for it is captured. There is
    no place for state in it: torch-half refuses a style that carries any, whatever its family offers.
    """

    def __call__(
        self,
        config: Config,
        weights: "Mapping[str, Tensor]",
        size: tuple[int, int],
        *,
        dtype: "torch.dtype",
        norm: "Norm",
    ) -> "nn.Module": ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFamily:
    """A family of networks. Only what stands without a default must be there; torch is imported when one is called.

    `net(config, styles)` is the torch net for so many styles: it is called with pictures float [B, 3, H, W] in 0..1 of
    any size from 16 and with style vectors [B, S], and returns pictures, not clamped. Its state dict has the table
    `styles` [N, S] beside the weights. `graph` writes the same with the arithmetic around it.

    `title` is what people call such a net; without it they read the family's name.

    `state(config)` is what such a net carries from frame to frame, for its style cards. A torch net with any is called
    with one picture and, third, the tensors of its state by name, and returns the next ones beside what it painted.

    `bytes_per_px(config)` is about what fp32 holds a pixel while it paints; without it, shapes in the graph are asked.
    Convolutions whose weights begin with one of `wide_layers` stay out of half precision and of 8 bits in the graphs
    that we give types ourselves; else the kinds of operators decide. Without `half_net` torch-half refuses the net.
    `import_tensors` reads foreign checkpoints: ValueError "no such net: …" with the first thing that does not fit.

    `further_graphs(config)` are graphs that such a net's weights can be written as too, by name: `statistics`, from
    frame uint8 [1, H, W, 3] to style float32 [S], the vector of a picture that is to be painted like; and `dream`, from
    latent float32 [1, Z, h, w] to picture uint8 [1, H, W, 3], of normal numbers for a latent.

    `seed_levels(config, style)` is how many levels of a picture, 0..255, a step counts for of each seed texture that
    such a net adds to it for the style vector [S], in the order of engines.networks.transform.seed_texture; () where
    it has none, or shows the picture itself too. `texture_shares(config)` is where in a style vector the share of each
    of several lies, by name.

    What is raised for a config or weights that do not fit is KeyError, TypeError, ValueError or AttributeError.
    """

    net: "Callable[[Config, int], nn.Module]"
    graph: BuildGraph
    title: str = ""
    size_multiple: Callable[[Config], int] = lambda config: 1
    state: Callable[[Config], tuple[StateInput, ...]] = lambda config: ()
    bytes_per_px: Callable[[Config], float] | None = None
    wide_layers: tuple[str, ...] = ()
    half_net: BuildHalfNet | None = None
    import_tensors: Callable[[Weights], ImportedNet] | None = None
    further_graphs: Callable[[Config], Mapping[str, BuildFurtherGraph]] = lambda config: {}
    seed_levels: Callable[[Config, np.ndarray], tuple[float, ...]] = lambda config, style: ()
    texture_shares: Callable[[Config], Mapping[str, int]] = lambda config: {}


def family_names() -> Iterator[str]:
    """Every family's name, ours first."""
    return names_of(OURS, ENTRY_POINTS)


def open_family(name: str) -> NetworkFamily:
    """The family of that name; ImpastoError where there is none, or its package cannot be opened."""
    place = find_place(name, OURS, ENTRY_POINTS)
    if place is None:
        raise ImpastoError(f"there is no network {name!r}; choose one of {', '.join(family_names())}")

    def told(error: Exception) -> str:
        return f"the network {name!r} cannot be opened ({place.value}: {in_one_line(error)}); install its package again"

    with failure_as(ImpastoError, told, ImportError, AttributeError):
        family: NetworkFamily = place.load()
    return family


def network_name(style: StyleFile) -> str:
    """The family that the style card names, "" where it names none."""
    name = style.card.network.get("name")
    return name if isinstance(name, str) else ""


def title_of(style: StyleFile) -> str:
    """What people call the style's kind of net; "imported net" where the graph came from elsewhere."""
    family = family_of(style)
    return IMPORTED if family is None else family.title or network_name(style)


def family_of(style: StyleFile) -> NetworkFamily | None:
    """The family of the style's net; None where nobody here knows it, and the graph is all there is."""
    name = network_name(style)
    return open_family(name) if name in family_names() else None


@contextmanager
def config_of(style: StyleFile) -> Iterator[Config]:
    """The config of the style's net, for what its family makes of it; EngineRefused where that does not fit."""

    def told(error: Exception) -> str:
        what = f"the weights in {style.path.name} do not fit the net that its card describes"
        return f"{what} ({in_one_line(error)}); get the style file again"

    with failure_as(EngineRefused, told, KeyError, TypeError, ValueError, AttributeError):
        yield style.card.network["config"]
