"""The sound of a film in playback, read along with its pictures and on the same clock."""

from fractions import Fraction

import av

from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.media.clip import Clip
from realtime.sources.sound_reader import SoundReader

AHEAD_SECONDS = 1  # of the picture; a file may have all its sound before the first picture


class FileSound:
    """Decodes a film's best sound for `feed` or one of its own, while somebody listens; None where it has none.

    To be opened before the first picture is read.
    """

    def __init__(self, clip: Clip, feed: SoundFeed | None = None) -> None:
        assert clip.reader is not None
        self._reader = clip.reader
        stream = self._reader.container.streams.best("audio")
        decodes = isinstance(stream, av.AudioStream) and stream.codec_context is not None
        self._sound = SoundReader(stream, feed) if decodes else None  # type: ignore[arg-type]
        self.feed = self._sound.feed if self._sound else None
        self._reader.keep({self._sound.stream.index} if self._sound else ())

    def until(self, seconds: float) -> list[Sound]:
        """What nobody was given yet and is heard up to a second after that time, on the film's clock."""
        if self._sound is None:
            return []
        wanted = self._sound.is_wanted(seconds)
        if wanted:
            self._reader.read_ahead(Fraction(seconds))
        sounds: list[Sound] = []
        while (packet := self._reader.beside(Fraction(seconds) + AHEAD_SECONDS)) is not None:
            if wanted:
                sounds += self._sound.sounds(packet, zero_at=0.0)
        return sounds
