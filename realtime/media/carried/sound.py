"""What becomes of a sound stream: copied where the container takes it, encoded to what it takes, or left out."""

from collections.abc import Callable

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

from engines.errors import BadValue
from realtime.media.carried.encoded_sound import EncodedSound
from realtime.media.carried.sound_choice import COPY, DROP, ENCODE
from realtime.media.carried.sound_encoder import TITLES, sound_encoder
from realtime.media.carried.stream import MPEG_TS, Carried, CopiedStream, can_hold, described, lost


def carry_sound(stream: Stream, output: OutputContainer, audio: str, report: Callable[[str], None]) -> Carried | None:
    """The stream added to `output` as `audio` says; None where it is left out.

    "auto" copies where the container takes it, and else encodes and tells. "copy" raises BadValue where it does not.
    """
    container = output.format.name
    if audio == DROP:
        return None
    if audio != ENCODE and can_hold(container, stream) and not _header_comes_too_late(stream, output):
        return CopiedStream(stream, output)
    if audio == COPY:
        raise BadValue(
            f"{described(stream)} cannot be copied into {container}; write to another container, or leave out "
            "--audio copy to have it encoded"
        )
    return _encoded(stream, output, audio, report)


def _header_comes_too_late(stream: Stream, output: OutputContainer) -> bool:
    """Whether only the packets tell what the container's header must: AAC from a broadcast, and a muxer without a file.

    In a file the muxer goes back and adds it; into a pipe (`file` is then a Python object) it is written but once.
    """
    untold = stream.codec_context.name == "aac" and not stream.codec_context.extradata
    return untold and output.format.name != MPEG_TS and output.file is not None


def _encoded(stream: Stream, output: OutputContainer, audio: str, report: Callable[[str], None]) -> Carried | None:
    container = output.format.name
    decodes = isinstance(stream, AudioStream) and stream.codec_context is not None
    encoder = sound_encoder(container, stream.codec_context) if decodes else None  # type: ignore[arg-type]
    if encoder is None:
        report(lost(stream, container))
        return None
    why = "" if audio == ENCODE else f": {container} files do not take a copy"
    report(f"{described(stream)} is encoded to {TITLES[encoder.codec]}{why}")
    assert isinstance(stream, AudioStream)
    return EncodedSound(stream, output, encoder, report)
