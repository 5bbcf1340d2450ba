"""Which families of networks there are, ours and those of other packages (entry points `impasto.networks`)."""

from collections.abc import Iterator
from contextlib import contextmanager

from engines.errors import EngineRefused, ImpastoError, in_one_line
from engines.networks.family import Config, NetworkFamily
from engines.packages import find_place, names_of
from engines.style.styles import StyleFile

ENTRY_POINTS = "impasto.networks"
IMPORTED = "imported net"
# The name in style cards, and the NetworkFamily, opened when a style needs it.
OURS = {
    "transform": "engines.networks.transform.family:FAMILY",
    "resnet_generator": "engines.networks.resnet_generator.family:FAMILY",
    "vae": "engines.networks.vae.family:FAMILY",
}


def family_names() -> Iterator[str]:
    """Every family's name, ours first."""
    return names_of(OURS, ENTRY_POINTS)


def open_family(name: str) -> NetworkFamily:
    """The family of that name; ImpastoError where there is none, or its package cannot be opened."""
    place = find_place(name, OURS, ENTRY_POINTS)
    if place is None:
        raise ImpastoError(f"there is no network {name!r}; choose one of {', '.join(family_names())}")
    try:
        family: NetworkFamily = place.load()
    except (ImportError, AttributeError) as error:
        raise ImpastoError(
            f"the network {name!r} cannot be opened ({place.value}: {in_one_line(error)}); install its package again"
        ) from error
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
    try:
        yield style.card.network["config"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EngineRefused(
            f"the weights in {style.path.name} do not fit the net that its card describes ({in_one_line(error)}); "
            "get the style file again"
        ) from error
