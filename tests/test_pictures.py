"""Pictures: every kind is read upright in 8-bit RGB, and painted with what a picture file keeps."""

import dataclasses
import os
import struct
import threading
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engines.errors import ImpastoError
from realtime.files.image import stylize_images
from realtime.files.options import ImageOptions
from realtime.files.picture_plan import plan_pictures
from realtime.frames.frame import Pixels
from realtime.media.colour.paper import filled
from realtime.media.exif import exif_orientation, turn_upright
from realtime.media.picture_file import (
    Picture,
    encode_picture,
    lost_in,
    read_picture,
    write_whole,
)
from realtime.media.png_chunks import PNG_SIGNATURE
from realtime.media.tiff_tags import TiffFacts, tiff_facts


@pytest.fixture
def options(small_style: Path) -> ImageOptions:
    return ImageOptions(style=str(small_style), engine="openvino")


def corners() -> Pixels:
    """Red, green, blue and white quarters, wider than high."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24], pixels[:16, 24:], pixels[16:, :24], pixels[16:, 24:] = (
        (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255),
    )  # fmt: skip
    return pixels


def exif_block(orientation: int, order: str = "<") -> bytes:
    head = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return head + struct.pack(order + "IH", 8, 1) + entry + bytes(4)


def jpeg_with_exif(path: Path, pixels: Pixels, block: bytes) -> Path:
    jpeg = encode_picture(Picture(pixels), ".jpg")
    payload = b"Exif\0\0" + block
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:])
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_as_opencv_turns_it(tmp_path: Path, orientation: int, order: str) -> None:
    path = jpeg_with_exif(tmp_path / "turned.jpg", corners(), exif_block(orientation, order))
    expected = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    assert expected is not None
    assert (read_picture(path).rgb == expected).all()


def test_upright_by_hand() -> None:
    pixels = np.arange(6).reshape(2, 3)
    assert turn_upright(pixels, 6).tolist() == [[3, 0], [4, 1], [5, 2]]
    assert turn_upright(pixels, 3).tolist() == [[5, 4, 3], [2, 1, 0]]


@pytest.mark.parametrize("block", [b"", b"II*\0", exif_block(9), b"II*\0" + struct.pack("<I", 9999), b"junk" * 9])
def test_damaged_exif_tells_nothing(block: bytes) -> None:
    assert exif_orientation(block) == 1


def test_an_exif_block_that_is_cut_behind_the_orientation_tells_it() -> None:
    """As a phone's does whose last entries were lost."""
    whole = exif_block(6)
    several = whole[:8] + struct.pack("<H", 12) + whole[10:22]
    assert exif_orientation(several) == 6


def test_sixteen_bits_gray_alpha_and_palette(tmp_path: Path) -> None:
    wide = corners().astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), wide[..., ::-1])
    deep = read_picture(tmp_path / "deep.png")
    assert (deep.rgb == corners()).all()
    assert "16-bit" in deep.notes[0]

    cv2.imwrite(str(tmp_path / "gray.png"), np.full((20, 30), 77, np.uint8))
    assert (read_picture(tmp_path / "gray.png").rgb == 77).all()

    alpha = np.tile(np.arange(48, dtype=np.uint8), (32, 1))
    write_whole(tmp_path / "clear.png", encode_picture(Picture(corners(), alpha), ".png"))
    clear = read_picture(tmp_path / "clear.png")
    assert clear.alpha is not None
    assert (clear.alpha == alpha).all()
    assert (clear.rgb == corners())[alpha > 0].all()

    from PIL import Image

    Image.fromarray(corners()).quantize(4).save(tmp_path / "palette.png")
    assert np.abs(read_picture(tmp_path / "palette.png").rgb.astype(int) - corners()).max() <= 3
    Image.fromarray(np.full((20, 30, 2), 90, np.uint8), "LA").save(tmp_path / "la.png")
    both = read_picture(tmp_path / "la.png")
    assert (both.rgb == 90).all()
    assert both.alpha is not None


