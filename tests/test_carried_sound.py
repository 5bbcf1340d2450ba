"""Sound in another container: copied, encoded or left out, and every sample where it was beside the pictures."""

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import read_packets
from repainting import repaint
from sound_films import SoundRecipe, heard, late_samples, write_film

from engines.errors import BadValue
from realtime.media.carried.stream import can_hold
from realtime.media.containers import SOUND_CHOICES

EXACT = {".mp4", ".mov"}  # the others count in milliseconds
FADE = 6000  # samples after the beginning that no encoder has at its best


def remux(source: Path, target: Path, change: Callable[[int, "av.Packet[Any]"], "av.Packet[Any] | None"]) -> Path:
    """The film with its sound packets, counted from 0, changed or left out."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        copies = {stream.index: writer.add_stream_from_template(stream) for stream in reader.streams}
        sounds = 0
        for packet in reader.demux():
            kept: av.Packet[Any] | None = packet if packet.size else None
            if packet.size and packet.stream.type == "audio":
                kept = change(sounds, packet)
                sounds += 1
            if kept is not None:
                kept.stream = copies[packet.stream_index]
                writer.mux(kept)
    return target


def codec_of(path: Path, stream: int = 0) -> str:
    with av.open(str(path)) as film:
        return film.streams.audio[stream].codec_context.name


def lateness(source: Path, target: Path, begin: float = 0.2, end: float = 1.5, stream: int = 0) -> float:
    """Seconds by which the loudest channel comes later beside the pictures than in the source."""
    (original, original_rate), (sound, rate) = heard(source, stream), heard(target, stream)
    channel = int(np.argmax(np.abs(sound).max(axis=1)))
    before = original[min(channel, len(original) - 1)]
    if rate != original_rate:
        places = np.arange(0, len(before) * rate // original_rate) * (original_rate / rate)
        before = np.interp(places, np.arange(len(before)), before).astype(np.float32)
    return late_samples(sound[channel], before, round(begin * rate), round(end * rate)) / rate


def allowed(source: Path, target: Path) -> float:
    """A sample, or what the milliseconds of either container leave open."""
    coarse = sum(path.suffix not in EXACT for path in (source, target))
    return 1 / 8000 if not coarse else 0.0006 * coarse


@pytest.mark.parametrize(
    ("container", "recipe"),
    [
        (".wmv", SoundRecipe("wmav2")),
        (".mov", SoundRecipe("pcm_alaw", rate=8000, layout="mono")),
        (".mov", SoundRecipe("pcm_mulaw", rate=8000, layout="mono")),
        (".avi", SoundRecipe("adpcm_ms", rate=22050)),
        (".avi", SoundRecipe("adpcm_ima_wav", rate=11025)),
    ],
    ids=lambda value: value if isinstance(value, str) else value.codec,
)
@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mkv", "flac"), (".webm", "opus")])
def test_sound_that_a_container_does_not_take_is_encoded_with_its_times(
    tmp_path: Path, container: str, recipe: SoundRecipe, suffix: str, codec: str
) -> None:
    source, target = tmp_path / f"in{container}", tmp_path / f"out{suffix}"
    write_film(source, recipe)
    (line,) = repaint(source, target)
    assert f"({recipe.codec}" in line
    assert "is encoded to" in line
    assert codec_of(target) == codec
    assert abs(lateness(source, target)) <= allowed(source, target)


def test_the_law_of_telephones_loses_nothing_in_matroska(tmp_path: Path) -> None:
    source = write_film(tmp_path / "in.mov", SoundRecipe("pcm_alaw", rate=8000, layout="mono"))
    repaint(source, tmp_path / "out.mkv")
    assert np.array_equal(heard(source)[0], heard(tmp_path / "out.mkv")[0])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_sound_that_begins_late_begins_late(tmp_path: Path, suffix: str) -> None:
    late = SoundRecipe("aac", spans=((Fraction(3, 10), Fraction(2)),))
    source, target = write_film(tmp_path / "in.mp4", late), tmp_path / f"out{suffix}"
    repaint(source, target, "encode")
    sound, rate = heard(target)
    assert np.abs(sound[0, : round(0.27 * rate)]).max() < 0.01  # AAC has an echo before it
    assert abs(lateness(source, target, 0.5)) <= allowed(source, target)


@pytest.mark.parametrize("audio", ["copy", "encode"])
def test_a_pause_stays_a_pause(tmp_path: Path, audio: str) -> None:
    whole = write_film(tmp_path / "whole.mp4", SoundRecipe())
    source = remux(whole, tmp_path / "in.mp4", lambda index, packet: None if 30 <= index < 55 else packet)
    target = tmp_path / "out.mp4"
    repaint(source, target, audio)
    sound, _ = heard(target)
    assert np.abs(sound[0, round(0.65 * 48000) : round(1.1 * 48000)]).max() < 0.01
    assert abs(lateness(whole, target, 0.2, 0.55)) <= 1 / 48000
    assert abs(lateness(whole, target, 1.25, 1.8)) <= 1 / 48000


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_one_packet_that_is_lost_shifts_nothing(tmp_path: Path, suffix: str) -> None:
    whole = write_film(tmp_path / "whole.mp4", SoundRecipe())
    source = remux(whole, tmp_path / "in.mp4", lambda index, packet: None if index == 40 else packet)
    target = tmp_path / f"out{suffix}"
    repaint(source, target, "encode")
    assert abs(lateness(whole, target, 1.1, 1.8)) <= allowed(whole, target)


def garbage(packet: "av.Packet[Any]") -> "av.Packet[Any]":
    damaged: av.Packet[Any] = av.Packet(b"\xff\x13\x77" * 40)
    damaged.pts, damaged.dts, damaged.duration = packet.pts, packet.dts, packet.duration
    damaged.time_base = packet.time_base
    return damaged


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_damage_in_the_middle_is_silent_told_and_shifts_nothing(tmp_path: Path, suffix: str) -> None:
    whole = write_film(tmp_path / "whole.mp4", SoundRecipe())
    source = remux(whole, tmp_path / "in.mp4", lambda index, packet: garbage(packet) if 30 <= index < 40 else packet)
    target = tmp_path / f"out{suffix}"
    told = repaint(source, target, "encode")
    assert "audio stream 1 (aac, und) is damaged: 10 packets do not decode and are silent" in told
    assert np.abs(heard(target)[0][0, round(0.65 * 48000) : round(0.8 * 48000)]).max() < 0.01
    assert abs(lateness(whole, target, 1.1, 1.8)) <= allowed(whole, target)


@pytest.mark.parametrize(("suffix", "allowed_seconds"), [(".mp4", 1 / 48000), (".mkv", 0.0006), (".webm", 0.0006)])
def test_a_pause_of_minutes_is_not_filled(tmp_path: Path, suffix: str, allowed_seconds: float) -> None:
    def later(index: int, packet: "av.Packet[Any]") -> "av.Packet[Any]":
        assert packet.pts is not None
        if index >= 10:
            packet.pts = packet.dts = packet.pts + 200_000
        return packet

    whole = write_film(tmp_path / "whole.mkv", SoundRecipe("flac"))
    target = tmp_path / f"out{suffix}"
    repaint(remux(whole, tmp_path / "in.mkv", later), target, "encode")
    (original, _), (sound, rate) = heard(whole), heard(target)
    assert sound.shape[1] / rate == pytest.approx(202, abs=0.1)
    after = sound[:, 200 * rate :]
    assert abs(late_samples(sound[0], original[0], FADE, 40000)) <= allowed_seconds * rate
    assert abs(late_samples(after[0], original[0], 50000, 90000)) <= allowed_seconds * rate
    assert np.abs(sound[0, 2 * rate : 200 * rate]).max() < 0.001
    assert len(read_packets(target, "audio")[0]) < 500  # 200 seconds have ten thousand


def damage_headers(path: Path) -> int:
    """Makes the sampling rate of some packets of AAC one that does not exist; how many."""
    data = bytearray(path.read_bytes())
    headers = [place for place in range(len(data) // 3, 2 * len(data) // 3) if data[place : place + 2] == b"\xff\xf1"]
    for place in headers[::3]:
        data[place + 2] |= 0x3C
    path.write_bytes(data)
    return len(headers[::3])


@pytest.mark.parametrize("audio", ["auto", "encode"])
def test_a_damaged_header_ends_nothing(tmp_path: Path, audio: str) -> None:
    whole = write_film(tmp_path / "whole.ts", SoundRecipe(), codec="libx264")
    source, target = tmp_path / "in.ts", tmp_path / "out.mp4"
    source.write_bytes(whole.read_bytes())
    assert damage_headers(source) > 3
    told = repaint(source, target, audio)
    assert any("is damaged" in line for line in told)
    assert abs(lateness(whole, target, 0.1, 0.5)) <= 1 / 8000
    assert abs(lateness(whole, target, 1.5, 1.9)) <= 1 / 8000


@pytest.mark.parametrize("audio", ["auto", "encode"])
def test_sound_that_breaks_off_ends_there(tmp_path: Path, audio: str) -> None:
    whole = write_film(tmp_path / "whole.mp4", SoundRecipe())
    source = remux(whole, tmp_path / "in.mp4", lambda index, packet: packet if index < 50 else None)
    target = tmp_path / "out.mp4"
    repaint(source, target, audio)
    sound, rate = heard(target)
    assert 0.9 < sound.shape[1] / rate < 1.1
    assert abs(lateness(whole, target, 0.2, 0.9)) <= 1 / 48000


@pytest.mark.parametrize(
    ("suffix", "layout", "written"),
    [
        (".webm", "5.1(side)", "5.1"),
        (".webm", "2.1", "5.1"),
        (".webm", "7.1", "7.1"),
        (".mp4", "5.1", "5.1"),
        (".mkv", "2.1", "2.1"),
        (".mkv", "7.1", "7.1"),
    ],
)
def test_every_channel_keeps_its_sound(tmp_path: Path, suffix: str, layout: str, written: str) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    write_film(source, SoundRecipe("flac", layout=layout))
    repaint(source, target, "encode")
    with av.open(str(target)) as film:
        assert film.streams.audio[0].layout.name == written
    (before, _), (after, _) = heard(source), heard(target)
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    kept = [channel.name.replace("BL", "SL").replace("BR", "SR") for channel in av.AudioLayout(written).channels]
    for index, name in enumerate(names):
        if name == "LFE" and suffix != ".mkv":
            continue  # low by nature, and cut so
        place = kept.index(name.replace("BL", "SL").replace("BR", "SR")) if layout != "7.1" else index
        assert abs(late_samples(after[place], before[index], FADE, FADE + 30000, 500)) <= 30, name


@pytest.mark.parametrize(
    ("suffix", "rate", "written"),
    [(".webm", 44100, 48000), (".webm", 11025, 12000), (".mp4", 192000, 96000), (".mp4", 11025, 11025)],
)
def test_a_rate_that_the_encoder_lacks_becomes_one_that_it_has(
    tmp_path: Path, suffix: str, rate: int, written: int
) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    write_film(source, SoundRecipe("flac", rate=rate))
    repaint(source, target, "encode")
    assert heard(target)[1] == (48000 if suffix == ".webm" else written)  # Opus is always heard at 48 kHz
    assert abs(lateness(source, target)) <= allowed(source, target)


def test_deep_sound_stays_deep(tmp_path: Path) -> None:
    source = write_film(tmp_path / "in.mkv", SoundRecipe("flac", rate=96000, sample_format="s32"))
    repaint(source, tmp_path / "out.mkv", "encode")
    assert np.array_equal(heard(source)[0], heard(tmp_path / "out.mkv")[0])


def test_several_sounds_keep_their_languages_and_what_players_make_of_them(tmp_path: Path) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.webm"
    plain = write_film(
        tmp_path / "plain.mkv",
        SoundRecipe("aac", language="deu"),
        SoundRecipe("ac3", layout="5.1(side)", language="fra"),
        SoundRecipe("libopus", language="eng"),
    )
    with av.open(str(plain)) as reader, av.open(str(source), "w") as writer:
        copies = {stream.index: writer.add_stream_from_template(stream) for stream in reader.streams}
        for stream in reader.streams.audio:
            copies[stream.index].metadata.update(stream.metadata)
        copies[2].disposition = av.stream.Disposition.default
        for packet in reader.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                writer.mux(packet)
    told = repaint(source, target)
    assert ["is encoded to Opus" in line for line in told] == [True, True]
    with av.open(str(target)) as film:
        assert [(sound.language, sound.codec_context.channels) for sound in film.streams.audio] == [
            ("deu", 2),
            ("fra", 6),
            ("eng", 2),
        ]
        assert bool(film.streams.audio[1].disposition & av.stream.Disposition.default)
        assert not film.streams.audio[0].disposition & av.stream.Disposition.default
    assert read_packets(target, "audio")[2] == read_packets(source, "audio")[2]  # Opus needs no encoding
    for track in range(3):
        assert abs(lateness(source, target, stream=track)) <= allowed(source, target)


def test_an_early_stop_ends_encoded_sound_with_the_pictures(tmp_path: Path) -> None:
    source, target = write_film(tmp_path / "in.mp4", SoundRecipe()), tmp_path / "out.mp4"
    stop = threading.Event()
    stop.set()
    repaint(source, target, "encode", stop, frames=20)
    sound, rate = heard(target)
    assert 0.75 < sound.shape[1] / rate < 0.9
    assert abs(lateness(source, target, 0.2, 0.7)) <= 1 / 48000


def test_sound_may_be_left_out(tmp_path: Path) -> None:
    source = write_film(tmp_path / "in.mp4", SoundRecipe())
    assert repaint(source, tmp_path / "out.mp4", "drop") == []
    assert read_packets(tmp_path / "out.mp4", "audio") == []


def test_a_copy_that_cannot_be_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    source = write_film(tmp_path / "in.wmv", SoundRecipe("wmav2"))
    with pytest.raises(BadValue, match=r"\(wmav2\) cannot be copied into mp4; .*--audio copy"):
        repaint(source, tmp_path / "out.mp4", "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["in.wmv"]


def test_the_muxer_is_asked_what_it_takes(tmp_path: Path) -> None:
    """MPEG-TS takes anything, as data without a name; what comes back as sound is what it holds."""
    held = {"aac": True, "ac3": True, "flac": False, "libmp3lame": True, "pcm_s16le": False}
    for codec, holds in held.items():
        with av.open(str(write_film(tmp_path / f"{codec}.mkv", SoundRecipe(codec)))) as film:
            assert can_hold("mpegts", film.streams.audio[0]) is holds, codec


def test_the_choices_are_those_that_the_sink_knows(tmp_path: Path) -> None:
    source = write_film(tmp_path / "in.mp4", SoundRecipe())
    for audio in SOUND_CHOICES:
        repaint(source, tmp_path / f"{audio}.mp4", audio)
