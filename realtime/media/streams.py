"""What the streams of a container are: the film, covers and all else, in a person's words; their clocks and rates."""

import statistics
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
from av import VideoStream
from av.container import InputContainer
from av.stream import Disposition, Stream

FALLBACK_RATE = Fraction(25)
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
# Up to here what a file says is taken at its word: an encoder that is told too much of so little loses nothing.
BELIEVED_RATE = 60
# So much may lie between what a file says and what is measured: its clock may count in whole milliseconds.
TOLERANCE = Fraction(3, 2)
MOST_MEASURED = 250  # pictures of the beginning: some seconds of any film


def file_url(path: Path) -> str:
    """The file as FFmpeg is to open it, which takes what stands before a colon for a protocol."""
    return f"file:{path}"


def is_cover(stream: Stream) -> bool:
    """Whether the stream is a cover picture, which FFmpeg also counts as video."""
    return bool(stream.disposition & Disposition.attached_pic)


def film_of(container: InputContainer) -> VideoStream | None:
    """The video stream that a player would show; None where there is none but covers."""
    films = [stream for stream in container.streams.video if not is_cover(stream)]
    best = container.streams.best("video")
    return next((stream for stream in films if stream is best), films[0] if films else None)


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


def time_base_of(stream: Stream) -> Fraction:
    return stream.time_base or 1 / FALLBACK_RATE


def rate_of(film: av.VideoStream) -> Fraction | None:
    """Pictures a second, as far as FFmpeg can tell."""
    return film.average_rate or film.guessed_rate


def frame_ticks(film: av.VideoStream) -> int:
    """How long a picture usually lasts, in ticks of the film."""
    return max(1, round(1 / (rate_of(film) or FALLBACK_RATE) / time_base_of(film)))


def real_rate(path: Path | None, said: Fraction | None) -> Fraction | None:
    """The rate in frames a second that the file says, or that of its beginning where it says too much or nothing.

    Screen recorders and browsers write 1000 where pictures come whenever something moves, and an encoder would reserve
    for a player what no player has. A pause, as of a still screen, does not count: the median of the gaps decides. What
    can be read only once has no path, and is believed.
    """
    if (said is not None and said <= BELIEVED_RATE) or path is None or not path.is_file():
        return said
    measured = _measured(path)
    if measured is None or (said is not None and said <= measured * TOLERANCE):
        return said
    return measured


def _measured(path: Path) -> Fraction | None:
    """None where the file does not tell the times of two pictures."""
    with suppress(av.FFmpegError, OSError), av.open(file_url(path), metadata_errors="replace") as container:
        film = film_of(container)
        if film is not None and film.time_base:
            times = sorted(islice(_times(container, film), MOST_MEASURED))
            gaps = [after - before for before, after in pairwise(times) if after > before]
            return 1 / (statistics.median_low(gaps) * film.time_base) if gaps else None
    return None


def _times(container: av.container.InputContainer, film: av.VideoStream) -> Iterator[int]:
    """In ticks, as the packets come, which is not the order in which they are shown."""
    for packet in container.demux(film):
        if packet.pts is not None:
            yield packet.pts
