"""Nets in int8 that come along: the gallery's, quantised ahead, so that painting in 8 bits needs neither nncf nor time.

There are two, for processors that add products of bytes in 32 bits and for all others. Each knows the graph that it was
made of, which style files share that were learnt with the gallery's net: the style is an input of it, and ranges are
those of the gallery's own.
`python -m engines.backends.openvino.ready_int8` makes them anew when that net or the way of quantising has changed.
"""

import hashlib
import io
import platform
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from engines.backends.openvino.kept_int8 import UNREADABLE, QuantisedNet, bytes_of, net_in
from engines.errors import EngineRefused, refusing
from engines.machine import adds_products_in_32_bits, cpu_flags
from engines.packages import import_openvino
from engines.spec import EngineSpec
from engines.style.styles import load_style

FOLDER, MADE_OF = Path(__file__).parents[2] / "gallery", "gallery"
GRAPH = "of"  # the checksum of the graph that it was made of
X86 = ("x86_64", "AMD64")
MADE_FOR = (360, 640)


def ready_nets() -> Mapping[str, Mapping[str, str]]:
    """The checksum of the net for this processor, by precision, by that of its graph: as `BackendState.ready` has it.

    Where int8 is not known to be fastest there is none.
    """
    flags = cpu_flags().split()
    if platform.machine() not in X86 or (flags and "avx2" not in flags):
        return {}
    made_of, checksum = _known(_place(wide=adds_products_in_32_bits()))
    return {made_of: {"int8": checksum}} if made_of else {}


def ready_net(spec: EngineSpec) -> QuantisedNet:
    """The net that the spec asks for; EngineRefused where OpenVINO cannot read it."""
    for place in (_place(wide=True), _place(wide=False)):
        if _known(place)[1] == spec.ready:
            with refusing(f"{spec}: the net that came along cannot be read", *UNREADABLE):
                return net_in(place.read_bytes())
    raise EngineRefused(f"{spec}: there is no such net any more")


def _place(*, wide: bool) -> Path:
    return FOLDER / f"{MADE_OF}.int8{'.wide' if wide else ''}.npz"


@cache
def _known(place: Path) -> tuple[str, str]:
    """The checksums of the graph that it was made of, and of the net; empty where there is none."""
    with suppress(*UNREADABLE):
        content = place.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            return str(kept[GRAPH]), hashlib.sha256(content).hexdigest()
    return "", ""


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
        _place(wide=wide).write_bytes(bytes_of(net, {GRAPH: style.graph_sha256}))
        print(f"{_place(wide=wide).name}: {net.told}, {net.agreement:.1f} dB")


if __name__ == "__main__":
    _make()
