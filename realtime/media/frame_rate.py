"""The frame rate that a file's pictures really have, where what the file says of it may be in name only."""

import statistics
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av

from realtime.media.clip import file_url, film_of

# Up to here what a file says is taken at its word: an encoder that is told too much of so little loses nothing.
BELIEVED_RATE = 60
# So much may lie between what a file says and what is measured: its clock may count in whole milliseconds.
TOLERANCE = Fraction(3, 2)
MOST_MEASURED = 250  # pictures of the beginning: some seconds of any film


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
