"""Frames that stay in a GPU's memory: the path from decoder to encoder, with FFmpeg's and torch's CPU in its place.

What a GPU alone can show (CUDA's own decoder, and NVENC over torch's memory) is at the end, and skipped without one.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.codec.hwaccel import hwdevices_available
from clips import psnr_db, read_pictures, read_rgb, write_clip
from tensor_engine import stylizer

torch = pytest.importorskip("torch", reason="frames on a GPU are torch's")

from engines.errors import ImpastoError  # noqa: E402
from realtime.frames.frame import Frame, Pixels  # noqa: E402
from realtime.media.clip import Clip  # noqa: E402
from realtime.media.colour.device import DeviceFromRgb, DeviceToRgb, brought_home, is_for_device  # noqa: E402
from realtime.media.colour.rgb import ColourTags, FromRgb, ToRgb  # noqa: E402
from realtime.media.encoding import choose_encoding  # noqa: E402
from realtime.media.hardware_video import DECODED, why_not_decode, why_not_encode  # noqa: E402
from realtime.sinks.file import FileSink  # noqa: E402
from realtime.sinks.null import NullSink  # noqa: E402
from realtime.sinks.pictures import PictureSink  # noqa: E402
from realtime.sources.file import FileSource  # noqa: E402
from realtime.sources.gpu_decoder import open_decoder  # noqa: E402

BT709_FULL = ColourTags(1, 2, 1, 1)
BT601_LIMITED = ColourTags(6, 1, 6, 6)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "in.mp4")


@pytest.fixture
def source(clip: Path) -> Iterator[FileSource]:
    opened = FileSource(clip)
    yield opened
    opened.close()


def smooth_picture(width: int, height: int) -> Pixels:
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return (np.stack([x, y, (x + y) / 2], -1) * 235 + 10).astype(np.uint8)


def tensor_frame(pixels: Pixels) -> Frame:
    return Frame(torch.from_numpy(pixels), 0.0, 0.0)


def plane_rows(picture: av.VideoFrame) -> list[Any]:
    """The planes without what fills up their rows."""
    whole: list[Any] = [np.frombuffer(plane, np.uint8) for plane in picture.planes]  # type: ignore[call-overload]
    pairs = zip(whole, picture.planes, strict=True)
    return [rows.reshape(plane.height, -1)[:, : plane.width].astype(int) for rows, plane in pairs]


def as_nv12(pixels: Pixels, tags: ColourTags) -> av.VideoFrame:
    height, width = pixels.shape[:2]
    return DeviceFromRgb(tags, (width, height), even=True, stays=True)(torch.from_numpy(pixels))


@pytest.mark.parametrize("tags", [BT709_FULL, BT601_LIMITED], ids=["bt709-full", "bt601-limited"])
def test_nv12_becomes_the_rgb_of_the_cpu_s_path(tags: ColourTags) -> None:
    size = (256, 192)
    pixels = smooth_picture(*size)
    picture = as_nv12(pixels, tags)
    assert picture.format.name == "nv12"
    assert ColourTags.of(picture) == tags
    ours: Any = DeviceToRgb(tags, size, size)(picture)
    assert np.abs(ours.numpy().astype(int) - ToRgb(tags, size, size)(picture)).max() <= 3
    assert np.abs(ours.numpy().astype(int) - pixels).max() <= 3


def test_the_picture_is_scaled_where_another_height_was_asked_for() -> None:
    pixels = smooth_picture(64, 48)
    picture = as_nv12(pixels, BT601_LIMITED)
    ours: Any = DeviceToRgb(BT601_LIMITED, (64, 48), (32, 24))(picture)
    wanted = ToRgb(BT601_LIMITED, (64, 48), (32, 24))(picture)
    assert ours.shape == (24, 32, 3)
    assert ours.is_contiguous()
    assert np.abs(ours.numpy().astype(int) - wanted).mean() < 2


@pytest.mark.parametrize("even", [True, False])
def test_what_leaves_the_gpu_is_what_the_cpu_s_path_would_encode(even: bool) -> None:
    size = (255, 191)
    pixels = smooth_picture(*size)
    ours = DeviceFromRgb(BT709_FULL, size, even=even, stays=False)(torch.from_numpy(pixels))
    wanted = FromRgb(BT709_FULL, size, even=even)(pixels)
    assert (ours.width, ours.height, ours.format.name) == (wanted.width, wanted.height, "yuv420p")
    assert ColourTags.of(ours) == BT709_FULL
    for mine, theirs in zip(plane_rows(ours), plane_rows(wanted), strict=True):
        assert np.abs(mine - theirs).max() <= 2


def test_other_pictures_are_left_to_the_processor() -> None:
    def fits(picture: av.VideoFrame, tags: ColourTags = BT601_LIMITED) -> bool:
        return is_for_device(picture, tags)

    assert fits(av.VideoFrame(64, 48, "nv12"))
    assert not fits(av.VideoFrame(64, 48, "p010le"))
    assert not fits(av.VideoFrame(63, 48, "nv12"))
    assert not fits(av.VideoFrame(64, 48, "nv12"), ColourTags(9, 1, 9, 16))
    assert not fits(av.VideoFrame(64, 48, "nv12"), ColourTags(9, 1, 9, 1))


def test_matrices_that_the_kernels_do_not_know_are_told() -> None:
    with pytest.raises(ImpastoError, match="colour matrix 9 is not converted on the GPU"):
        DeviceToRgb(ColourTags(9, 1), (64, 48), (64, 48))


def test_a_frame_may_carry_a_tensor_and_nothing_else_but_an_array() -> None:
    frame = tensor_frame(smooth_picture(64, 48))
    assert frame.on_device
    assert frame.size == (64, 48)
    with pytest.raises((ValueError, AttributeError)):
        Frame([[0, 0, 0]], 0.0, 0.0)  # type: ignore[arg-type]


def test_an_engine_paints_a_tensor_where_it_lies() -> None:
    pixels = smooth_picture(64, 48)
    painter, frame = stylizer(), tensor_frame(pixels)
    painted: Any = painter.paint(frame, painter.small(frame)).pixels
    assert np.array_equal(painted.numpy(), 255 - pixels)


def test_a_file_takes_tensors_and_arrays_alike(tmp_path: Path) -> None:
    pixels = smooth_picture(63, 47)
    paths = tmp_path / "tensor.mp4", tmp_path / "array.mp4"
    for path, frame in zip(paths, (tensor_frame(pixels), Frame(pixels, 0.0, 0.0)), strict=True):
        sink = FileSink(path, Clip((63, 47), Fraction(1, 25), Fraction(25)), encoding=choose_encoding(path, crf=4))
        sink.write(frame)
        sink.close()
    assert psnr_db(*map(read_rgb, paths)) > 45


def test_which_sinks_take_tensors(tmp_path: Path) -> None:
    for name, takes in (("out.mp4", True), ("out.webp", False)):
        sink = FileSink(tmp_path / name, Clip((64, 48), Fraction(1, 25), Fraction(25)))
        assert sink.takes_device_frames == sink.takes_planes == takes
        sink.abort()
    assert NullSink().takes_device_frames
    assert not NullSink(print).takes_device_frames
    assert not hasattr(PictureSink, "takes_device_frames")


@pytest.mark.parametrize("name", ["bbb_720p_5s_audio.mp4", "drive_540p_9s_audio.mp4", "odd/vp9_no_audio.webm"])
def test_a_decoder_beside_the_container_s_gives_the_same_pictures(shared_data: Path, name: str) -> None:
    """As `GpuDecoder` opens it, here without the GPU."""
    path = shared_data / "video" / name
    with av.open(str(path)) as ours, av.open(str(path)) as theirs:
        stream = ours.streams.video[0]
        decoder = open_decoder(stream.codec_context.codec.canonical_name, stream, None)
        mine = (picture for packet in ours.demux(stream) for picture in decoder.decode(packet))
        for one, other in zip(islice(mine, 24), theirs.decode(video=0), strict=False):
            assert (one.pts, one.time_base, one.duration) == (other.pts, other.time_base, other.duration)
            assert np.array_equal(one.to_ndarray(), other.to_ndarray())


@pytest.mark.parametrize("codec", DECODED)
def test_the_decoder_of_that_very_name_is_the_one_that_knows_cuda(codec: str) -> None:
    """For AV1 FFmpeg would choose dav1d, which knows no hardware."""
    if "cuda" not in hwdevices_available():
        pytest.skip("this FFmpeg was built without CUDA")
    assert "cuda" in [config.device_type.name for config in av.Codec(codec, "r").hardware_configs]


def needs_gpu() -> None:
    if reason := why_not_decode("h264"):
        pytest.skip(f"needs a GPU that decodes H.264: {reason}")


def test_the_gpu_s_pictures_are_those_of_software(clip: Path, source: FileSource) -> None:
    needs_gpu()
    source.decode_on_gpu()
    at_home = source.read()
    source.keep_on_device()
    kept = source.read()
    assert at_home is not None
    assert kept is not None
    assert not at_home.on_device
    assert kept.on_device
    assert psnr_db(at_home.data, read_rgb(clip, 0)) > 40
    tensor: Any = kept.data
    assert psnr_db(tensor.cpu().numpy(), read_rgb(clip, 1)) > 35


def test_nvenc_takes_a_picture_over_torch_s_memory(tmp_path: Path) -> None:
    if reason := why_not_encode("h264_nvenc"):
        pytest.skip(f"needs NVENC: {reason}")
    path = tmp_path / "out.mp4"
    pixels = smooth_picture(640, 368)
    sink = FileSink(path, Clip((640, 368), Fraction(1, 25), Fraction(25)), encoding=choose_encoding(path, "h264_nvenc"))
    sink.write(Frame(torch.from_numpy(pixels).cuda(), 0.0, 0.0))
    sink.close()
    assert len(read_pictures(path)) == 1
    assert psnr_db(read_rgb(path), pixels) > 35


def test_what_lies_in_main_memory_is_left_there() -> None:
    picture = av.VideoFrame(64, 48, "nv12")
    assert brought_home(picture) is picture
