"""Makes the gallery's nets in int8 anew, for both kinds of processors (ready_int8.py tells what they are).

`python -m engines.backends.openvino.make_ready_int8` is for who has trained the gallery on, or changed how nets are
quantised; it needs nncf. Any processor will do: what is judged are the rounded numbers, computed in floats.
"""

from engines.backends.candidates import spec_for
from engines.backends.openvino.backend import settings_of
from engines.backends.openvino.int8 import quantised_for_any
from engines.backends.openvino.kept_int8 import bytes_of
from engines.backends.openvino.ready_int8 import GRAPH, MADE_OF, ready_place
from engines.backends.registry import probe
from engines.packages import import_openvino
from engines.spec import ANY_ENGINE
from engines.style.styles import load_style

MADE_FOR = (360, 640)
# OpenVINO's own name for it. In 8 bits, a processor that adds in 16 would overflow in the net for those that add in 32.
IN_FLOATS = {"LP_TRANSFORMS_MODE": "NO"}


def make() -> None:
    """Quantises the gallery, writes both nets beside it and tells how near they come to floats."""
    style = load_style(MADE_OF)
    spec = spec_for(probe("openvino"), "int8", MADE_FOR, ANY_ENGINE)
    settings = settings_of(spec, import_openvino().Core()) | IN_FLOATS
    for wide in (True, False):
        net = quantised_for_any(style, spec, settings, wide=wide)
        place = ready_place(wide=wide)
        place.write_bytes(bytes_of(net, {GRAPH: style.graph_sha256}))
        print(f"{place.name}: {net.told}, {net.agreement:.1f} dB")


if __name__ == "__main__":
    make()