def png_of_greys(depth: int, samples: bytes, clear: bytes) -> bytes:
    """One row of as many pixels as fit into the samples; `clear` is what tRNS holds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8 * len(samples) // depth, 1, depth, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" + samples))
    return PNG_SIGNATURE + head + chunk(b"tRNS", clear) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("depth", "samples", "clear", "alpha"),
    [
        (1, b"\xa0", 1, [0, 255, 0, 255, 255, 255, 255, 255]),
        (2, b"\x1b", 2, [255, 255, 0, 255]),
        (4, b"\x5a", 5, [0, 255]),
        (8, b"\x10\x20\x30", 0x20, [255, 0, 255]),
        (16, b"\x10\x20\x10\x21", 0x1020, [0, 255]),
    ],
)
def test_the_clear_grey_of_a_png_is_transparency(
    tmp_path: Path, depth: int, samples: bytes, clear: int, alpha: list[int]
) -> None:
    (tmp_path / "in.png").write_bytes(png_of_greys(depth, samples, struct.pack(">H", clear)))
    picture = read_picture(tmp_path / "in.png")
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [alpha]


@pytest.mark.parametrize("clear", [b"", b"\x20", b"\0\x99"])
def test_no_clear_grey_is_no_transparency(tmp_path: Path, clear: bytes) -> None:
    """None in the picture is it, or the chunk is damaged."""
    (tmp_path / "in.png").write_bytes(png_of_greys(8, b"\x10\x20\x30", clear))
    assert read_picture(tmp_path / "in.png").alpha is None


def test_transparency_of_greys_in_a_tiff_is_told(tmp_path: Path) -> None:
    """OpenCV hands on the greys alone."""
    from PIL import Image

    Image.fromarray(np.full((20, 30, 2), 90, np.uint8), "LA").save(tmp_path / "la.tif")
    picture = read_picture(tmp_path / "la.tif")
    assert (picture.rgb == 90).all()
    assert ["transparency is left out" in note for note in picture.notes] == [True]


def test_a_colour_profile_is_kept(tmp_path: Path) -> None:
    from PIL import Image, ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(corners()).save(tmp_path / "in.png", icc_profile=profile)
    picture = read_picture(tmp_path / "in.png")
    for suffix in (".png", ".jpg"):
        write_whole(tmp_path / f"out{suffix}", encode_picture(picture, suffix))
        with Image.open(tmp_path / f"out{suffix}") as written:
            assert written.info["icc_profile"] == profile
    assert encode_picture(Picture(corners(), profile=b"junk" * 50), ".png")


def icc_profile(space: bytes, length: int = 128) -> bytes:
    """As much of a profile as tells for what pixels it is."""
    head = bytes(16) + space + bytes(16) + b"acsp"
    return struct.pack(">I", length) + head[4:] + bytes(length - len(head))


@pytest.mark.parametrize(("mode", "space"), [("CMYK", b"CMYK"), ("L", b"GRAY")])
def test_a_profile_for_other_pixels_than_rgb_is_left_out_and_told(tmp_path: Path, mode: str, space: bytes) -> None:
    from PIL import Image

    Image.fromarray(corners()).convert(mode).save(tmp_path / "in.jpg", icc_profile=icc_profile(space))
    picture = read_picture(tmp_path / "in.jpg")
    assert picture.profile == b""
    assert [space.decode() in note for note in picture.notes] == [True]


def test_a_long_profile_is_kept_in_a_jpeg_in_several_segments(tmp_path: Path) -> None:
    from PIL import Image

    profile = icc_profile(b"RGB ", 200_000)
    write_whole(tmp_path / "out.jpg", encode_picture(Picture(corners(), profile=profile), ".jpg"))
    with Image.open(tmp_path / "out.jpg") as written:
        assert written.info["icc_profile"] == profile
    assert read_picture(tmp_path / "out.jpg").profile == profile


def test_what_opencv_leaves_out_of_a_tiff_is_read(tmp_path: Path) -> None:
    from PIL import Image

    profile = icc_profile(b"RGB ")
    alpha = np.tile(np.linspace(40, 255, 48).astype(np.uint8), (32, 1))
    layers = Image.fromarray(np.dstack([corners(), alpha]))
    layers.save(tmp_path / "in.tif", icc_profile=profile)
    picture = read_picture(tmp_path / "in.tif")
    assert picture.profile == profile
    assert picture.alpha is not None
    assert (picture.alpha == alpha).all()
    assert np.abs(picture.rgb.astype(int) - corners()).max() <= 3  # LibTIFF had multiplied by alpha
    assert picture.notes == ()
    layers.save(tmp_path / "pages.tif", save_all=True, append_images=[layers, layers])
    assert read_picture(tmp_path / "pages.tif").notes == ("the first of its 3 pages is painted",)


@pytest.mark.parametrize("cut", [4, 8, 9, 30, 60])
def test_a_damaged_tiff_directory_tells_nothing(cut: int) -> None:
    whole = exif_block(1) + bytes(40)
    assert tiff_facts(whole[:cut]) == TiffFacts()
    loop = b"II*\0" + struct.pack("<IHI", 8, 0, 8)
    assert tiff_facts(loop) == TiffFacts()


def test_jpegs_are_written_without_chroma_subsampling(tmp_path: Path) -> None:
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    write_whole(tmp_path / "out.jpg", encode_picture(Picture(stripes), ".jpg"))
    assert np.abs(read_picture(tmp_path / "out.jpg").rgb.astype(int) - stripes).mean() < 6


def test_what_a_file_hides_has_no_part_in_the_painting(tmp_path: Path) -> None:
    """Black is under most cut-outs: what is seen nearby stands there in its place."""
    alpha = np.zeros((40, 60), np.uint8)
    alpha[5:30, 10:50] = 255
    alpha[30, 10:50], alpha[4, 10:50] = 99, 3  # the latter is as good as hidden
    seen = np.zeros((40, 60, 3), np.uint8)
    seen[:, :30], seen[:, 30:] = (200, 40, 40), (40, 40, 200)
    found = []
    for hidden in (0, 255):
        rgb = np.where(alpha[..., None] > 50, seen, np.uint8(hidden))
        write_whole(tmp_path / "hole.png", encode_picture(Picture(rgb, alpha), ".png"))
        found.append(read_picture(tmp_path / "hole.png").filled().rgb)
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0][:, [0, -1]].astype(int) - seen[:, [0, -1]]).max() < 3
    np.testing.assert_array_equal(found[0][alpha > 50], seen[alpha > 50])


@pytest.mark.parametrize(("size", "at"), [((7, 1), 3), ((1, 9), 0), ((1037, 2), 500), ((3, 1100), 3299)])
def test_one_pixel_that_is_seen_stands_for_all(size: tuple[int, int], at: int) -> None:
    alpha, rgb = np.zeros(size, np.uint8), np.zeros((*size, 3), np.uint8)
    alpha.flat[at] = 255
    rgb.reshape(-1, 3)[at] = (9, 90, 200)
    assert (filled(rgb, alpha) == (9, 90, 200)).all()


@pytest.mark.parametrize("alpha", [0, 255])
def test_a_picture_of_which_all_is_seen_or_nothing_stays(alpha: int) -> None:
    picture = Picture(corners(), np.full((32, 48), alpha, np.uint8))
    assert (picture.filled().rgb == corners()).all()


def test_what_is_transparent_is_white_where_a_format_keeps_no_alpha() -> None:
    alpha = np.zeros((32, 48), np.uint8)
    written = cv2.imdecode(np.frombuffer(encode_picture(Picture(corners(), alpha), ".bmp"), np.uint8), -1)
    assert (np.asarray(written) == 255).all()


def test_what_a_format_loses_is_told() -> None:
    picture = Picture(corners(), np.zeros((32, 48), np.uint8), b"profile")
    assert lost_in(".png", picture) == []
    assert ["transparency" in line for line in lost_in(".jpeg", picture)] == [True]
    assert len(lost_in(".bmp", picture)) == 2


def test_a_picture_is_painted_at_its_own_size(tmp_path: Path, options: ImageOptions) -> None:
    source = tmp_path / "in.png"
    alpha = np.full((32, 48), 99, np.uint8)
    write_whole(source, encode_picture(Picture(corners(), alpha), ".png"))
    report = stylize_images([source], tmp_path / "out.png", options)
    painted = read_picture(tmp_path / "out.png")
    assert painted.rgb.shape == (32, 48, 3)
    assert painted.alpha is not None
    assert (painted.alpha == 99).all()
    assert (painted.rgb != corners()).any()
    assert report.as_dict()["pictures"] == 1
    assert "painted 1 picture in" in report.summary()
    assert not report.interrupted


def test_a_folder_of_pictures_of_any_size(tmp_path: Path, options: ImageOptions) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, size in enumerate(((32, 48), (32, 48), (33, 17))):
        cv2.imwrite(str(folder / f"p{number}.png"), np.full((*size, 3), 120, np.uint8))
    progress: list[tuple[int, int | None]] = []
    stylize_images([folder], tmp_path / "out", options, progress=lambda done, total: progress.append((done, total)))
    shapes = [read_picture(path).rgb.shape[:2] for path in sorted((tmp_path / "out").iterdir())]
    assert shapes == [(32, 48), (32, 48), (33, 17)]
    assert progress == [(1, 3), (2, 3), (3, 3)]


def test_one_engine_paints_all_sizes_after_the_first(
    tmp_path: Path, options: ImageOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for what is small or long, whose engines are its own."""
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "in"
    folder.mkdir()
    picture = np.random.default_rng(0).integers(0, 256, (400, 1600, 3), dtype=np.uint8)
    for number, width in enumerate((400, 1600, 60, 480, 440, 720)):
        cv2.imwrite(str(folder / f"{number}.png"), picture[: 48 if width == 60 else 400, :width])
    told: list[str] = []
    report = stylize_images([folder], tmp_path / "out", options, report=told.append)
    prepared = [line for line in told if line.startswith("preparing")]
    assert ["range" in line for line in prepared] == [False, False, False, True]
    assert "in the range 360x360-720x720" in prepared[-1]
    assert not any(line.startswith("refused") for line in told)
    assert report.engine is not None
    assert report.engine.psnr_db is not None
    assert report.engine.psnr_db > 40
    for number in (4, 5):
        stylize_images([folder / f"{number}.png"], tmp_path / "alone.png", options)
        alone, among = (read_picture(path).rgb for path in (tmp_path / "alone.png", tmp_path / f"out/{number}.png"))
        assert np.abs(alone.astype(int) - among.astype(int)).mean() < 0.01  # other kernels round otherwise


