import threading

import numpy as np
import pytest
from fakes import NumberSource

from engines.errors import ImpastoError
from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.sound.choice import open_sound

SECONDS = 20


class SoundingSource(NumberSource):
    def __init__(self) -> None:
        super().__init__(live=True)
        self.sound: SoundFeed | None = SoundFeed(44100, 1)


def tell_nobody(line: str) -> None:
    raise AssertionError(line)


def test_none_opens_nothing_and_tells_what_is_left_out() -> None:
    lines: list[str] = []
    assert open_sound("none", SoundingSource(), lines.append, threading.Event()) is None
    assert lines == ["the source has sound, which is left out; --audio source takes it into recordings and streams"]
    assert open_sound("none", NumberSource(live=True), tell_nobody, threading.Event()) is None


def block(value: float) -> Sound:
    return Sound(np.full((1, 4), value, np.float32), 44100, value)


def test_a_source_that_comes_back_is_heard_by_those_who_listened() -> None:
    first, second = SoundingSource(), SoundingSource()
    sound = open_sound("source", first, tell_nobody, threading.Event())
    assert sound is not None
    listener = sound.feed.listen()
    sound.follow(second, tell_nobody)
    assert second.sound is not None
    assert second.sound.listened.is_set()
    second.sound.put(block(1.0))
    heard = listener.get(SECONDS)
    assert heard is not None
    assert heard.captured_at == 1.0
    sound.feed.leave(listener)
    assert not second.sound.listened.is_set()


def test_a_source_that_comes_back_without_sound_is_told() -> None:
    sound = open_sound("source", SoundingSource(), tell_nobody, threading.Event())
    assert sound is not None
    lines: list[str] = []
    sound.follow(NumberSource(live=True), lines.append)
    assert lines == ["the rest is silent: the source came back without its sound"]


def test_a_source_that_comes_back_in_another_shape_is_told() -> None:
    first, second = SoundingSource(), SoundingSource()
    second.sound = SoundFeed(48000, 2)
    sound = open_sound("source", first, tell_nobody, threading.Event())
    assert sound is not None
    lines: list[str] = []
    sound.follow(second, lines.append)
    assert lines == ["the rest is silent: the sound came back with 2 channels at 48000 Hz instead of 1 at 44100 Hz"]


def test_the_sound_of_the_source_is_its_own_feed() -> None:
    source = SoundingSource()
    sound = open_sound("source", source, tell_nobody, threading.Event())
    assert sound is not None
    assert sound.feed is source.sound
    sound.close()


@pytest.mark.parametrize("silent", [True, False])
def test_a_source_without_sound_is_one_line(silent: bool) -> None:
    source = NumberSource(live=True)
    if silent:
        source = SoundingSource()
        source.sound = None
    with pytest.raises(ImpastoError, match=r"^this source has no sound; use --audio microphone or none$"):
        open_sound("source", source, tell_nobody, threading.Event())


def test_a_microphone_is_heard_until_it_is_closed() -> None:
    sound = open_sound("microphone:lavfi:sine=frequency=440", NumberSource(), tell_nobody, threading.Event())
    assert sound is not None
    listener = sound.feed.listen()
    assert listener.get(timeout_seconds=SECONDS) is not None
    sound.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("impasto-microphone")]


@pytest.mark.parametrize("choice", ["", "speaker", "source:1x", "none:"])
def test_anything_else_is_one_line_with_the_choices(choice: str) -> None:
    with pytest.raises(ImpastoError, match=r"is not one of none, source, microphone or microphone:DEVICE$"):
        open_sound(choice, NumberSource(), tell_nobody, threading.Event())
