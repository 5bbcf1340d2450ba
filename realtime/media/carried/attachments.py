"""Fonts and cover pictures, which Matroska keeps as files inside the file."""

from collections.abc import Callable
from typing import Any

from av.container import OutputContainer
from av.stream import Stream

from realtime.media.carried.stream import MATROSKA, described


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
