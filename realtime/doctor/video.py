"""What FFmpeg can decode and encode on the processor, and whether there is an ffmpeg for SRT."""

import av
from av.codec.codec import UnknownCodecError

from engines.errors import ImpastoError
from realtime.doctor.finding import Finding, State, missing
from realtime.encoders import ENCODERS

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


def ffmpeg_version() -> str:
    """The version of the FFmpeg inside PyAV."""
    return str(av.ffmpeg_version_info)


def look_at_srt() -> list[Finding]:
    """SRT goes through a program of its own."""
    from realtime.sinks.srt import srt_program

    try:
        return [Finding("SRT", State.YES, f"through {srt_program()}")]
    except ImpastoError as error:
        return [missing("SRT", error)]


def _decodes(name: str) -> bool:
    try:
        av.Codec(name, "r")
    except UnknownCodecError:
        return False
    return True


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
