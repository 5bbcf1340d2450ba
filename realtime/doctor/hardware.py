"""Which codecs the graphics hardware encodes and decodes here: each was tried on a picture."""

from collections.abc import Iterator, Sequence

from realtime.doctor.finding import Finding, State, missing
from realtime.hardware_video import NOT_BUILT_IN, HardwareCodec, hardware_decoders, hardware_encoders


def look_at_hardware() -> list[Finding]:
    """A line for every kind of hardware that this FFmpeg knows; the processor does what none of it can."""
    encoders, decoders = hardware_encoders(), hardware_decoders()
    families = [*_of_families("encode", encoders), *_of_families("decode", decoders)]
    unknown = sorted({_family(codec) for codec in (*encoders, *decoders) if codec.reason == NOT_BUILT_IN})
    if unknown:
        families.append(Finding("hardware", State.ABSENT, f"not built into this FFmpeg: {', '.join(unknown)}"))
    return families


def _of_families(verb: str, codecs: Sequence[HardwareCodec]) -> Iterator[Finding]:
    tried = [codec for codec in codecs if codec.reason != NOT_BUILT_IN]
    for family in dict.fromkeys(map(_family, tried)):
        yield of_family(f"{verb} {family}", [codec for codec in tried if _family(codec) == family])


def of_family(subject: str, codecs: Sequence[HardwareCodec]) -> Finding:
    """What works of one kind of hardware, and why the rest does not."""
    works = [_codec(codec) for codec in codecs if codec.works]
    reasons = {_codec(codec): codec.reason for codec in codecs if not codec.works}
    facts = {"works": works, "reasons": reasons}
    if not works:
        return missing(subject, next(iter(reasons.values())), facts=facts)
    text = ", ".join(works) + (f"; not {', '.join(reasons)}" if reasons else "")
    return Finding(subject, State.YES, text, facts=facts)


def _family(codec: HardwareCodec) -> str:
    """`nvenc` of h264_nvenc, `cuda` of h264 (cuda)."""
    return codec.name.replace(" (", "_").rstrip(")").partition("_")[2]


def _codec(codec: HardwareCodec) -> str:
    return codec.name.replace(" (", "_").partition("_")[0]
