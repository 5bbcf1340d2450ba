"""A film through the program's source and sink, with nothing painted in between."""

import threading
from pathlib import Path

from realtime.sinks.file import FileSink
from realtime.sources.file import FileSource


def repaint(
    source: Path | str, target: Path, audio: str = "auto", stop: threading.Event | None = None, frames: int = 10_000
) -> list[str]:
    """The first `frames` of the film, written; what source and sink told."""
    told: list[str] = []
    reader = FileSource(source, report=told.append)
    writer = FileSink(target, reader.clip, audio=audio, report=told.append, stop=stop)
    for _ in range(frames):
        if (frame := reader.read()) is None:
            break
        writer.write(frame)
    writer.close()
    reader.close()
    return told