def test_pictures_that_are_there_may_stay(tmp_path: Path, options: ImageOptions) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for path in (folder, out):
        path.mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), corners())
    (out / "a.png").write_text("mine")
    careful = dataclasses.replace(options, overwrite=False)
    report = stylize_images([folder], out, careful)
    assert (out / "a.png").read_text() == "mine"
    assert [path.name for path in report.outputs] == ["b.png"]
    assert report.notes == ("1 of 2 are there already and stay",)
    assert not report.interrupted
    assert stylize_images([folder], out, careful).outputs == ()
    (folder / "b.png").unlink()
    assert stylize_images([folder], out, careful).outputs == ()
    with pytest.raises(FileExistsError, match=r"a\.png exists already"):
        stylize_images([folder / "a.png"], out / "a.png", careful)


def test_a_picture_that_another_run_has_written_meanwhile_is_left_out(tmp_path: Path, options: ImageOptions) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(folder / name), corners())

    def come_between(done: int, _total: int | None) -> None:
        if done == 1:
            (out / "b.png").write_text("theirs")

    careful = dataclasses.replace(options, overwrite=False)
    report = stylize_images([folder], out, careful, progress=come_between)
    assert (out / "b.png").read_text() == "theirs"
    assert [path.name for path in report.outputs] == ["a.png", "c.png"]
    assert [path.name for path in report.left_out] == ["b.png"]


