"""Sound whose packets or headers are damaged on the way: what muxers refuse costs itself alone, and never the film."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import read_packets, read_pictures
from repainting import repaint
from sound_films import SoundRecipe, heard, write_film

PICTURES, SOUND = 9, 8  # kinds of FLV's tags
FLV_HEADER_BYTES, TAG_HEAD_BYTES = 13, 11
SUFFIXES = [".mkv", ".mp4", ".mov"]


def flv_tags(data: bytes, kind: int) -> Iterator[tuple[int, int]]:
    """Where the body of each tag of a kind begins and ends; what follows it says once more how long it is."""
    place = FLV_HEADER_BYTES
    while place < len(data):
        begins = place + TAG_HEAD_BYTES
        ends = begins + int.from_bytes(data[place + 1 : place + 4], "big")
        if data[place] == kind:
            yield begins, ends
        place = ends + 4


def flv_film(path: Path) -> Path:
    return write_film(path, SoundRecipe("aac", rate=44100), codec="libx264")


def flip(source: Path, place: int, bits: int) -> Path:
    data = bytearray(source.read_bytes())
    data[place] ^= bits
    target = source.with_stem("damaged")
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_packet_that_says_it_is_a_header_costs_itself_alone(tmp_path: Path, suffix: str) -> None:
    whole = flv_film(tmp_path / "whole.flv")
    begins, _ = list(flv_tags(whole.read_bytes(), SOUND))[20]
    undamaged, target = tmp_path / f"undamaged{suffix}", tmp_path / f"out{suffix}"
    repaint(whole, undamaged)
    repaint(flip(whole, begins + 1, 1), target)
    (written,), (original,) = read_packets(target, "audio"), read_packets(undamaged, "audio")
    expected = [data for at, (data, _) in enumerate(original) if at != 19]
    assert [data for data, _ in written] == expected[: len(written)]
    assert len(written) >= len(expected) - 1 > 80  # the last is cut short: its length is not known behind the damage
    (before, _), (after, _) = heard(undamaged), heard(target)
    assert np.abs(after[0, 44100:66150] - before[0, 44100:66150]).max() < 0.01
    assert len(read_pictures(target)) == 50


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_stream_that_damage_made_does_not_cost_the_film(tmp_path: Path, suffix: str) -> None:
    """Where a tag's length is damaged FFmpeg puts the next sound into a stream of its own, which has no header."""
    whole = flv_film(tmp_path / "whole.flv")
    _, ends = list(flv_tags(whole.read_bytes(), PICTURES))[20]
    damaged, target = flip(whole, ends, 0xA2), tmp_path / f"out{suffix}"
    with av.open(str(damaged)) as film:
        assert len(film.streams.audio) == 2
    repaint(damaged, target)
    assert len(read_pictures(target)) == 50
    assert len(read_packets(target, "audio")[0]) == len(read_packets(whole, "audio")[0]) - 1


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_what_a_muxer_refuses_while_pictures_come_is_left_out_and_told(tmp_path: Path, suffix: str) -> None:
    """MP4's looks for the beginning of AC-3 in every packet, when it puts that beside the pictures."""
    whole = write_film(tmp_path / "whole.mkv", SoundRecipe("ac3"))
    (sound,) = read_packets(whole, "audio")
    data = bytearray(whole.read_bytes())
    for packet, _ in sound[20:23]:
        data[data.index(packet)] ^= 0xFF
    damaged, target = tmp_path / "damaged.mkv", tmp_path / f"out{suffix}"
    damaged.write_bytes(data)
    assert "audio stream 1 (ac3) is damaged: 3 packets left out that no copy can hold" in repaint(damaged, target)
    (written,) = read_packets(target, "audio")
    assert [packet for packet, _ in written] == [packet for packet, _ in (*sound[:20], *sound[23:])]
    assert abs(written[30][1] - sound[33][1]) <= Fraction(1, 1000)
    assert len(read_pictures(target)) == 50
