"""Picture files: read upright in 8-bit RGB, written whole, with their transparency, colour profile and EXIF."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.errors import BadFile, BadValue, FileMissing, ImpastoError
from realtime.frames.frame import Pixels
from realtime.media.animation import count_frames
from realtime.media.colour.paper import filled, on_white
from realtime.media.colour_profile import jpeg_with_profile, other_space
from realtime.media.exif import exif_of_the_photo, exif_orientation, turn_upright
from realtime.media.output_file import PartialFile
from realtime.media.png_chunks import PNG_SIGNATURE, clear_grey
from realtime.media.tiff_tags import tiff_facts

WRITE_OPTIONS: dict[str, tuple[int, ...]] = {
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ".png": (),
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 95),
    ".tif": (),
    ".bmp": (),
    ".ppm": (),
}
SAME_FORMAT = {".jpeg": ".jpg", ".tiff": ".tif"}
PICTURE_SUFFIXES = frozenset(WRITE_OPTIONS) | frozenset(SAME_FORMAT)
# What may be read too, if OpenCV was built with it, and is written as .png.
READ_SUFFIXES = PICTURE_SUFFIXES | {".avif", ".gif", ".heic", ".heif", ".jp2", ".jxl"}
# A numbered sequence, such as shot_%04d.png.
NUMBERED = re.compile(r"%0?[0-9]*d")
WITH_ALPHA = (".png", ".webp")
WITH_METADATA = (".png", ".jpg", ".webp")  # colour profile and EXIF
MOST_SIDES_PX = {".jpg": 65_500, ".webp": 16_383}  # of libjpeg and libwebp
OPENCV_LIMIT = "MAX_IMAGE"


@dataclass(frozen=True, slots=True)
class Picture:
    """`rgb` is (H, W, 3) uint8 and upright, `alpha` (H, W) uint8 or None, `profile` the bytes of its ICC profile.

    `exif` is a block of what tells of the photo and not of its file. `notes` tell what was changed to make it so.
    """

    rgb: Pixels
    alpha: Pixels | None = None
    profile: bytes = b""
    exif: bytes = b""
    notes: tuple[str, ...] = ()

    def scaled(self, height: int | None) -> "Picture":
        """The picture at another height, its aspect kept."""
        if height is None or height == self.rgb.shape[0]:
            return self
        size = (max(1, round(self.rgb.shape[1] * height / self.rgb.shape[0])), height)
        alpha = None if self.alpha is None else resize(self.alpha, size)
        return replace(self, rgb=resize(self.rgb, size), alpha=alpha)

    def filled(self) -> "Picture":
        """The picture to be painted: what transparency hides has the colours of what is seen nearby."""
        return self if self.alpha is None else replace(self, rgb=filled(self.rgb, self.alpha))


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Pixels at (width, height): averaged where it shrinks, cubic where it grows."""
    shrinks = size[1] < pixels.shape[0]
    scaled = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.ascontiguousarray(scaled, np.uint8)