def test_kinds_that_are_only_read_are_written_as_png(tmp_path: Path, options: ImageOptions) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(corners()).save(folder / "a.gif")
    (folder / "b.heic").write_bytes(b"nobody can read this")
    Image.fromarray(corners()).save(folder / "C.PNG")
    Image.fromarray(corners()).save(folder / "c.gif")
    (folder / "notes.txt").touch()
    report = stylize_images([folder], tmp_path / "out", options)
    assert sorted(path.name for path in report.outputs) == ["C.PNG", "a.png", "c.gif.png"]
    assert [path.name for path in report.left_out] == ["b.heic"]


def test_height_scales_and_stop_ends(tmp_path: Path, small_style: Path, options: ImageOptions) -> None:
    source = tmp_path / "in.jpg"
    write_whole(source, encode_picture(Picture(corners()), ".jpg"))
    stylize_images([source], tmp_path / "out.jpg", ImageOptions(style=str(small_style), height=64, engine="openvino"))
    assert read_picture(tmp_path / "out.jpg").rgb.shape == (64, 96, 3)
    stop = threading.Event()
    stop.set()
    report = stylize_images([source], tmp_path / "never.jpg", options, stop=stop)
    assert report.interrupted
    assert not (tmp_path / "never.jpg").exists()


def test_stop_ends_the_building_of_an_engine(
    tmp_path: Path, options: ImageOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture that was painted before, at another size, is told."""
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "cache"))
    for name, side in (("a", 32), ("b", 48), ("c", 48)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((side, side, 3), 120, np.uint8))
    stop = threading.Event()

    def report(line: str) -> None:
        if line.startswith("preparing") and "48x48" in line:
            stop.set()

    inputs = [tmp_path / f"{name}.png" for name in "abc"]
    done = stylize_images(inputs, tmp_path / "out", options, report=report, stop=stop)
    assert done.interrupted
    assert list(done.outputs) == list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "a.png"]
    assert done.left_out == ()
    assert len(list((tmp_path / "cache" / "engines").iterdir())) == 1


def test_what_cannot_be_planned(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), corners())
    both = [tmp_path / "a.png", tmp_path / "b.png"]
    with pytest.raises(ImpastoError, match="do not go into one"):
        plan_pictures(both, tmp_path / "out.png")
    with pytest.raises(ImpastoError, match="is the input"):
        plan_pictures([tmp_path / "a.png"], tmp_path)
    with pytest.raises(ImpastoError, match="no picture format"):
        plan_pictures([tmp_path / "a.png"], tmp_path / "out.mp3")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        plan_pictures([tmp_path / "none.png"], tmp_path / "out.png")
    with pytest.raises(ImpastoError, match="would both be written"):
        plan_pictures([tmp_path / "a.png", tmp_path / "a.png"], tmp_path / "out")


@pytest.mark.skipif(os.name == "nt", reason="links are for administrators there")
def test_links_that_lead_to_an_input_or_to_one_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    both = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in both:
        cv2.imwrite(str(path), corners())
    (tmp_path / "out" / "a.png").symlink_to(tmp_path / "b.png")
    with pytest.raises(ImpastoError, match="is the input"):
        plan_pictures(both, tmp_path / "out")
    (tmp_path / "out" / "a.png").unlink()
    for path in both:
        (tmp_path / "out" / path.name).symlink_to(tmp_path / "c.png")
    with pytest.raises(ImpastoError, match="would both be written"):
        plan_pictures(both, tmp_path / "out")


def test_what_is_no_folder_to_write_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("a.png", corners())
    Path("README").touch()
    os.mkfifo("pipe")
    for output, told in (
        ("-", "OUT is -, and"),
        ("README", "OUT README is a file and no folder"),
        ("pipe", "OUT pipe is a device or a pipe and no folder"),
    ):
        with pytest.raises(ImpastoError, match=f"{told}.*; name"):
            plan_pictures([Path("a.png")], Path(output))
    with pytest.raises(FileNotFoundError, match="there is no file -; a picture that is piped in is /dev/stdin"):
        plan_pictures([Path("-")], Path("out.png"))
    assert not Path("-").exists()


def test_a_pipe_is_read_as_a_picture(tmp_path: Path, options: ImageOptions) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(encode_picture(Picture(corners()), ".png"),))
    writer.start()
    report = stylize_images([pipe], tmp_path / "out.png", options)
    writer.join()
    assert report.outputs == (tmp_path / "out.png",)


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImpastoError, match="not a picture that OpenCV can read"):
        read_picture(tmp_path / "text.png")
    with pytest.raises(ImpastoError, match="is empty"):
        read_picture(tmp_path / "empty.png")
    with pytest.raises(ImpastoError, match="is a folder"):
        read_picture(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_picture(tmp_path / "none.png")
