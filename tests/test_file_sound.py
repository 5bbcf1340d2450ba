"""A film's sound in playback: read along with its pictures, none late for its picture, on the film's one clock."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from sound_films import SoundRecipe, noise, write_film

from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.media import file_reader
from realtime.media.times.lane import TimedPacket
from realtime.sources import film_sound
from realtime.sources.file import FileSource
from realtime.sources.film_sound import AHEAD_SECONDS, FileSound
from realtime.sources.open_playback import reel_of

RATE = 48000
A_SECOND = SoundRecipe("aac", spans=((Fraction(0), Fraction(1)),))


def played(path: Path, feed: SoundFeed | None = None) -> tuple[list[tuple[float, list[Sound]]], FileSound]:
    """Each picture's time and the sound that came with it."""
    film = FileSource(path)
    sound = FileSound(film.clip, feed)
    found: list[tuple[float, list[Sound]]] = []
    while (picture := film.grab()) is not None:
        seconds = float(picture.pts * film.clip.time_base)
        found.append((seconds, sound.until(seconds)))
    film.close()
    sound.close()
    return found, sound


def loudness_at(sounds: list[Sound], seconds: float) -> float:
    """Of the twentieth of a second that begins then; 0 where there is no sound."""
    timeline = np.zeros(20 * RATE, np.float32)
    for sound in sounds:
        begins = max(0, round(sound.captured_at * RATE))
        timeline[begins : begins + sound.samples.shape[1]] = sound.samples[0]
    return float(np.abs(timeline[round(seconds * RATE) : round((seconds + 0.05) * RATE)]).max())


def test_the_sound_of_a_joined_file_stays_with_the_pictures_of_its_part(tmp_path: Path) -> None:
    part = write_film(tmp_path / "part.ts", A_SECOND, codec="mpeg2video")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(2 * part.read_bytes())
    pictures, _ = played(joined)
    sounds = [sound for _, with_picture in pictures for sound in with_picture]
    begins = pictures[0][0]
    assert len(pictures) == 100
    heard = [loudness_at(sounds, begins + seconds) > 0.05 for seconds in (0.2, 0.8, 1.2, 1.8, 2.2, 2.8, 3.2)]
    assert heard == [True, True, False, False, True, True, False]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts", "film.avi"])
def test_no_picture_comes_before_its_sound_and_no_sound_long_before_it(tmp_path: Path, name: str) -> None:
    codec = "libmp3lame" if name.endswith(".avi") else "aac"
    film = write_film(tmp_path / name, SoundRecipe(codec, spans=((Fraction(0), Fraction(4)),)), seconds=4)
    pictures, _ = played(film)
    heard_until = 0.0
    for seconds, sounds in pictures:
        for sound in sounds:
            assert sound.captured_at <= seconds + AHEAD_SECONDS
            heard_until = sound.captured_at + sound.samples.shape[1] / RATE
        assert heard_until >= min(seconds, 3.9)


def test_the_samples_are_the_film_s_own(tmp_path: Path) -> None:
    pictures, sound = played(write_film(tmp_path / "film.mkv", SoundRecipe("pcm_s16le")))
    samples = np.concatenate([sound.samples for _, sounds in pictures for sound in sounds], axis=1)
    assert sound.feed is not None
    assert np.abs(samples - noise(0, samples.shape[1], 2, RATE)).max() < 1e-4
    assert samples.shape[1] == 2 * RATE


def test_pictures_wait_for_sound_that_is_far_only_so_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_reader, "MOST_WAITING_SECONDS", 1)
    late = SoundRecipe("pcm_s16le", spans=((Fraction(3), Fraction(4)),))
    film = FileSource(write_film(tmp_path / "film.mkv", late, seconds=4))
    reader = film.clip.reader
    assert reader is not None
    reader.keep({1})
    read: list[float] = []
    push = reader.clock.push

    def noted(packet: TimedPacket[Any]) -> list[TimedPacket[Any]]:
        read.append(float(packet.item.pts * packet.item.time_base))
        return push(packet)

    monkeypatch.setattr(reader.clock, "push", noted)
    for _ in range(2):
        reader.read_ahead(Fraction(1))
        assert 1 <= max(read) < 2
    film.close()


