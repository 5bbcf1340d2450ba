"""What FFmpeg can decode and encode, on the processor and in hardware, and whether there is an ffmpeg for SRT."""

from collections.abc import Iterator, Sequence

import av
from av.codec.codec import UnknownCodecError

from engines.errors import ImpastoError
from realtime.doctor.finding import Finding, State, missing
from realtime.media.encoders import ENCODERS
from realtime.media.hardware_video import NOT_BUILT_IN, HardwareCodec, hardware_decoders, hardware_encoders

NEEDED = "h264"
REINSTALL = "install PyAV's wheel: pip install --force-reinstall --only-binary av av"


def look_at_codecs() -> list[Finding]:
    """FFmpeg's version, and the codecs that `impasto video` writes and reads."""
    writes = [encoder.name for encoder in ENCODERS.values() if encoder.name in av.codecs_available]
    reads = [name for name in ENCODERS if _decodes(name)]
    version, facts = ffmpeg_version(), {"libraries": {name: _dotted(v) for name, v in av.library_versions.items()}}
    found = [Finding("FFmpeg", State.FACT, f"{version}, in PyAV {av.__version__}", facts={"version": version, **facts})]
    for subject, names, needed in (("encoders", writes, ENCODERS[NEEDED].name), ("decoders", reads, NEEDED)):
        state, remedy = (State.YES, "") if needed in names else (State.NO, REINSTALL)
        text = ", ".join(names) or "none"
        text += "" if needed in names else f"; {needed} is missing"
        found.append(Finding(subject, state, text, remedy, {"codecs": names}))
    return found


def look_at_hardware() -> list[Finding]:
    """A line for every kind of hardware that this FFmpeg knows; the processor does what none of it can."""
    encoders, decoders = hardware_encoders(), hardware_decoders()
    families = [*_of_families("encode", encoders), *_of_families("decode", decoders)]
    unknown = sorted({_family(codec) for codec in (*encoders, *decoders) if codec.reason == NOT_BUILT_IN})
    if unknown:
        families.append(Finding("hardware", State.ABSENT, f"not built into this FFmpeg: {', '.join(unknown)}"))
    return families


def look_at_srt() -> list[Finding]:
    """SRT goes through a program of its own."""
    from realtime.sinks.srt import srt_program

    try:
        return [Finding("SRT", State.YES, f"through {srt_program()}")]
    except ImpastoError as error:
        return [missing("SRT", error)]


def ffmpeg_version() -> str:
    """The version of the FFmpeg inside PyAV."""
    return str(av.ffmpeg_version_info)


def of_family(subject: str, codecs: Sequence[HardwareCodec]) -> Finding:
    """What works of one kind of hardware, and why the rest does not."""
    works = [_codec(codec) for codec in codecs if codec.works]
    reasons = {_codec(codec): codec.reason for codec in codecs if not codec.works}
    facts = {"works": works, "reasons": reasons}
    if not works:
        return missing(subject, next(iter(reasons.values())), facts=facts)
    text = ", ".join(works) + (f"; not {', '.join(reasons)}" if reasons else "")
    return Finding(subject, State.YES, text, facts=facts)


def _decodes(name: str) -> bool:
    try:
        av.Codec(name, "r")
    except UnknownCodecError:
        return False
    return True


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _of_families(verb: str, codecs: Sequence[HardwareCodec]) -> Iterator[Finding]:
    tried = [codec for codec in codecs if codec.reason != NOT_BUILT_IN]
    for family in dict.fromkeys(map(_family, tried)):
        yield of_family(f"{verb} {family}", [codec for codec in tried if _family(codec) == family])


def _family(codec: HardwareCodec) -> str:
    """`nvenc` of h264_nvenc, `cuda` of h264 (cuda)."""
    return codec.name.replace(" (", "_").rstrip(")").partition("_")[2]


def _codec(codec: HardwareCodec) -> str:
    return codec.name.replace(" (", "_").partition("_")[0]
