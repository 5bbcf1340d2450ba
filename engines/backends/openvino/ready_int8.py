"""Nets in int8 that come along: the gallery's, quantised ahead, so that painting in 8 bits needs neither nncf nor time.

There are two, for processors that add products of bytes in 32 bits and for all others. Each knows the graph that it was
made of, which style files share that were learnt with the gallery's net: the style is an input of it, and ranges are
those of the gallery's own.
make_ready_int8.py makes them anew when that net or the way of quantising has changed.
"""

import hashlib
import io
import platform
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from engines.backends.openvino.kept_int8 import UNREADABLE, QuantisedNet, net_in
from engines.errors import EngineRefused, refusing
from engines.machine import adds_products_in_32_bits, cpu_flags
from engines.spec import EngineSpec

FOLDER, MADE_OF = Path(__file__).parents[2] / "gallery", "gallery"
GRAPH = "of"  # the checksum of the graph that it was made of
X86 = ("x86_64", "AMD64")


def ready_nets() -> Mapping[str, Mapping[str, str]]:
    """The checksum of the net for this processor, by precision, by that of its graph: as `BackendState.ready` has it.

    Where int8 is not known to be fastest there is none.
    """
    flags = cpu_flags().split()
    if platform.machine() not in X86 or (flags and "avx2" not in flags):
        return {}
    made_of, checksum = _known(ready_place(wide=adds_products_in_32_bits()))
    return {made_of: {"int8": checksum}} if made_of else {}


def ready_net(spec: EngineSpec) -> QuantisedNet:
    """The net that the spec asks for; EngineRefused where OpenVINO cannot read it."""
    for place in (ready_place(wide=True), ready_place(wide=False)):
        if _known(place)[1] == spec.ready:
            with refusing(f"{spec}: the net that came along cannot be read", *UNREADABLE):
                return net_in(place.read_bytes())
    raise EngineRefused(f"{spec}: there is no such net any more")


def ready_place(*, wide: bool) -> Path:
    """Where the net lies for processors that add products in 32 bits (`wide`), or for all others."""
    return FOLDER / f"{MADE_OF}.int8{'.wide' if wide else ''}.npz"


@cache
def _known(place: Path) -> tuple[str, str]:
    """The checksums of the graph that it was made of, and of the net; empty where there is none."""
    with suppress(*UNREADABLE):
        content = place.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            return str(kept[GRAPH]), hashlib.sha256(content).hexdigest()
    return "", ""
