"""The sound of a file in playback, from a second look at it, in step with the pictures."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import av
from av.container import InputContainer

from realtime.media.clip import file_url
from realtime.sources.sound_reader import SoundReader

LOOK_SECONDS = 0.1
LEAST_SHIFT_SECONDS = 0.02  # a smaller one is not worth a seek


class FileSound:
    """Puts a file's sound into `feed` while somebody listens, block by block when it is due.

    Nothing is heard until `play_from` tells when the file's second 0 is heard.
    """

    def __init__(self, path: Path, container: InputContainer, reader: SoundReader) -> None:
        self.feed = reader.feed
        self._path, self._container, self._reader = path, container, reader
        self._zero_at: float | None = None
        self._changed = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="impasto-file-sound", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, path: Path) -> "FileSound | None":
        """The sound of a file; None where it has none that can be decoded."""
        try:
            container = av.open(file_url(path), metadata_errors="replace")
        except av.FFmpegError:
            return None
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream) or stream.codec_context is None:
            container.close()
            return None
        return cls(path, container, SoundReader(stream))

    def play_from(self, zero_at: float) -> None:
        """The file's second 0 is heard at `zero_at`."""
        if self._zero_at is None or abs(zero_at - self._zero_at) > LEAST_SHIFT_SECONDS:
            self._zero_at = zero_at
            self._changed.set()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        """The sound's thread."""
        with self._container, suppress(av.FFmpegError):  # a file that breaks off is told by its pictures
            while not self._closed.is_set():
                heard = self.feed.listened.wait(LOOK_SECONDS)
                if heard and self._zero_at is not None:
                    self._changed.clear()
                    self._play(self._zero_at)

    def _play(self, zero_at: float) -> None:
        """From where the pictures are now, to the end or until something changes."""
        begins = min(0, self._container.start_time or 0) / av.time_base  # below zero where a clock is about to wrap
        position = max(begins, time.perf_counter() - zero_at)
        self._container.seek(int(position * av.time_base))
        self._reader.stream.codec_context.flush_buffers()
        for packet in self._container.demux(self._reader.stream):
            for sound in self._reader.sounds(packet, zero_at):
                if not self._wait_until(sound.captured_at):
                    return
                if sound.captured_at >= zero_at + position - LOOK_SECONDS:
                    self.feed.put(sound)
        while self._goes_on() and not self._closed.wait(LOOK_SECONDS):
            pass

    def _goes_on(self) -> bool:
        return not self._changed.is_set() and self.feed.listened.is_set()

    def _wait_until(self, seconds: float) -> bool:
        """False where what was to come then is not wanted any more."""
        while self._goes_on() and not self._closed.is_set():
            wait = seconds - time.perf_counter()
            if wait <= 0:
                return True
            self._closed.wait(min(wait, LOOK_SECONDS))
        return False
