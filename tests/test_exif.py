"""EXIF: what a photo tells of itself goes into its painting; what tells of its pixels and its file stays behind."""

import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from realtime.files.image import stylize_images
from realtime.files.options import ImageOptions
from realtime.media.exif import EXIF, GPS, MOST_BYTES, exif_of_the_photo
from realtime.media.picture_file import Picture, encode_picture, lost_in, read_picture

MAKE, ORIENTATION, DATE, ARTIST, COPYRIGHT = 0x10F, 0x112, 0x132, 0x13B, 0x8298
TAKEN, MAKERS_NOTES, WIDTH, SUBJECT_AREA, LENS, FOCAL_LENGTH = 0x9003, 0x927C, 0xA002, 0x9214, 0xA434, 0x920A
THUMBNAIL, THUMBNAIL_START, THUMBNAIL_BYTES = 1, 0x201, 0x202
OF_THE_PHOTO = {MAKE: "Leica", DATE: "2024:01:02 03:04:05", ARTIST: "Ann O.", COPYRIGHT: "(c) Ann"}
OF_THE_EXPOSURE = {TAKEN: "2020:01:01 00:00:00", LENS: "50 mm f/1.8", FOCAL_LENGTH: 50.0}
OF_THE_PLACE = {1: "N", 2: (52.0, 30.0, 12.5)}
NOTES = b"the maker's own notes"


def photo_exif(order: str = "<") -> Image.Exif:
    """As a camera writes it that was held upright."""
    exif = Image.Exif()
    exif.endian = order
    exif.update(OF_THE_PHOTO | {ORIENTATION: 6})
    exif.get_ifd(EXIF).update(OF_THE_EXPOSURE | {MAKERS_NOTES: NOTES, WIDTH: 48, SUBJECT_AREA: (24, 16, 9, 9)})
    exif.get_ifd(GPS).update(OF_THE_PLACE)
    exif.get_ifd(THUMBNAIL).update({THUMBNAIL_START: 0, THUMBNAIL_BYTES: 9})
    return exif


def photo(path: Path, exif: Image.Exif) -> Path:
    """Wider than high."""
    Image.fromarray(np.full((32, 48, 3), (90, 200, 20), np.uint8)).save(path, exif=exif)
    return path


def tiff_photo(path: Path) -> Path:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, told in (OF_THE_PHOTO | {EXIF: OF_THE_EXPOSURE, GPS: OF_THE_PLACE}).items():
        tags[tag] = told
    Image.fromarray(np.full((48, 32, 3), (90, 200, 20), np.uint8)).save(path, tiffinfo=tags)
    return path


def told_by(path: Path) -> tuple[dict[int, Any], dict[int, Any], dict[int, Any], dict[int, Any]]:
    """The directories: the first without what points to others, the exposure, the place, the thumbnail."""
    with Image.open(path) as picture:
        exif = picture.getexif()
        first = {tag: told for tag, told in exif.items() if tag not in (EXIF, GPS)}
        return first, exif.get_ifd(EXIF), exif.get_ifd(GPS), exif.get_ifd(THUMBNAIL)


@pytest.mark.parametrize("target", ["out.jpg", "out.png", "out.webp"])
def test_a_painting_has_the_exif_of_its_photo(tmp_path: Path, small_style: Path, target: str) -> None:
    options = ImageOptions(style=str(small_style), engine="openvino")
    stylize_images([photo(tmp_path / "in.jpg", photo_exif())], tmp_path / target, options)
    assert told_by(tmp_path / target) == (OF_THE_PHOTO, OF_THE_EXPOSURE, OF_THE_PLACE, {})
    assert NOTES not in (tmp_path / target).read_bytes()
    with Image.open(tmp_path / target) as painted:
        assert painted.size == (32, 48)  # turned, and says no more that it has to be


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("source", ["in.jpg", "in.png", "in.webp"])
def test_exif_is_read_of_every_format(tmp_path: Path, source: str, order: str) -> None:
    picture = read_picture(photo(tmp_path / source, photo_exif(order)))
    (tmp_path / "out.png").write_bytes(encode_picture(picture, ".png"))
    assert told_by(tmp_path / "out.png") == (OF_THE_PHOTO, OF_THE_EXPOSURE, OF_THE_PLACE, {})


