"""NV12 to RGB and back: the specification against swscale; test_instance_norm.py has the Triton kernels against it.

With linear interpolation and exact rounding swscale agrees to one level, but for two habits of its own: where chroma
lies to the left it averages four rows and ours two, so real pictures may differ by a few levels at coloured edges; and
to full range it rounds chroma down, which makes half a level in the mean.
"""

from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.filter import Graph
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="the kernels need torch")

from engines.kernels import nv12  # noqa: E402
from engines.kernels.compilers import Compilers  # noqa: E402
from engines.kernels.nv12 import nv12_to_rgb, rgb_to_nv12  # noqa: E402
from engines.kernels.nv12_colour import BT601, BT709, Nv12Colour  # noqa: E402

Bytes = NDArray[np.uint8]
Planes = tuple[Bytes, Bytes]

COLOURS = [Nv12Colour(*choice) for choice in product((BT601, BT709), (False, True), (False, True))]
CLIPS = ("webcam_asl_concat_480p.mp4", "car_detection.mp4")
EXACT = "accurate_rnd+full_chroma_int+full_chroma_inp"


def colour_name(colour: Nv12Colour) -> str:
    matrix = "bt601" if colour.weights == BT601 else "bt709"
    return f"{matrix}-{'full' if colour.full else 'limited'}-{'left' if colour.left else 'centre'}"


every_colour = pytest.mark.parametrize("colour", COLOURS, ids=colour_name)


def scale_options(colour: Nv12Colour, side: str) -> dict[str, str]:
    """What swscale is to take NV12 for, at its input ("in") or its output ("out")."""
    matrix, range_, place = colour_name(colour).split("-")
    place = "left" if place == "left" else "center"
    return {f"{side}_color_matrix": matrix, f"{side}_range": range_, f"{side}_chroma_loc": place}


def through_swscale(frame: av.VideoFrame, pixel_format: str, **options: str) -> av.VideoFrame:
    graph = Graph()
    size = f"{frame.width}x{frame.height}"
    tags = {"colorspace": str(frame.colorspace), "range": str(frame.color_range)}
    steps = [
        graph.add("buffer", video_size=size, pix_fmt=frame.format.name, time_base="1/25", **tags),
        graph.add("scale", **options),
        graph.add("format", pix_fmts=pixel_format),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*steps).configure()
    graph.vpush(frame)
    return graph.vpull()


