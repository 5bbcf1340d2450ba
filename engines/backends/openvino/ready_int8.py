"""Nets in int8 that come along: the gallery's, quantised ahead, so that painting in 8 bits needs neither nncf nor time.

There are two, for processors that add products of bytes in 32 bits and for all others. Each knows the graph that it was
made of, which style files share that were learnt with the gallery's net, and is taken for no other.
`python -m engines.backends.openvino.ready_int8` makes them anew when that net or the way of quantising has changed.
"""

import platform
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from engines.backends.openvino.kept_int8 import UNREADABLE, QuantisedNet, bytes_of, net_in
from engines.machine import adds_products_in_32_bits, cpu_flags
from engines.packages import import_openvino
from engines.style.metadata import graph_sha256
from engines.style.styles import StyleFile, load_style

FOLDER, MADE_OF = Path(__file__).parents[2] / "gallery", "gallery"
GRAPH = "of"  # the checksum of the graph that it was made of
X86 = ("x86_64", "AMD64")
INT8 = ("int8",)
MADE_FOR = (360, 640)


def ready_precisions() -> Mapping[str, tuple[str, ...]]:
    """By the SHA-256 of a style's graph, the precisions in which it is here: on processors where int8 is fastest."""
    flags = cpu_flags().split()
    if platform.machine() not in X86 or (flags and "avx2" not in flags):
        return {}
    return {made_of: INT8} if (made_of := _made_of(_place(wide=adds_products_in_32_bits()))) else {}


def ready_net(style: StyleFile) -> QuantisedNet | None:
    """That of the style's graph for this processor; None where there is none, or OpenVINO cannot read it."""
    place = _place(wide=adds_products_in_32_bits())
    if _made_of(place) == graph_sha256(style.data):
        with suppress(*UNREADABLE):
            return net_in(place.read_bytes())
    return None


def _place(*, wide: bool) -> Path:
    return FOLDER / f"{MADE_OF}.int8{'.wide' if wide else ''}.npz"


@cache
def _made_of(place: Path) -> str:
    """The checksum of its graph; empty where there is no such net."""
    with suppress(*UNREADABLE), place.open("rb") as file, np.load(file, allow_pickle=False) as kept:
        return str(kept[GRAPH])
    return ""


def _make() -> None:
    """Quantises the gallery for both kinds of processors; needs nncf."""
    from engines.backends.candidates import spec_for
    from engines.backends.openvino.backend import settings_of
    from engines.backends.openvino.int8 import quantised_for_any
    from engines.backends.registry import probe
    from engines.spec import ANY_ENGINE

    style = load_style(MADE_OF)
    spec = spec_for(probe("openvino"), "int8", MADE_FOR, ANY_ENGINE)
    for wide in (True, False):
        net = quantised_for_any(style, spec, settings_of(spec, import_openvino().Core()), wide=wide)
        _place(wide=wide).write_bytes(bytes_of(net, {GRAPH: graph_sha256(style.data)}))
        print(f"{_place(wide=wide).name}: {net.told}, {net.agreement:.1f} dB")


if __name__ == "__main__":
    _make()
