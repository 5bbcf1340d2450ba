"""The sound that goes with a live picture: of the source, of a microphone, or none."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from engines.errors import BadValue
from realtime.frames.frame import Source
from realtime.frames.sound_feed import SoundFeed

CHOICES = "none, source, microphone or microphone:DEVICE"
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class OpenSound:
    """Sound that is being heard; `close` ends it and releases its device."""

    feed: SoundFeed
    close: Callable[[], None]
    of_source: bool = False

    def follow(self, source: Source, report: Report) -> None:
        """The source was opened again: its sound goes on where the one before it ended."""
        feed: SoundFeed | None = getattr(source, "sound", None)
        if not self.of_source:
            return
        if feed is None:
            report("the rest is silent: the source came back without its sound")
            return
        try:
            feed.take_over(self.feed)
        except ValueError as error:
            report(f"the rest is silent: {error}")


def open_sound(choice: str, source: Source, report: Report, stop: threading.Event) -> OpenSound | None:
    """What `--audio` asks for; None for `none`. ImpastoError where there is no such sound.

    A source offers its sound as `sound`, a SoundFeed or None.
    """
    kind, _, device = choice.partition(":")
    if choice == "none":
        if getattr(source, "sound", None) is not None:
            report("the source has sound, which is left out; --audio source takes it into recordings and streams")
        return None
    if choice == "source":
        return _sound_of(source)
    if kind == "microphone":
        from realtime.sound.microphone import DEFAULT_DEVICE, open_microphone

        microphone = open_microphone(device or DEFAULT_DEVICE, report, stop)
        return OpenSound(microphone.feed, microphone.close)
    raise BadValue(f"--audio {choice!r} is not one of {CHOICES}")


def _sound_of(source: Source) -> OpenSound:
    feed: SoundFeed | None = getattr(source, "sound", None)
    if feed is None:
        raise BadValue("this source has no sound; use --audio microphone or none")
    return OpenSound(feed, lambda: None, of_source=True)  # closed with the source
