"""The form in which a net takes and gives pictures, found by trial on a shipped picture.

Every form that was not said is tried, and the one is taken whose painting shows the picture best (likeness.py). Where
several do as well, the commonest is: the same range in and out. How sure that is, is told: a net of instance norms
paints the same whatever range it is given. Which colour comes first no trial can tell, for strokes are as good either
way (a trained mosaic's painting shows a picture as well with red and blue swapped, to three digits): red is taken to be
first unless the file or a person says otherwise.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines.errors import BadFile, BadValue
from engines.foreign.convention import AS_IN, BGR, CHANNELS, LAYOUTS, RANGES, RGB, Convention, Said
from engines.foreign.likeness import likeness
from engines.foreign.onnx_file import ForeignNet
from engines.foreign.raw_run import RawNet, decoded, open_raw
from engines.foreign.sizes import SCENE, own_size
from engines.gate.golden_cases import GOLDEN
from engines.pictures import psnr

# A rarer form has to show the picture better than a commoner one by so much.
MARGIN = 1.05
SURE, LIKELY = 1.5, 1.1  # times the likeness of the next best
SAME_DB = 26.0  # two paintings of so many dB look the same
LEAST_LIKENESS = 0.005
BYTES = "0..255"
OPTION = {"layout": "layout", "channels": "channels", "range_in": "range", "range_out": "range-out"}
NAMES = {"layout": "layout", "channels": "order of colours", "range_in": "range in", "range_out": "range out"}


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A form, what the net painted in it (uint8 [H, W, 3]), and how well that shows the picture, 0..1."""

    convention: Convention
    painted: np.ndarray
    likeness: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found out or said: `taken`, and `why` that may be believed."""

    name: str
    taken: str
    why: str

    def __str__(self) -> str:
        return f"{self.name} {self.taken} ({self.why})"


def find_convention(net: ForeignNet, said: Said) -> tuple[Convention, list[Finding]]:
    """The form, with what may be said of each part; BadFile where nothing that was tried gives a picture."""
    attempts = sorted(_attempts(net, said), key=_is_rare)
    if not attempts:
        raise BadFile(f"{net.path} gave no picture in any form that was tried; it is no image-to-image net")
    best = _best(attempts)
    if best.likeness < LEAST_LIKENESS:
        raise BadFile(
            f"{net.path} paints one colour alone in {len(attempts)} forms; say --range and --mean if you know them, "
            "else it is no image-to-image net"
        )
    findings = [_finding(name, best, attempts, net, said) for name in NAMES]
    return best.convention, findings


def _attempts(net: ForeignNet, said: Said) -> Iterator[Attempt]:
    raw = open_raw(net, net.model)
    for layout in _layouts(net, said):
        frame = GOLDEN.frame(SCENE, *own_size(net, layout))
        for range_in in _ranges_in(net, said):
            form = Convention(layout, _channels(net, said), range_in, range_in, said.means(), said.deviations())
            yield from _tried(raw, frame, form, _ranges_out(net, said, range_in))


def _tried(raw: RawNet, frame: np.ndarray, form: Convention, ranges_out: Sequence[str]) -> Iterator[Attempt]:
    """One run of the net, and all that what came out may mean."""
    raw_output = raw.output_of(frame, form)
    if raw_output is None:
        return
    for range_out in ranges_out:
        convention = replace(form, range_out=range_out)
        painted = decoded(raw_output, convention)
        yield Attempt(convention, painted.clip(0, 255).round().astype(np.uint8), likeness(frame, painted))


def _is_rare(attempt: Attempt) -> bool:
    """The same range in and out is the commonest form."""
    return attempt.convention.range_out not in (attempt.convention.range_in, AS_IN)


def _best(attempts: Sequence[Attempt]) -> Attempt:
    """The first of those that are about as good as any."""
    best = attempts[0]
    for attempt in attempts[1:]:
        if attempt.likeness > MARGIN * best.likeness:
            best = attempt
    return best


def _layouts(net: ForeignNet, said: Said) -> tuple[str, ...]:
    if said.layout is None:
        return net.layouts
    if said.layout not in net.layouts:
        sides = ", ".join("?" if side is None else str(side) for side in net.sides)
        raise BadValue(f"--layout is {said.layout}, and {net.path.name} takes [{sides}]; leave the option out")
    return (said.layout,)


def _channels(net: ForeignNet, said: Said) -> str:
    return said.channels_said or (BGR if _names_bgr(net) else RGB)


def _names_bgr(net: ForeignNet) -> bool:
    """Whether the file says so itself, in the names of what goes in and out or in its metadata."""
    texts = (net.input, net.output, net.model.doc_string, *(entry.value for entry in net.model.metadata_props))
    return any(BGR in text.lower() and RGB not in text.lower() for text in texts)


def _ranges_in(net: ForeignNet, said: Said) -> tuple[str, ...]:
    if said.range_said is not None:
        return (said.range_said,)
    return (BYTES,) if net.kind_in == "uint8" else tuple(RANGES)


def _ranges_out(net: ForeignNet, said: Said, range_in: str) -> tuple[str, ...]:
    """That of what goes in first."""
    if said.range_out is not None:
        return (said.range_out,)
    if net.kind_out == "uint8":
        return (BYTES,)
    first = (range_in, AS_IN) if said.mean or said.deviation else (range_in,)
    return (*first, *(each for each in RANGES if each != range_in))


def _finding(name: str, best: Attempt, attempts: Sequence[Attempt], net: ForeignNet, said: Said) -> Finding:
    taken = getattr(best.convention, name)
    spelled = taken.upper() if taken in (*LAYOUTS, *CHANNELS) else taken
    return Finding(NAMES[name], spelled, _why(name, best, attempts, net, said))


def _why(name: str, best: Attempt, attempts: Sequence[Attempt], net: ForeignNet, said: Said) -> str:
    value = _value(name)
    others = [attempt for attempt in attempts if value(attempt) != value(best)]
    if not others:
        return _why_alone(name, net, said)
    rival = max(others, key=lambda attempt: attempt.likeness)
    if rival.likeness * SURE < best.likeness:
        return "sure"
    if psnr(rival.painted, best.painted) > SAME_DB:
        return f"{value(rival)} would look the same"
    if rival.likeness * LIKELY < best.likeness:
        return f"likely; --{OPTION[name]} {value(rival)} otherwise"
    return f"a guess; --{OPTION[name]} {value(rival)} if the painting looks wrong"


def _why_alone(name: str, net: ForeignNet, said: Said) -> str:
    """Where nothing else was tried."""
    told = {
        "layout": said.layout,
        "channels": said.channels_said,
        "range_in": said.range_said,
        "range_out": said.range_out,
    }[name]
    if told is not None:
        return "as was said"
    if name == "channels":
        return "the file says so" if _names_bgr(net) else "taken for granted; --channels bgr if colours look wrong"
    return {"layout": "by its shape", "range_in": f"it is {net.kind_in}", "range_out": f"it is {net.kind_out}"}[name]


def _value(name: str) -> Callable[[Attempt], str]:
    return lambda attempt: str(getattr(attempt.convention, name))
