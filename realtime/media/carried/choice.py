"""What becomes of a stream in the container that is written: copied, encoded, converted, attached, or left out.

Fonts and cover pictures are attachments: Matroska keeps them as files inside the file.
"""

from collections.abc import Callable
from typing import Any

from av.container import OutputContainer
from av.stream import Stream

from realtime.media.carried.sound import carry_sound
from realtime.media.carried.stream import MATROSKA, Carried, CopiedStream, can_hold, described, lost
from realtime.media.carried.subtitles import carry_subtitles
from realtime.media.file_reader import FileReader
from realtime.media.streams import is_cover, is_written_anew


def carry(
    stream: Stream,
    output: OutputContainer,
    audio: str,
    report: Callable[[str], None],
    reader: FileReader,
) -> Carried | None:
    """A stream other than the film, added to `output`; None where none of its packets are written.

    `audio` is as in carry_sound; `reader` is that of the stream's file. What cannot be kept is told with the remedy.
    """
    if stream.type == "attachment":
        attach(stream, output, report)
    elif stream.type == "audio":
        return carry_sound(stream, output, audio, report)
    elif stream.type == "subtitle":
        return carry_subtitles(stream, output, report)
    elif is_cover(stream):
        return _carry_cover(stream, output, report, reader)
    elif not _is_chapter_list(stream) and not is_written_anew(stream, reader.film):
        report(f"{described(stream)} is not copied: only sound, subtitles and covers are")
    return None


def _carry_cover(
    stream: Stream, output: OutputContainer, report: Callable[[str], None], reader: FileReader
) -> Carried | None:
    container = output.format.name
    if container == MATROSKA:
        attach_cover(stream, output, reader.cover(stream))
    elif can_hold(container, stream):
        return CopiedStream(stream, output)
    else:
        report(lost(stream, container))
    return None


def _is_chapter_list(stream: Stream) -> bool:
    """MP4 keeps the chapters as a text track too, which the muxer writes anew."""
    return stream.type == "data" and 0 < stream.frames == len(stream.container.chapters())


def attach(stream: Any, output: OutputContainer, report: Callable[[str], None]) -> None:
    """The font or whatever it is; told where it is lost."""
    if output.format.name != MATROSKA:
        report(f"{described(stream)} is lost: only .mkv files hold attachments")
        return
    output.add_attachment(stream.name, stream.mimetype or "application/octet-stream", stream.data)


def attach_cover(stream: Stream, output: OutputContainer, data: bytes) -> None:
    """A cover that is a stream elsewhere; `data` is the picture as it is stored."""
    codec = stream.codec_context.name
    name = stream.metadata.get("filename", f"cover.{'jpg' if codec == 'mjpeg' else codec}")
    mimetype = stream.metadata.get("mimetype", f"image/{'jpeg' if codec == 'mjpeg' else codec}")
    output.add_attachment(name, mimetype, data)