@pytest.mark.parametrize(("name", "codec"), [("film.mkv", "mpeg4"), ("film.ogv", "libvpx")])
def test_sound_behind_all_pictures_is_heard_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, codec: str
) -> None:
    monkeypatch.setattr(file_reader, "MOST_WAITING_SECONDS", 1)
    monkeypatch.setattr(film_sound, "LOOK_SECONDS", 60.0)
    recipe = SoundRecipe("flac", spans=((Fraction(0), Fraction(3)),))
    film = write_film(tmp_path / name, recipe, seconds=4, codec=codec, sound_last=True)
    with av.open(str(film)) as container:
        kinds = [packet.stream.type for packet in container.demux() if packet.size]
    assert kinds.index("audio") >= 50
    pictures, sound = played(film)
    for seconds, sounds in pictures:
        assert all(seconds - 0.2 < sound.captured_at <= seconds + AHEAD_SECONDS for sound in sounds)
    samples = np.concatenate([sound.samples for _, sounds in pictures for sound in sounds], axis=1)
    assert len(pictures) == 100
    assert sound.feed is not None
    assert np.abs(samples - noise(0, samples.shape[1], 2, RATE)).max() < 1e-4
    assert samples.shape[1] == 3 * RATE


def test_a_pause_in_the_sound_loses_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_reader, "MOST_WAITING_SECONDS", 1)
    monkeypatch.setattr(film_sound, "LOOK_SECONDS", 60.0)
    spans = ((Fraction(0), Fraction(1, 2)), (Fraction(3), Fraction(7, 2)))
    pictures, _ = played(write_film(tmp_path / "film.mkv", SoundRecipe("pcm_s16le", spans=spans), seconds=4))
    sounds = [sound for _, sounds in pictures for sound in sounds]
    assert sum(sound.samples.shape[1] for sound in sounds) == RATE
    times = [sound.captured_at for sound in sounds]
    assert times == sorted(set(times))


def test_where_such_sound_cannot_be_read_apart_it_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_reader, "MOST_WAITING_SECONDS", 1)
    recipe = SoundRecipe("flac", spans=((Fraction(0), Fraction(4)),))
    path = write_film(tmp_path / "film.mkv", recipe, seconds=4, sound_last=True)
    film = FileSource(path)
    lines: list[str] = []
    sound = FileSound(film.clip, report=lines.append)
    path.unlink()
    while (picture := film.grab()) is not None:
        sound.until(float(picture.pts * film.clip.time_base))
    film.close()
    assert len(lines) == 1
    assert "the sound lies too far behind its pictures to be heard" in lines[0]


def test_nothing_is_decoded_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_sound, "BEGINNING_SECONDS", 1.0)
    recipe = SoundRecipe("pcm_s16le", rate=8000, layout="mono", spans=((Fraction(0), Fraction(4)),))
    film = write_film(tmp_path / "film.mkv", recipe, seconds=4)
    alone, heard = SoundFeed(8000, 1), SoundFeed(8000, 1)
    heard.listen()
    last = [[sound for _, sounds in played(film, feed)[0] for sound in sounds][-1] for feed in (alone, heard)]
    assert 0.9 < last[0].captured_at < 1 + AHEAD_SECONDS
    assert last[1].captured_at == pytest.approx(4, abs=0.2)


def test_a_film_without_sound_has_none(tmp_path: Path) -> None:
    pictures, sound = played(write_film(tmp_path / "film.mp4"))
    assert sound.feed is None
    assert [sounds for _, sounds in pictures] == [[]] * 50


def test_what_is_heard_while_a_picture_lasts_is_read_with_it(tmp_path: Path) -> None:
    """A still picture with music is one picture, and no other reads on."""
    film = FileSource(write_film(tmp_path / "still.mp4", SoundRecipe()))
    sound = FileSound(film.clip)
    assert sound.feed is not None
    sound.feed.listen()
    picture = film.grab()
    assert picture is not None
    picture.picture.duration = round(2 / film.clip.time_base)
    heard = reel_of(film, sound).sounds_of(picture)
    assert sum(block.samples.shape[1] for block in heard) > 1.9 * RATE
    film.close()
