"""The sound of a film in playback, read along with its pictures and on the same clock."""

import threading
from collections.abc import Callable
from fractions import Fraction

import av

from engines.errors import ImpastoError
from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.media.clip import Clip
from realtime.media.file_reader import FileReader, begins_at
from realtime.media.input_file import open_input
from realtime.sources.sound_reader import SoundReader

AHEAD_SECONDS = 1  # of the picture; a file may have all its sound before the first picture
LOOK_SECONDS = 0.02  # with each picture, for sound that lies behind all of them


class FileSound:
    """Decodes a film's best sound for `feed` or one of its own, while somebody listens; None where it has none.

    To be opened before the first picture is read. Where the sound lies too far behind its pictures in the file, it is
    read by a reader of its own; `report` is told where that cannot be.
    """

    def __init__(
        self, clip: Clip, feed: SoundFeed | None = None, report: Callable[[str], None] = lambda line: None
    ) -> None:
        assert clip.reader is not None
        self._clip, self._report = clip, report
        self._reader: FileReader = clip.reader
        self._own_reader: FileReader | None = None
        self._told = False
        stream = self._reader.container.streams.best("audio")
        decodes = isinstance(stream, av.AudioStream) and stream.codec_context is not None
        self._sound = SoundReader(stream, feed) if decodes else None  # type: ignore[arg-type]
        self.feed = self._sound.feed if self._sound else None
        self._given_before = Fraction(-1)
        self._reader.keep({self._sound.stream.index} if self._sound else ())

    def until(self, seconds: float) -> list[Sound]:
        """What nobody was given yet and is heard up to a second after that time, on the film's clock."""
        if self._sound is None:
            return []
        wanted = self._sound.is_wanted(seconds)
        if wanted:
            self._read_ahead(Fraction(seconds))
        sounds: list[Sound] = []
        reader = self._own_reader or self._reader
        while (packet := reader.beside(Fraction(seconds) + AHEAD_SECONDS)) is not None:
            if wanted and begins_at(packet) > self._given_before:
                self._given_before = begins_at(packet)
                sounds += self._sound.sounds(packet, zero_at=0.0)
        return sounds

    def close(self) -> None:
        """The reader of its own, where there is one."""
        if self._own_reader is not None:
            self._own_reader.close()

    def _read_ahead(self, until: Fraction) -> None:
        if self._own_reader is None and not self._reader.read_ahead(until):
            self._own_reader = self._opened_again()
        if self._own_reader is not None:
            self._own_reader.skip_pictures(until, LOOK_SECONDS)

    def _opened_again(self) -> FileReader | None:
        """A second reader of the file, for the sound alone, on the same clock."""
        assert self._sound is not None
        try:
            if self._clip.path is None:
                raise ImpastoError("it can be read only once")
            container = open_input(self._clip.path, threading.Event()).container
        except (ImpastoError, OSError) as error:
            self._tell(f"the sound lies too far behind its pictures to be heard: {error}")
            return None
        films = [stream for stream in container.streams.video if stream.index == self._reader.film.index]
        reader = FileReader(container, films[0])
        reader.keep({self._sound.stream.index})
        self._reader.keep(())
        return reader

    def _tell(self, line: str) -> None:
        if not self._told:
            self._report(line)
        self._told = True
