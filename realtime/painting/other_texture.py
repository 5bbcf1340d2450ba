"""Strokes of a style that grow from another seed texture than the style's own."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engines.errors import BadValue
from engines.networks.family import config_of, family_of
from engines.style.styles import StyleFile
from realtime.painting.options import OWN


def has_texture(file: StyleFile, texture: str) -> bool:
    """Whether strokes of the net in the file can grow from it; every one has its OWN."""
    return texture == OWN or texture in _shares(file)


def textures_of(file: StyleFile) -> tuple[str, ...]:
    """What strokes of the net in the file can grow from beside each style's OWN; EngineRefused as in `with_texture`."""
    return tuple(_shares(file))


def with_texture(file: StyleFile, vector: NDArray[np.float32], texture: str) -> NDArray[np.float32]:
    """The style vector [S] with this texture alone, as strong as its own together; as it is for OWN.

    BadValue where the net in the file has no such texture, EngineRefused where its card tells of another net.
    """
    if texture == OWN:
        return vector
    shares = _shares(file)
    if not shares:
        raise BadValue(f"{file.path.name} has no textures to choose from, so none is {texture}; leave the texture out")
    if texture not in shares:
        raise BadValue(f"{file.path.name} has no texture {texture!r}; choose {OWN} or one of {', '.join(shares)}")
    places = list(shares.values())
    strength = np.linalg.norm(vector[places])
    changed = vector.copy()
    changed[places] = 0
    changed[shares[texture]] = strength
    return changed


def _shares(file: StyleFile) -> Mapping[str, int]:
    """Where in a style vector the share of each texture lies; nowhere, where there are not several."""
    family = family_of(file)
    if family is None:
        return {}
    with config_of(file) as config:
        return family.texture_shares(config)
