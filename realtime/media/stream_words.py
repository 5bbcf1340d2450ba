"""What streams a file has, in a person's words."""

from collections import Counter

from av.container import InputContainer
from av.stream import Stream

from realtime.media.clip import is_cover

# FFmpeg's kinds; what may be there once or several times.
WORDS = {
    "video": ("a film", "films"),
    "cover": ("a cover picture", "cover pictures"),
    "audio": ("sound", "tracks of sound"),
    "subtitle": ("subtitles", "tracks of subtitles"),
    "timecode": ("a timecode", "timecodes"),
    "attachment": ("an attachment", "attachments"),
    "data": ("data", "streams of data"),
}
TIMECODE = "timecode"


def what_is_in(container: InputContainer) -> str:
    """`sound and a cover picture`; `nothing` where there is no stream."""
    counts = Counter(_kind(stream) for stream in container.streams)
    told = [
        one if counts[kind] == 1 else f"{counts[kind]} {many}" for kind, (one, many) in WORDS.items() if counts[kind]
    ]
    return " and ".join(filter(None, (", ".join(told[:-1]), *told[-1:]))) or "nothing"


def is_written_anew(stream: Stream, film: Stream) -> bool:
    """Whether the stream is a timecode that the film tells too: of that muxers make its track, or keep it as a tag."""
    told = stream.metadata.get(TIMECODE)
    return stream.type == "data" and told is not None and film.metadata.get(TIMECODE) == told


def _kind(stream: Stream) -> str:
    if is_cover(stream):
        return "cover"
    if stream.type == "data" and TIMECODE in stream.metadata:
        return TIMECODE
    return stream.type if stream.type in WORDS else "data"
