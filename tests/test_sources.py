"""Every source of frames from files: what all of them promise, and what each does with the unusual."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from clips import TICK, ClipRecipe, write_clip, write_tone

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, Source, SplitSource
from realtime.media.colour.rgb import ColourTags
from realtime.media.picture_file import Picture, encode_picture
from realtime.sources.file import FileSource
from realtime.sources.gpu_decoder import open_decoder
from realtime.sources.pictures import PictureSource, find_pictures, names_pictures

FRAMES = 10


def open_clip(folder: Path) -> Source:
    return FileSource(write_clip(folder / "clip.mp4"))


def open_pictures(folder: Path) -> Source:
    write_pictures(folder, FRAMES)
    return PictureSource(find_pictures(str(folder)), Fraction(25))


def write_pictures(folder: Path, count: int, suffix: str = ".png") -> None:
    for number in range(count):
        cv2.imwrite(str(folder / f"shot_{number}{suffix}"), np.full((48, 64, 3), 20 * number, np.uint8))


def read_all(source: Source) -> list[Frame]:
    frames = list(iter(source.read, None))
    source.close()
    return frames


@pytest.mark.parametrize("opened", [open_clip, open_pictures])
class TestEverySource:
    """What the loop relies on."""

    def test_frames_have_the_promised_size_and_rising_times(
        self, opened: Callable[[Path], Source], tmp_path: Path
    ) -> None:
        source = opened(tmp_path)
        frames = read_all(source)
        assert len(frames) == FRAMES
        assert {frame.size for frame in frames} == {source.size} == {(64, 48)}
        seconds = [frame.pts_seconds for frame in frames]
        assert seconds == sorted(set(seconds))
        for frame in frames:
            assert frame.pts is not None
            assert frame.time_base is not None
            assert float(frame.pts * frame.time_base) == pytest.approx(frame.pts_seconds)

    def test_it_is_not_live_and_knows_its_rate(self, opened: Callable[[Path], Source], tmp_path: Path) -> None:
        source = opened(tmp_path)
        assert not source.live
        assert source.frame_rate == 25
        source.close()

    def test_after_the_end_comes_none_again(self, opened: Callable[[Path], Source], tmp_path: Path) -> None:
        source = opened(tmp_path)
        assert len(list(iter(source.read, None))) == FRAMES
        assert source.read() is None
        source.close()
        source.close()

    def test_the_two_parts_are_the_whole(self, opened: Callable[[Path], Source], tmp_path: Path) -> None:
        whole, parts = opened(tmp_path), opened(tmp_path)
        assert isinstance(parts, SplitSource)
        grabbed = list(iter(parts.grab, None))
        retrieved = [parts.retrieve(item) for item in reversed(grabbed)][::-1]
        for one, other in zip(read_all(whole), retrieved, strict=True):
            assert one.pts == other.pts
            assert (one.data == other.data).all()


@pytest.mark.parametrize("pts", [[0], [1600, 2400, 3200, 19200], [7, 8, 10], list(range(0, 12800, 427))])
def test_times_are_exact(tmp_path: Path, pts: list[int]) -> None:
    frames = read_all(FileSource(write_clip(tmp_path / "clip.mp4", pts=pts)))
    assert [frame.pts * frame.time_base for frame in frames if frame.pts is not None and frame.time_base] == [
        tick * TICK for tick in pts
    ]


def test_a_stream_without_times_gets_even_ones(tmp_path: Path) -> None:
    path = tmp_path / "clip.h264"
    with av.open(str(path), "w", format="h264") as output:
        stream = output.add_stream("libx264", rate=25, options={"bf": "0"})
        stream.width, stream.height = 64, 48
        for index in range(5):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    seconds = [frame.pts_seconds for frame in read_all(FileSource(path))]
    assert np.diff(seconds) == pytest.approx([0.04] * 4)


SLOWING_DOWN = [*range(0, 20 * 512, 512), *range(20 * 512, 71 * 512, 5120)]


@pytest.mark.parametrize(("name", "told"), [("doubled.mkv", "put in line"), ("joined.ts", "clock jumps back")])
def test_odd_times_are_told_and_are_no_break(tmp_path: Path, name: str, told: str) -> None:
    """Of a variable frame rate, whose number of frames is guessed too high."""
    path = write_clip(tmp_path / name, pts=[0, 1, *SLOWING_DOWN[1:]])
    if name == "joined.ts":
        path.write_bytes(2 * path.read_bytes())
    lines: list[str] = []
    source = FileSource(path, report=lines.append)
    times = [frame.pts_seconds for frame in read_all(source)]
    assert source.clip.frames is not None
    assert len(times) < source.clip.frames
    assert times == sorted(set(times))
    assert any(told in line for line in lines)
    assert not source.broke_off
    assert not any("breaks off" in line for line in lines)


@pytest.mark.parametrize(("height", "size"), [(24, (32, 24)), (96, (128, 96)), (25, (32, 24)), (None, (64, 48))])
def test_height_keeps_the_aspect_and_makes_sizes_even(tmp_path: Path, height: int, size: tuple[int, int]) -> None:
    source = FileSource(write_clip(tmp_path / "clip.mp4"), height=height)
    assert source.size == size
    assert {frame.size for frame in read_all(source)} == {size}


def test_height_is_meant_as_it_is_seen(tmp_path: Path) -> None:
    source = FileSource(write_clip(tmp_path / "clip.mp4", rotation=90), height=128)
    assert source.size == (96, 128)
    source.close()


def test_the_clip_holds_what_the_file_says(tmp_path: Path) -> None:
    tags = ColourTags(1, 1, 1, 1)
    path = write_clip(tmp_path / "clip.mp4", tags=tags, pixel_aspect=Fraction(4, 3), rotation=90)
    source = FileSource(path)
    clip = source.clip
    assert (clip.tags, clip.pixel_aspect, clip.frames, clip.path) == (tags, Fraction(3, 4), 10, path)
    assert clip.size == (48, 64)
    source.close()


def test_ten_bits_alpha_and_interlaced_are_told(tmp_path: Path) -> None:
    cases = {
        "10-bit": ClipRecipe(pixel_format="yuv420p10le"),
        "transparency": ClipRecipe(codec="qtrle", pixel_format="argb"),
    }
    for word, recipe in cases.items():
        told: list[str] = []
        frames = read_all(FileSource(write_clip(tmp_path / "clip.mov", recipe), report=told.append))
        assert len(frames) == 10
        assert [line for line in told if word in line]


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_tone_mapped_and_told(tmp_path: Path, transfer: int) -> None:
    told: list[str] = []
    recipe = ClipRecipe(
        codec="libx265", pixel_format="yuv420p10le", tags=ColourTags(9, 1, 9, transfer), pts=range(0, 1536, 512)
    )
    source = FileSource(write_clip(tmp_path / "hdr.mkv", recipe), report=told.append)
    assert source.clip.tags == ColourTags(1, 1, 1, 1)
    frames = read_all(source)
    assert len(frames) == 3
    assert [line for line in told if line.startswith("HDR: tone-mapped")]
    assert np.ptp(frames[0].data.astype(int), axis=2).max() <= 3


def test_a_broadcast_clock_is_moved_back_to_zero(tmp_path: Path) -> None:
    told: list[str] = []
    hour = 90000 * 3600
    path = write_clip(tmp_path / "late.ts", pts=range(hour, hour + 36000, 3600), time_base=Fraction(1, 90000))
    frames = read_all(FileSource(path, report=told.append))
    seconds = [frame.pts_seconds for frame in frames]
    assert np.diff(seconds) == pytest.approx([0.04] * 9)
    assert 0 <= seconds[0] < 0.1
    assert [line for line in told if line.startswith("the clock starts at 3600")]


def test_a_damaged_middle_is_passed_over(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.ts", codec="mpeg2video", size=(320, 240), pts=range(100), time_base=Fraction(1, 25)
    )
    data = bytearray(path.read_bytes())
    third = len(data) // 3
    data[third : 2 * third] = bytes(third)
    path.write_bytes(bytes(data))
    frames = read_all(FileSource(path))
    assert 20 < len(frames) <= 100
    assert {frame.size for frame in frames} == {(320, 240)}


def test_a_size_that_changes_on_the_way_is_scaled_to_the_first(tmp_path: Path) -> None:
    parts = [write_clip(tmp_path / f"{size[0]}.h264", size=size) for size in ((64, 48), (96, 80))]
    path = tmp_path / "both.h264"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames = read_all(FileSource(path))
    assert len(frames) == 20
    assert {frame.size for frame in frames} == {(64, 48)}


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nothing\.mp4"):
        FileSource(tmp_path / "nothing.mp4")


def test_a_text_called_mp4(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("dear diary\n" * 200)
    with pytest.raises(ImpastoError, match=r"notes\.mp4 is not a video that FFmpeg can read"):
        FileSource(path)


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    with pytest.raises(ImpastoError, match="is not a video"):
        FileSource(path)


def test_sound_alone(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        sound.sample_rate = 8000
        stream.layout = "mono"
        output.mux(stream.encode(sound))
    with pytest.raises(ImpastoError, match=r"has no film to paint: it holds sound$"):
        FileSource(path)


def test_a_cover_is_no_film(tmp_path: Path) -> None:
    """As a podcast has it: FFmpeg counts the cover among the video streams."""
    cover = encode_picture(Picture(np.zeros((48, 64, 3), np.uint8)), ".png")
    with av.open(str(tmp_path / "cast.m4a"), "w", format="mp4") as output:
        sound = output.add_stream("aac", rate=48000)
        picture = output.add_mux_stream("png", width=64, height=48, time_base=Fraction(1, 90000))
        picture.disposition = Disposition.attached_pic
        write_tone(output, sound)
        packet = av.Packet(cover)
        packet.stream, packet.time_base, packet.pts, packet.dts = picture, Fraction(1, 90000), 0, 0
        output.mux(packet)
    held = "it holds a cover picture and sound; save the cover and paint it with `impasto image`"
    with pytest.raises(ImpastoError, match=rf"cast\.m4a has no film to paint: {held}$"):
        FileSource(tmp_path / "cast.m4a")


def test_numbers_in_names_count_as_numbers(tmp_path: Path) -> None:
    write_pictures(tmp_path, 12)
    for text in (str(tmp_path), str(tmp_path / "*.png"), str(tmp_path / "shot_%d.png")):
        assert [path.name for path in find_pictures(text)] == [f"shot_{number}.png" for number in range(12)]


def test_signs_that_look_like_digits_are_letters_in_a_name(tmp_path: Path) -> None:
    """Superscripts and circled numbers have no decimal value; digits of other scripts have one."""
    names = ["1²3.png", "10²5.png", "x²2.png", "x²10.png", "x③.png", "x٣.png", "x٢٠.png"]
    for name in names:
        (tmp_path / name).touch()
    found = [path.name for path in find_pictures(str(tmp_path))]
    assert found == ["1²3.png", "10²5.png", "x٣.png", "x٢٠.png", "x²2.png", "x²10.png", "x③.png"]


def test_no_pictures(tmp_path: Path) -> None:
    for text in (str(tmp_path), str(tmp_path / "*.png"), str(tmp_path / "%03d.png"), str(tmp_path / "no" / "%03d.png")):
        with pytest.raises(ImpastoError, match="there are no pictures in"):
            find_pictures(text)


def test_what_names_pictures(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    yes = (tmp_path, tmp_path / "shot_0.png", tmp_path / "*.png", tmp_path / "shot_%04d.png")
    assert all(names_pictures(str(path)) for path in yes)
    assert not names_pictures(str(tmp_path / "clip.mp4"))


def test_pictures_of_other_shapes_are_fitted_in_and_told_once(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    for number in (2, 3):
        cv2.imwrite(str(tmp_path / f"shot_{number}.png"), np.full((10, 10 * number, 3), 200, np.uint8))
    told: list[str] = []
    frames = read_all(PictureSource(find_pictures(str(tmp_path)), Fraction(25), report=told.append))
    assert {frame.size for frame in frames} == {(64, 48)}
    assert told == [
        "shot_2.png is 20x10: all are fitted into 64x48 as the first is, with black bars where their shape is another"
    ]
    for frame, lines in zip(frames[2:], (32, 21), strict=True):
        assert sorted(set(frame.data[:, 30, 0].tolist())) == [0, 200]
        assert (frame.data[:, 30, 0] == 200).sum() == lines
        assert (frame.data[24] == 200).all()


class DecoderOfItsOwn:
    """As the GPU's is made, beside the container's, on the processor; `refuses` as drivers do, picture by picture."""

    refuses = False

    def __init__(self, stream: av.VideoStream, report: Callable[[str], None]) -> None:
        self._context = open_decoder(stream.codec_context.codec.canonical_name, stream, None)

    def decode(self, packet: "av.Packet[Any] | None") -> list[av.VideoFrame]:
        if self.refuses:
            raise av.InvalidDataError(1, "refused")
        return self._context.decode(packet)


@pytest.mark.parametrize("refuses", [False, True])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi"])
def test_another_decoder_begins_at_the_first_packet_though_a_file_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, refuses: bool
) -> None:
    monkeypatch.setattr("realtime.sources.file.GpuDecoder", DecoderOfItsOwn)
    monkeypatch.setattr(DecoderOfItsOwn, "refuses", refuses)
    path = write_clip(tmp_path / name, pts=range(0, 60 * 512, 512), time_base=Fraction(1, 12800))
    source, expected = FileSource(path), read_all(FileSource(path))
    if refuses:
        with pytest.raises(ImpastoError, match="does not take it"):
            source.decode_on_gpu()
    else:
        source.decode_on_gpu()
    assert source.decodes_on_gpu is not refuses
    for one, other in zip(read_all(source), expected, strict=True):
        assert one.pts == other.pts
        assert (one.data == other.data).all()
    assert not source.broke_off
