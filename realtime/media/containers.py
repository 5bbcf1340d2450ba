"""The containers that a video is written in, by a file's ending or in FFmpeg's words, and what may become of its sound.

Nothing heavy is loaded here: the command line shows these words.
"""

from dataclasses import dataclass
from pathlib import Path

from engines.errors import BadValue

STANDARD_OUTPUT = Path("-")
AUTO, COPY, ENCODE, DROP = "auto", "copy", "encode", "drop"
SOUND_CHOICES = (AUTO, COPY, ENCODE, DROP)


@dataclass(frozen=True, slots=True)
class Container:
    """`name` is FFmpeg's of its muxer; `codecs` are those of pictures that players expect in it, the first by default.

    `tells_aspect` says whether players are told by it how to stretch the picture.
    """

    name: str
    codecs: tuple[str, ...]
    tells_aspect: bool = True


MP4 = Container("mp4", ("h264", "hevc", "av1", "vp9"))
MOV = Container("mov", ("h264", "hevc"))
# Matroska and WebM could tell the aspect, but PyAV cannot tell their muxer.
MATROSKA = Container("matroska", ("h264", "hevc", "av1", "vp9"), tells_aspect=False)
WEBM = Container("webm", ("vp9", "av1"), tells_aspect=False)
MPEG_TS = Container("mpegts", ("h264", "hevc"), tells_aspect=False)
ANIMATION = Container("webp", ("webp",), tells_aspect=False)  # which pages and chats play by themselves, without sound
FILMS = {".mp4": MP4, ".m4v": Container("mp4", ("h264", "hevc")), ".mov": MOV, ".mkv": MATROSKA, ".webm": WEBM}
OF_SUFFIX = {**FILMS, ".webp": ANIMATION}
OF_FORMAT = {container.name: container for container in (MP4, MOV, MATROSKA, WEBM, MPEG_TS)}


def container_for(path: Path, name: str | None = None) -> Container:
    """The container called `name`, or the one of the path's ending; BadValue with the choices where there is none."""
    if name is not None:
        if name not in OF_FORMAT:
            raise BadValue(f"format {name!r} is not one of {', '.join(OF_FORMAT)}")
        return OF_FORMAT[name]
    if path == STANDARD_OUTPUT:
        raise BadValue(f"OUT is -, which names no container; add --format {', '.join(OF_FORMAT)}")
    container = OF_SUFFIX.get(path.suffix.lower())
    if container is None:
        kinds = ", ".join(FILMS)
        ending = repr(path.suffix) if path.suffix else "a name without an ending"
        raise BadValue(f"{path.name}: {ending} is no video container; use one of {kinds}, or .webp for an animation")
    return container