def test_exif_of_a_tiff_is_read_and_what_tells_of_its_pixels_is_not(tmp_path: Path) -> None:
    picture = read_picture(tiff_photo(tmp_path / "in.tif"))
    (tmp_path / "out.jpg").write_bytes(encode_picture(picture, ".jpg"))
    assert told_by(tmp_path / "out.jpg") == (OF_THE_PHOTO, OF_THE_EXPOSURE, OF_THE_PLACE, {})
    Image.new("RGB", (48, 32)).save(tmp_path / "plain.tif", dpi=(300, 300))
    assert read_picture(tmp_path / "plain.tif").exif == b""


def test_formats_without_exif_tell_that_it_is_lost(tmp_path: Path) -> None:
    picture = read_picture(photo(tmp_path / "in.jpg", photo_exif()))
    for suffix in (".tif", ".bmp", ".ppm"):
        assert ["EXIF" in line for line in lost_in(suffix, picture)] == [True]
        assert encode_picture(picture, suffix)
    assert lost_in(".jpeg", picture) == []


def test_exif_is_kept_where_a_profile_is_damaged(tmp_path: Path) -> None:
    exif = exif_of_the_photo(photo_exif().tobytes())
    picture = Picture(np.zeros((32, 48, 3), np.uint8), profile=b"junk" * 50, exif=exif)
    (tmp_path / "out.png").write_bytes(encode_picture(picture, ".png"))
    assert told_by(tmp_path / "out.png")[0] == OF_THE_PHOTO


def test_exif_comes_before_the_profile_in_a_jpeg() -> None:
    """Who reads the first 64 KiB of a file for its EXIF finds it there, however long the profile is."""
    exif = exif_of_the_photo(photo_exif().tobytes())
    picture = Picture(np.zeros((32, 48, 3), np.uint8), profile=b"profile " * 20_000, exif=exif)
    written = encode_picture(picture, ".jpg")
    assert 0 < written.index(exif) < written.index(picture.profile[:100])


def test_a_value_that_no_jpeg_has_room_for_is_left_out(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.update({MAKE: "M" * MOST_BYTES, ARTIST: "Ann O."})
    exif.get_ifd(EXIF)[LENS] = "L" * (MOST_BYTES - 100)
    picture = Picture(np.zeros((32, 48, 3), np.uint8), exif=exif_of_the_photo(exif.tobytes()))
    (tmp_path / "out.jpg").write_bytes(encode_picture(picture, ".jpg"))
    first, exposure, _, _ = told_by(tmp_path / "out.jpg")
    assert first == {ARTIST: "Ann O."}
    assert set(exposure) == {LENS}


@pytest.mark.parametrize("cut", [0, 4, 8, 9, 30, 60, 150])
def test_of_a_damaged_block_what_is_whole_is_kept(cut: int) -> None:
    block = photo_exif().tobytes().removeprefix(b"Exif\0\0")[:cut]
    kept = exif_of_the_photo(block)
    assert kept == b"" or exif_of_the_photo(kept) == kept


def test_a_block_whose_directories_are_one_has_no_loop_nor_orientation_when_it_is_written_anew() -> None:
    entries = [(ORIENTATION, 3, 1, b"\6\0\0\0"), (EXIF, 4, 1, b"\x08\0\0\0"), (GPS, 4, 1, b"\x08\0\0\0")]
    directory = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in [(MAKE, 2, 4, b"Ann\0"), *entries])
    kept = Image.Exif()
    kept.load(exif_of_the_photo(b"II*\0" + struct.pack("<IH", 8, 4) + directory + bytes(4)))
    assert kept[MAKE] == "Ann"
    assert [dict(kept.get_ifd(home)) for home in (EXIF, GPS)] == [{MAKE: "Ann"}, {MAKE: "Ann"}]


def test_a_block_of_values_that_share_their_bytes_takes_no_time() -> None:
    """A hostile one: 65 535 entries, each of which says that it is as long as a JPEG file allows."""
    tags = range(1, 0x10000)
    home = 26
    behind = home + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 7, MOST_BYTES, behind) for tag in tags)
    head = b"II*\0" + struct.pack("<IHHHIII", 8, 1, EXIF, 4, 1, home, 0)
    started = time.process_time()
    kept = exif_of_the_photo(head + struct.pack("<H", len(tags)) + entries + bytes(4 + MOST_BYTES))
    assert len(kept) < MOST_BYTES + 100
    assert time.process_time() - started < 5