def read_picture(path: Path) -> Picture:
    """The picture in a file, turned as its EXIF says; ImpastoError where the file is no picture."""
    data = read_bytes(path)
    if not data:
        raise BadFile(f"{path} is empty")
    if data.startswith(PNG_SIGNATURE) and b"IEND" not in data:  # libpng would tell the terminal
        raise BadFile(f"{path} is cut short")
    quieten_opencv()
    try:
        pixels, kinds, blobs = cv2.imdecodeWithMetadata(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise BadFile(f"{path} {_why_not(error)}") from error
    if pixels is None:
        raise BadFile(f"{path} is not a picture that OpenCV can read")
    metadata = {int(kind): np.asarray(blob).tobytes() for kind, blob in zip(kinds, blobs, strict=True)}
    eight_bit, notes = _to_8_bit(_with_clear_grey(np.asarray(pixels), clear_grey(data)))
    exif = metadata.get(cv2.IMAGE_METADATA_EXIF, b"")
    upright = turn_upright(eight_bit, exif_orientation(exif))
    rgb, alpha = _split(upright)
    tiff = tiff_facts(data)
    if alpha is not None and tiff.multiplied:
        rgb = _divided(rgb, alpha)
    if tiff.transparent and eight_bit.ndim == 2:
        notes = (*notes, "its transparency is left out: OpenCV reads none of greys in TIFF files; a .png keeps it")
    profile = metadata.get(cv2.IMAGE_METADATA_ICCP, b"") or tiff.profile
    if space := other_space(profile):
        profile, notes = b"", (*notes, f"its colour profile is for {space} and left out: painted and written in RGB")
    notes = (*notes, *_one_of(count_frames(data)), *_first_of(tiff.pages))
    return Picture(rgb, alpha, profile, exif_of_the_photo(exif or data), notes)


def _why_not(error: cv2.error) -> str:
    """What is wrong with a picture that OpenCV raised an error for."""
    if OPENCV_LIMIT in error.err:
        return f"is too large: OpenCV reads up to 2^30 pixels; make it smaller, or set OPENCV_IO_{OPENCV_LIMIT}_PIXELS"
    return f"is not a picture that OpenCV can read ({error.err or error.msg})"


def too_large_for(suffix: str, size: tuple[int, int]) -> str:
    """Why a picture of this size (width, height) cannot be written in the format, "" where it can."""
    suffix = SAME_FORMAT.get(suffix.lower(), suffix.lower())
    most = MOST_SIDES_PX.get(suffix, max(size))
    if max(size) <= most:
        return ""
    return f"{size[0]}x{size[1]} is too large, {suffix} files have {most} pixels a side at most; write .png"


def encode_picture(picture: Picture, suffix: str) -> bytes:
    """The bytes of the picture in the format of a suffix such as ".png"."""
    suffix = SAME_FORMAT.get(suffix.lower(), suffix.lower())
    if suffix not in WRITE_OPTIONS:
        known = ", ".join(sorted(PICTURE_SUFFIXES))
        raise BadValue(f"pictures cannot be written as {suffix or 'a file without a suffix'!r}; use one of {known}")
    alpha = picture.alpha if suffix in WITH_ALPHA else None
    pixels = cv2.cvtColor(on_white(picture.rgb, picture.alpha) if alpha is None else picture.rgb, cv2.COLOR_RGB2BGR)
    if alpha is not None:
        pixels = cv2.merge([*cv2.split(pixels), alpha])
    exif = {cv2.IMAGE_METADATA_EXIF: picture.exif} if suffix in WITH_METADATA else {}
    if suffix == ".jpg":
        return jpeg_with_profile(_encoded(pixels, suffix, exif), picture.profile)
    profile = {cv2.IMAGE_METADATA_ICCP: picture.profile} if suffix in WITH_METADATA else {}
    try:
        return _encoded(pixels, suffix, exif | profile)
    except ImpastoError:  # the encoders refuse a damaged profile
        return _encoded(pixels, suffix, exif)


def _encoded(pixels: NDArray[Any], suffix: str, metadata: Mapping[int, bytes]) -> bytes:
    """By OpenCV, with those kinds of metadata that are not empty."""
    kinds = [kind for kind, content in metadata.items() if content]
    blobs = [np.frombuffer(metadata[kind], np.uint8) for kind in kinds]
    done, encoded = cv2.imencodeWithMetadata(suffix, pixels, kinds, blobs, list(WRITE_OPTIONS[suffix]))
    if not done:
        raise ImpastoError(f"OpenCV could not encode a {suffix} picture of {pixels.shape[1]}x{pixels.shape[0]} pixels")
    return bytes(encoded)


def write_whole(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write a file that is there whole or not at all."""
    partial = PartialFile(path, overwrite=overwrite)
    try:
        write_named(partial, data)
        partial.commit()
    finally:
        partial.discard()


def write_named(partial: PartialFile, data: bytes) -> None:
    """All that the file is to hold; OSError names it as it will be called."""
    try:
        partial.path.write_bytes(data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(partial.final)) from None


def lost_in(suffix: str, picture: Picture) -> list[str]:
    """What a file of this format cannot keep of the picture."""
    suffix = SAME_FORMAT.get(suffix.lower(), suffix.lower())
    lost = []
    if picture.alpha is not None and suffix not in WITH_ALPHA:
        lost.append(f"transparency is lost: {suffix} files are written on white; write .png to keep it")
    if picture.profile and suffix not in WITH_METADATA:
        lost.append(f"the colour profile is lost: {suffix} files are written without; write .png to keep it")
    if picture.exif and suffix not in WITH_METADATA:
        lost.append(
            f"the EXIF (camera, date, author) is lost: {suffix} files are written without; write .png to keep it"
        )
    return lost


def read_bytes(path: Path) -> bytes:
    """The file's bytes; ImpastoError where there is no such file, or a folder."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileMissing(f"there is no file {path}") from None
    except IsADirectoryError:
        raise BadFile(f"{path} is a folder, not a picture") from None


def _one_of(frames: int) -> tuple[str, ...]:
    if frames == 1:
        return ()
    return (f"the first of its {frames} frames is painted; given alone, `impasto video` paints all",)


def _first_of(pages: int) -> tuple[str, ...]:
    return () if pages == 1 else (f"the first of its {pages} pages is painted",)


def _divided(rgb: Pixels, alpha: Pixels) -> Pixels:
    """The colours as they were before they were multiplied by alpha; where that is 0 they cannot be told."""
    weight = np.maximum(alpha, 1).astype(np.uint32)[..., None]
    return np.asarray(np.minimum((rgb * np.uint32(255) + weight // 2) // weight, 255), np.uint8)


def _with_clear_grey(pixels: NDArray[Any], clear: int | None) -> NDArray[Any]:
    """Greys and alpha where one of them is transparent, which OpenCV does not tell."""
    if clear is None or pixels.ndim != 2:
        return pixels
    return np.dstack([pixels, np.where(pixels == clear, 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)])


def _to_8_bit(pixels: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
    if pixels.dtype == np.uint8:
        return pixels, ()
    if pixels.dtype == np.uint16:
        rounded = (pixels.astype(np.uint32) + 128) // 257
        return rounded.astype(np.uint8), ("16-bit colour: painted and written in 8 bits",)
    scaled = np.rint(np.clip(pixels.astype(np.float32), 0, 1) * 255)
    return scaled.astype(np.uint8), (f"{pixels.dtype} colour: cut to 0..1, painted and written in 8 bits",)


def _split(pixels: NDArray[Any]) -> tuple[Pixels, Pixels | None]:
    """RGB and alpha of gray, gray and alpha, BGR or BGRA."""
    layers = pixels[..., None] if pixels.ndim == 2 else pixels
    count = layers.shape[2]
    rgb = np.ascontiguousarray(layers[..., 2::-1] if count > 2 else np.repeat(layers[..., :1], 3, axis=2), np.uint8)
    if count in (1, 3) or bool((layers[..., -1] == 255).all()):
        return rgb, None
    return rgb, np.ascontiguousarray(layers[..., -1], np.uint8)


def quieten_opencv() -> None:
    """OpenCV tells the terminal in its own words what is told here in one line; OPENCV_LOG_LEVEL brings them back."""
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
