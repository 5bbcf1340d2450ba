"""Which families of networks there are, ours and those of other packages (entry points `impasto.networks`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from engines.errors import EngineRefused, ImpastoError, in_one_line
from engines.networks.family import Config, NetworkFamily
from engines.packages import plugins
from engines.style.styles import StyleFile

ENTRY_POINTS = "impasto.networks"
# The name in style cards, and the NetworkFamily, opened when a style needs it.
OURS = {
    "transform": "engines.networks.transform.family:FAMILY",
}


def family_names() -> Iterator[str]:
    """Every family's name, ours first."""
    yield from OURS
    yield from (name for name in plugins(ENTRY_POINTS) if name not in OURS)


def open_family(name: str) -> NetworkFamily:
    """The family of that name; ImpastoError where there is none, or another package's cannot be opened."""
    if name in OURS:
        module, _, attribute = OURS[name].partition(":")
        ours: NetworkFamily = getattr(import_module(module), attribute)
        return ours
    if name not in plugins(ENTRY_POINTS):
        raise ImpastoError(f"there is no network {name!r}; choose one of {', '.join(family_names())}")
    point = plugins(ENTRY_POINTS)[name]
    try:
        foreign: NetworkFamily = point.load()
    except (ImportError, AttributeError) as error:
        raise ImpastoError(
            f"the network {name!r} of another package cannot be opened ({point.value}: {in_one_line(error)}); "
            "install that package again"
        ) from error
    return foreign


def network_name(style: StyleFile) -> str:
    """The family that the style card names, "" where it names none."""
    name = style.card.network.get("name")
    return name if isinstance(name, str) else ""


def family_of(style: StyleFile) -> NetworkFamily | None:
    """The family of the style's net; None where nobody here knows it, and the graph is all there is."""
    name = network_name(style)
    return open_family(name) if name in family_names() else None


@contextmanager
def config_of(style: StyleFile) -> Iterator[Config]:
    """The config of the style's net, for what its family makes of it; EngineRefused where that does not fit."""
    try:
        yield style.card.network["config"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EngineRefused(
            f"the weights in {style.path.name} do not fit the net that its card describes ({in_one_line(error)}); "
            "get the style file again"
        ) from error
