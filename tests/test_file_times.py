"""Times of files as people have them: clocks that wrap, jump and stray, joined parts, decode times alone, damage."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from clips import ClipRecipe, ramp, read_packets, read_times, write_clip, write_tone
from repainting import repaint
from typer.testing import CliRunner

from realtime.commands.all_commands import app
from realtime.sources.file import FileSource

FRAME = Fraction(1, 25)
BLOCK = Fraction(1024, 48000)
WRAP = Fraction(2**33, 90000)
SUFFIXES = [".mp4", ".mov", ".mkv"]
NEAR = 0.002  # Matroska counts milliseconds
Move = Callable[[str, Fraction], Fraction]


def film(path: Path, seconds: float = 2.0, *, reordered: bool = True, codec: str = "libx264") -> Path:
    """A film of 25 pictures a second with a second of sound, or as long as its pictures where that is less."""
    with av.open(str(path), "w") as output:
        video = output.add_stream(codec, rate=25)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.max_b_frames = 2 if reordered else 0
        video.codec_context.gop_size = 10
        sound = output.add_stream("libmp3lame" if path.suffix == ".avi" else "aac", rate=48000)
        for number in range(round(25 * seconds)):
            picture = ramp(ClipRecipe(), number, number)
            picture.time_base = FRAME
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        write_tone(output, sound)
    return path


def moved(source: Path, target: Path, move: Move) -> Path:
    """The file with each packet at the time that `move` gives for its kind of stream and its time."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        copies = {stream.index: writer.add_stream_from_template(stream) for stream in reader.streams}
        for packet in reader.demux():
            if packet.size and packet.pts is not None and packet.dts is not None:
                kind = packet.stream.type
                by = move(kind, packet.pts * packet.time_base) - packet.pts * packet.time_base
                ticks = round(by / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                packet.stream = copies[packet.stream_index]
                writer.mux(packet)
    return target


def times_of(path: Path) -> tuple[list[float], list[float]]:
    """When each picture is shown, and each packet of sound heard."""
    (sound,) = read_packets(path, "audio")
    return [float(time) for time in read_times(path)], [float(time) for _, time in sound]


def steps(times: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("before", [30, 1])
def test_a_clock_that_wraps_soon_after_the_start_hides_no_picture(tmp_path: Path, suffix: str, before: int) -> None:
    plain = film(tmp_path / "plain.ts")
    source = moved(plain, tmp_path / "in.ts", lambda kind, time: time + WRAP - before)
    told = repaint(source, tmp_path / f"out{suffix}")
    pictures, sound = times_of(tmp_path / f"out{suffix}")
    assert len(pictures) == 50
    assert steps(pictures) == pytest.approx([0.04] * 49, abs=NEAR)
    assert min(pictures[0], sound[0]) == pytest.approx(0, abs=NEAR)
    in_step, heard = times_of(plain)
    assert pictures[0] - sound[0] == pytest.approx(in_step[0] - heard[0], abs=NEAR)
    assert [line.endswith("all times are moved to start at 0") for line in told] == [True]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_avi_which_knows_decode_times_alone_is_even(tmp_path: Path, suffix: str, codec: str) -> None:
    source, target = film(tmp_path / "in.avi", codec=codec), tmp_path / f"out{suffix}"
    assert repaint(source, target) == []
    assert times_of(target)[0] == pytest.approx([number / 25 for number in range(50)], abs=NEAR)


@pytest.mark.parametrize(("name", "codec"), [("in.h264", "libx264"), ("in.m2v", "mpeg2video")])
def test_streams_without_a_container_are_even(tmp_path: Path, name: str, codec: str) -> None:
    source = write_clip(tmp_path / name, codec=codec, size=(320, 240), pts=range(30), time_base=FRAME)
    assert repaint(source, tmp_path / "out.mkv") == []
    assert [float(time) for time in read_times(tmp_path / "out.mkv")] == pytest.approx(
        [number / 25 for number in range(30)], abs=NEAR
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_sound_that_begins_late_in_each_joined_part_stays_late(tmp_path: Path, suffix: str) -> None:
    late = Fraction(28, 100)
    part = moved(
        film(tmp_path / "plain.ts", 1.6), tmp_path / "part.ts", lambda kind, time: time + (kind == "audio") * late
    )
    source = tmp_path / "in.ts"
    source.write_bytes(4 * part.read_bytes())
    told = repaint(source, tmp_path / f"out{suffix}")
    pictures, sound = times_of(tmp_path / f"out{suffix}")
    begun, heard = times_of(part)
    assert steps(pictures) == pytest.approx([0.04] * 159, abs=NEAR)
    for number in range(4):
        here = sound[number * len(heard)] - pictures[number * 40]
        assert here == pytest.approx(heard[0] - begun[0], abs=NEAR)
    assert [("joined of parts" in line, "jumps back 3 times" in line) for line in told] == [(True, True)]


def test_gapless_sound_over_parts_stays_gapless(tmp_path: Path) -> None:
    """As a recorder cuts that begins its clock anew with each file, and goes on with the sound it was at."""
    whole = film(tmp_path / "whole.ts", 0.96)

    def part(number: int, begins: Fraction, ends: Fraction) -> bytes:
        target = tmp_path / f"{number}.ts"
        with av.open(str(whole)) as reader, av.open(str(target), "w") as writer:
            copies = {stream.index: writer.add_stream_from_template(stream) for stream in reader.streams}
            first = Fraction(min(stream.start_time or 0 for stream in reader.streams), 90000)
            for packet in reader.demux():
                time = None if packet.pts is None else packet.pts * packet.time_base - first
                if time is not None and begins <= time < ends and packet.dts is not None and packet.pts is not None:
                    ticks = round(begins / packet.time_base)
                    packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks
                    packet.stream = copies[packet.stream_index]
                    writer.mux(packet)
        return target.read_bytes()

    cuts = [Fraction(0), Fraction(42, 100), Fraction(2)]
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(part(number, *cut) for number, cut in enumerate(pairwise(cuts))))
    repaint(source, tmp_path / "out.mkv")
    _, sound = times_of(tmp_path / "out.mkv")
    assert len(sound) == len(read_packets(whole, "audio")[0])
    assert steps(sound) == pytest.approx([float(BLOCK)] * (len(sound) - 1), abs=NEAR)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_stray_time_moves_that_picture_alone(tmp_path: Path, suffix: str) -> None:
    strays = Fraction(48, 100)
    source = tmp_path / "in.mkv"
    with (
        av.open(str(film(tmp_path / "plain.mkv", reordered=False))) as reader,
        av.open(str(source), "w") as writer,
    ):
        copies = {stream.index: writer.add_stream_from_template(stream) for stream in reader.streams}
        for packet in reader.demux():
            if packet.size and packet.pts is not None:
                if packet.stream.type == "video" and packet.pts * packet.time_base == strays:
                    packet.pts += 1280  # Matroska keeps this one time
                packet.stream = copies[packet.stream_index]
                writer.mux(packet)
    told = repaint(source, tmp_path / f"out{suffix}")
    pictures, sound = times_of(tmp_path / f"out{suffix}")
    assert pictures == pytest.approx([number / 25 for number in range(50)], abs=NEAR)
    assert sound == pytest.approx(times_of(tmp_path / "plain.mkv")[1], abs=NEAR)
    assert [line for line in told if "put in line (1 times)" in line] == told


def joined_with_a_leap(folder: Path, seconds: int) -> Path:
    part = film(folder / "part.ts", 1.0)
    later = moved(part, folder / "later.ts", lambda kind, time: time + 1 + seconds)
    path = folder / "in.ts"
    path.write_bytes(part.read_bytes() + later.read_bytes())
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_hour_s_leap_of_a_broadcast_clock_is_closed_and_told(tmp_path: Path, suffix: str) -> None:
    told = repaint(joined_with_a_leap(tmp_path, 3600), tmp_path / f"out{suffix}")
    pictures, sound = times_of(tmp_path / f"out{suffix}")
    assert steps(pictures) == pytest.approx([0.04] * 49, abs=0.03)
    assert max(steps(sound)) < 0.04
    assert pictures[25] - sound[len(sound) // 2] == pytest.approx(pictures[0] - sound[0], abs=NEAR)
    assert [line for line in told if "leaps ahead by 3600.0 s at 1.0 s" in line] == told


@pytest.mark.parametrize("seconds", [4, 8])
def test_a_gap_of_seconds_is_kept(tmp_path: Path, seconds: int) -> None:
    repaint(joined_with_a_leap(tmp_path, seconds), tmp_path / "out.mkv")
    pictures, sound = times_of(tmp_path / "out.mkv")
    assert pictures[25] - pictures[24] == pytest.approx(seconds + 0.04, abs=NEAR)
    assert max(steps(sound)) == pytest.approx(seconds, abs=0.04)


def zeroed(source: Path, target: Path, numbers: range) -> Path:
    """The file with these of its picture packets overwritten with zeros."""
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as reader:
        packets = [packet for packet in reader.demux(video=0) if packet.size]
        for packet in packets[numbers.start : numbers.stop]:
            assert packet.pos is not None
            data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    target.write_bytes(bytes(data))
    return target


def read_through(source: Path) -> tuple[int, list[str], bool]:
    """How many pictures came, what was told, and whether the end is lost."""
    told: list[str] = []
    reader = FileSource(source, report=told.append)
    count = sum(1 for _ in iter(reader.grab, None))
    reader.close()
    return count, told, reader.broke_off


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts", ".avi"])
def test_a_damaged_middle_is_told_by_its_missing_pictures(tmp_path: Path, suffix: str) -> None:
    source = zeroed(film(tmp_path / f"plain{suffix}"), tmp_path / f"in{suffix}", range(23, 27))
    count, told, broke_off = read_through(source)
    assert 40 <= count < 50
    (line,) = told
    missing = 50 - count
    noun = "1 picture is" if missing == 1 else f"{missing} pictures are"
    assert line.startswith(f"in{suffix} is damaged: {noun} missing")
    assert not broke_off


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_lost_end_is_told(tmp_path: Path, suffix: str) -> None:
    plain = film(tmp_path / f"plain{suffix}", 8.0)
    if suffix == ".mp4":
        with (
            av.open(str(plain)) as reader,
            av.open(str(tmp_path / "fast.mp4"), "w", container_options={"movflags": "faststart"}) as writer,
        ):
            copies = {stream.index: writer.add_stream_from_template(stream) for stream in reader.streams}
            for packet in reader.demux():
                if packet.size:
                    packet.stream = copies[packet.stream_index]
                    writer.mux(packet)
        plain = tmp_path / "fast.mp4"
    source = tmp_path / f"in{suffix}"
    source.write_bytes(plain.read_bytes()[: plain.stat().st_size * 7 // 10])
    count, told, broke_off = read_through(source)
    assert broke_off
    assert 10 < count < 200
    assert told[-1].startswith(f"in{suffix} breaks off at ")


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
def test_a_recording_cut_in_the_middle_of_a_picture_is_whole(tmp_path: Path, suffix: str) -> None:
    """A recorder stops at any byte, and no such file says how long it was to be."""
    plain = write_clip(
        tmp_path / f"plain{suffix}", codec="mpeg2video", size=(320, 240), pts=range(50), time_base=FRAME
    ).read_bytes()
    for cut in range(len(plain) // 2, len(plain), len(plain) // 9):
        source = tmp_path / f"in{suffix}"
        source.write_bytes(plain[:cut])
        _, told, broke_off = read_through(source)
        assert (told, broke_off) == ([], False)


def test_exit_codes(tmp_path: Path, small_style: Path) -> None:
    """0 where the end is whole, 1 where it is lost."""
    bad = zeroed(film(tmp_path / "plain.mkv"), tmp_path / "bad.mkv", range(23, 27))
    cut = tmp_path / "cut.mkv"
    whole = (tmp_path / "plain.mkv").read_bytes()
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    for source, code, words in ((bad, 0, "missing"), (cut, 1, "breaks off")):
        command = ["video", str(source), str(tmp_path / "out.mkv"), "--style", str(small_style)]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == code, done.stderr
        assert words in done.stderr


def test_variable_rates_and_pauses_are_no_damage(tmp_path: Path) -> None:
    uneven = [0, 512, 1024, 6000, 6100, 9000, 20000, 20512, 60000]
    for name, pts in (("uneven.mkv", uneven), ("pause.mp4", [*range(0, 12800, 512), *range(64000, 76800, 512)])):
        source = write_clip(tmp_path / name, pts=pts, sounds=("aac",))
        assert read_through(source) == (len(pts), [], False)
        assert repaint(source, tmp_path / "out.mp4") == []