def swscale_to_rgb(luma: Bytes, chroma: Bytes, colour: Nv12Colour) -> Bytes:
    frame = av.VideoFrame(luma.shape[1], luma.shape[0], "nv12")
    for plane, data in zip(frame.planes, (luma, chroma.reshape(len(chroma), -1)), strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
        rows[:, : data.shape[1]] = data
    frame.colorspace, frame.color_range = (5 if colour.weights == BT601 else 1), (2 if colour.full else 1)
    rgb = through_swscale(frame, "rgb24", flags=f"bilinear+{EXACT}", out_range="full", **scale_options(colour, "in"))
    return np.asarray(rgb.to_ndarray(), np.uint8)


def swscale_to_nv12(rgb: Bytes, colour: Nv12Colour) -> Planes:
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
    frame.colorspace, frame.color_range = 0, 2
    method = "bilinear" if colour.left else "area"
    return planes(through_swscale(frame, "nv12", flags=f"{method}+{EXACT}", **scale_options(colour, "out")))


def planes(frame: av.VideoFrame) -> Planes:
    height, width = frame.height, frame.width
    rows: list[Any] = [
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size).copy()  # type: ignore[call-overload]
        for plane in frame.planes
    ]
    return rows[0][:, :width], rows[1][:, : width + width % 2].reshape((height + 1) // 2, -1, 2)


def random_planes(height: int, width: int) -> Planes:
    """Of limited range: of what lies far beyond, swscale makes black where it should be white."""
    random = np.random.default_rng(7)
    luma = random.integers(16, 236, (height, width), np.uint8)
    return luma, random.integers(16, 241, ((height + 1) // 2, (width + 1) // 2, 2), np.uint8)


def first_frame(path: Path) -> av.VideoFrame:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def differences(ours: Any, wanted: Bytes) -> tuple[int, float]:
    """The largest and the mean, in levels."""
    apart = np.abs(ours.numpy().astype(int) - wanted)
    return int(apart.max()), float(apart.mean())


def to_rgb(luma: Bytes, chroma: Bytes, colour: Nv12Colour) -> Any:
    return nv12_to_rgb(torch.from_numpy(luma), torch.from_numpy(chroma), colour)


@every_colour
def test_random_planes_become_the_rgb_of_swscale(colour: Nv12Colour) -> None:
    luma, chroma = random_planes(48, 66)
    most, mean = differences(to_rgb(luma, chroma, colour), swscale_to_rgb(luma, chroma, colour))
    assert most <= 1
    assert mean < 0.02


@pytest.mark.parametrize("clip", CLIPS)
@every_colour
def test_real_pictures_become_the_rgb_of_swscale(shared_data: Path, clip: str, colour: Nv12Colour) -> None:
    """The planes of a decoder, read as each of the matrices and ranges."""
    luma, chroma = planes(first_frame(shared_data / "video" / clip).reformat(format="nv12"))
    most, mean = differences(to_rgb(luma, chroma, colour), swscale_to_rgb(luma, chroma, colour))
    assert most <= 1
    assert mean < 0.02


@pytest.mark.parametrize("size", [(47, 65), (48, 65), (47, 66)], ids=str)
@every_colour
def test_an_odd_size_is_a_part_of_the_even_one(size: tuple[int, int], colour: Nv12Colour) -> None:
    """swscale would stretch the chroma of odd sizes over the picture; cameras and encoders mean a crop."""
    luma, chroma = random_planes(48, 66)
    height, width = size
    part = to_rgb(luma[:height, :width], chroma, colour)
    assert torch.equal(part, to_rgb(luma, chroma, colour)[:height, :width])


@every_colour
def test_rgb_becomes_the_planes_of_swscale(colour: Nv12Colour) -> None:
    """Left of its pixels chroma is compared on rows that are all the same, see above."""
    rows = 1 if colour.left else 48
    rgb = np.random.default_rng(8).integers(0, 256, (rows, 66, 3), np.uint8).repeat(48 // rows, axis=0)
    ours = rgb_to_nv12(torch.from_numpy(rgb), colour)
    for mine, theirs in zip(ours, swscale_to_nv12(rgb, colour), strict=True):
        most, mean = differences(mine, theirs)
        assert most <= 1
        assert mean < (0.6 if colour.full else 0.05)


@pytest.mark.parametrize("clip", CLIPS)
@every_colour
def test_real_pictures_become_the_planes_of_swscale(shared_data: Path, clip: str, colour: Nv12Colour) -> None:
    rgb = np.asarray(first_frame(shared_data / "video" / clip).to_ndarray(format="rgb24"), np.uint8)
    luma, chroma = rgb_to_nv12(torch.from_numpy(rgb), colour)
    their_luma, their_chroma = swscale_to_nv12(rgb, colour)
    assert differences(luma, their_luma)[0] <= 1
    most, mean = differences(chroma, their_chroma)
    assert most <= (8 if colour.left else 1)
    assert mean < (0.6 if colour.full else 0.1)


@every_colour
def test_flat_colours_come_back(colour: Nv12Colour) -> None:
    for shade in ((0, 0, 0), (255, 255, 255), (200, 30, 90), (13, 240, 77)):
        rgb = torch.tensor(shade, dtype=torch.uint8).expand(6, 8, 3)
        back = nv12_to_rgb(*rgb_to_nv12(rgb, colour), colour)
        assert (back.int() - rgb.int()).abs().max() <= 2


def test_an_odd_picture_is_made_even_by_repeating_its_edge() -> None:
    rgb = torch.arange(5 * 7 * 3, dtype=torch.uint8).reshape(5, 7, 3)
    luma, chroma = rgb_to_nv12(rgb, Nv12Colour())
    assert luma.shape == (6, 8)
    assert chroma.shape == (3, 4, 2)
    assert torch.equal(luma[5], luma[4])
    assert torch.equal(luma[:, 7], luma[:, 6])
    assert rgb_to_nv12(rgb, Nv12Colour(), even=False)[0].shape == (5, 7)


def test_the_planes_lie_in_one_block_as_hardware_encoders_want_them() -> None:
    luma, chroma = rgb_to_nv12(torch.zeros((10, 30, 3), dtype=torch.uint8), Nv12Colour())
    pitch = luma.stride(0)
    assert pitch % 256 == 0
    assert chroma.stride() == (pitch, 2, 1)
    assert chroma.data_ptr() == luma.data_ptr() + 10 * pitch


@pytest.mark.parametrize("shapes", [((4, 6), (2, 2, 2)), ((4, 6), (2, 3, 1)), ((4, 6, 1), (2, 3, 2))], ids=str)
def test_planes_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    luma, chroma = (torch.zeros(shape, dtype=torch.uint8) for shape in shapes)
    with pytest.raises(ValueError, match=r"NV12 is|does not belong"):
        nv12_to_rgb(luma, chroma, Nv12Colour())


def test_a_picture_that_is_not_rgb_in_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"float32 \(4, 6, 3\) on cpu; uint8 \[H, W, 3\] is wanted"):
        rgb_to_nv12(torch.zeros((4, 6, 3)), Nv12Colour())


def test_kernels_are_used_only_where_triton_can_compile_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton comes with torch, and the C compiler that it needs does not."""
    for missing in ("", "there is no C compiler for Triton; install gcc"):
        monkeypatch.setattr(nv12, "find_compilers", lambda missing=missing: Compilers(missing=missing))
        assert nv12.has_kernels.__wrapped__() == (not missing)
