"""Colour: what a video's tags mean, and the conversion between its Y'CbCr planes and RGB.

swscale's exact path costs 13 ms for a 1080p frame on the machine this was written on, and its fast path is up to three
levels too dark. OpenCV's `transform` takes any 3×4 matrix, so one multiplication does every matrix and range, to half a
level, in a third of the time (4 ms to RGB, 3 ms back). Formats other than 8-bit planes go through swscale to 4:4:4
first.
"""

import threading
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from realtime.frames.frame import Matrix, Pixels, Plane, Planes

# FFmpeg's AVColorSpace, AVColorTransferCharacteristic (ITU-T H.273) as the tags hold them.
RGB_MATRIX, BT709_MATRIX, UNSPECIFIED, BT470BG_MATRIX, SMPTE170M_MATRIX, SMPTE240M_MATRIX = 0, 1, 2, 5, 6, 7
BT2020_MATRIX, BT2020_CL_MATRIX = 9, 10
BT709_PRIMARIES, BT709_TRANSFER, PQ_TRANSFER, HLG_TRANSFER = 1, 1, 16, 18
LIMITED, FULL = 1, 2
HD_HEIGHT, HD_WIDTH = 720, 1280
PLANAR_8_BIT = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p")
AREA = Interpolation.AREA | Interpolation.ACCURATE_RND
BICUBIC = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


class Luma(NamedTuple):
    """The weights of red and blue in luma (ITU-T H.273, table 4), and swscale's name of the matrix."""

    red: float
    blue: float
    swscale: Colorspace


BT601 = Luma(0.299, 0.114, Colorspace.ITU601)
BT709 = Luma(0.2126, 0.0722, Colorspace.ITU709)
LUMA = {
    BT709_MATRIX: BT709,
    4: Luma(0.30, 0.11, Colorspace.FCC),
    BT470BG_MATRIX: BT601,
    SMPTE170M_MATRIX: BT601,
    SMPTE240M_MATRIX: Luma(0.212, 0.087, Colorspace.SMPTE240M),
    BT2020_MATRIX: Luma(0.2627, 0.0593, Colorspace.BT2020),
    BT2020_CL_MATRIX: Luma(0.2627, 0.0593, Colorspace.BT2020),
}


@dataclass(frozen=True, slots=True)
class ColourTags:
    """What a stream says of its colours, in FFmpeg's numbers (ITU-T H.273); 2 is unspecified, for `range` it is 0."""

    matrix: int = UNSPECIFIED
    range: int = 0
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "ColourTags":
        """The tags of a decoded frame. The yuvj formats and gray are full range by their name."""
        full = frame.format.name.startswith(("yuvj", "gray", "ya8", "ya16"))
        return cls(frame.colorspace, FULL if full else frame.color_range, frame.color_primaries, frame.color_trc)

    @property
    def is_hdr(self) -> bool:
        return self.transfer in (PQ_TRANSFER, HLG_TRANSFER)

    def luma(self, width: int, height: int) -> Luma:
        """The matrix; where none is told, BT.709 for high definition and BT.601 below it, as players guess."""
        guess = BT709 if height >= HD_HEIGHT or width >= HD_WIDTH else BT601
        return LUMA.get(self.matrix, guess)

    def written(self, source: tuple[int, int], size: tuple[int, int]) -> "ColourTags":
        """The tags for what is written: the source's, with a matrix where the source's cannot stand.

        RGB becomes BT.709. Untagged colours stay untagged, unless the new size would make players guess another matrix
        than the source's.
        """
        if self.matrix == RGB_MATRIX or self.is_hdr:
            hdr = self.is_hdr
            return ColourTags(
                BT709_MATRIX,
                LIMITED,
                BT709_PRIMARIES if hdr else self.primaries,
                BT709_TRANSFER if hdr else self.transfer,
            )
        if self.matrix not in LUMA and self.luma(*source) != self.luma(*size):
            return replace(self, matrix=BT709_MATRIX if self.luma(*source) == BT709 else SMPTE170M_MATRIX)
        return self


SDR_TAGS = ColourTags(BT709_MATRIX, LIMITED, BT709_PRIMARIES, BT709_TRANSFER)  # for what never was video


def from_rgb_matrix(luma: Luma, *, full: bool) -> Matrix:
    """3×4: RGB 0..255 and 1 -> Y', Cb, Cr as 8-bit codes (ITU-T H.273, equations 23 to 28 and 38 to 46)."""
    red, blue = luma.red, luma.blue
    weights = np.array([red, 1 - red - blue, blue])
    rows = np.stack([weights, ([0, 0, 1] - weights) / (2 * (1 - blue)), ([1, 0, 0] - weights) / (2 * (1 - red))])
    scale, offset = ([255, 255, 255], [0, 128, 128]) if full else ([219, 224, 224], [16, 128, 128])
    return np.column_stack([np.diag(scale) @ rows / 255, offset])


def to_rgb_matrix(luma: Luma, *, full: bool) -> Matrix:
    """3×4: 8-bit codes Y', Cb, Cr and 1 -> RGB 0..255."""
    forward = from_rgb_matrix(luma, full=full)
    inverse = np.linalg.inv(forward[:, :3])
    return np.column_stack([inverse, -inverse @ forward[:, 3]])


class ToRgb:
    """Decoded frames of one video -> RGB arrays of `size` (width, height). Any number of threads may convert at once.

    `tags` and `source_size` are the video's own; frames of any other size are scaled.
    """

    def __init__(self, tags: ColourTags, source_size: tuple[int, int], size: tuple[int, int]) -> None:
        self.size = size
        self._range = ColorRange.JPEG if tags.range == FULL else ColorRange.MPEG
        self._luma = tags.luma(*source_size)
        self._matrix = to_rgb_matrix(self._luma, full=tags.range == FULL)
        self._back = from_rgb_matrix(self._luma, full=tags.range == FULL)
        self._of_thread = threading.local()

    def __call__(self, frame: av.VideoFrame) -> Pixels:
        """(H, W, 3) uint8 RGB of a decoded frame.

        Chroma is interpolated from the centre of its pixels. MPEG's quarter-pixel siting is left alone: `FromRgb`
        averages about the same centre, so the way there and back moves nothing.
        """
        if _is_rgb(frame):
            return np.ascontiguousarray(self._reformat(frame, "rgb24", BICUBIC).to_ndarray())
        planes = _views(self._planar(frame))
        full_size = [planes[0], *(cv2.resize(plane, self.size) for plane in planes[1:])]
        return _uint8(cv2.transform(cv2.merge(full_size), self._matrix))

    def planes(self, frame: av.VideoFrame) -> Planes | None:
        """The frame as 8-bit 4:2:0 planes of `size`, a view of its memory where that is what it has; None for RGB."""
        if _is_rgb(frame):
            return None
        luma, *chroma = _views(self._planar(frame))
        blue, red = (_of_half(plane, luma) for plane in chroma)
        return Planes(luma, (blue, red), self._matrix, self._back)

    def _planar(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Y', Cb and Cr in three 8-bit planes, luma of the wanted size."""
        planar = frame.format.name if frame.format.name in PLANAR_8_BIT else _planar_like(frame.format)
        if planar == frame.format.name and (frame.width, frame.height) == self.size:
            return frame
        return self._reformat(frame, planar, AREA if frame.height > self.size[1] else BICUBIC)

    def _reformat(self, frame: av.VideoFrame, pixel_format: str, flags: Interpolation) -> av.VideoFrame:
        """Through swscale, whose contexts serve one thread each; matrix and range stay as they are."""
        reformatters: dict[str, VideoReformatter] = self._of_thread.__dict__.setdefault("reformatters", {})
        reformatter = reformatters.setdefault(frame.format.name, VideoReformatter())
        range_ = ColorRange.JPEG if pixel_format == "rgb24" else self._range
        width, height = self.size
        return reformatter.reformat(
            frame,
            width,
            height,
            pixel_format,
            src_colorspace=self._luma.swscale,
            dst_colorspace=self._luma.swscale,
            interpolation=flags,
            src_color_range=range_,
            dst_color_range=range_,
            threads=1,
        )


class FromRgb:
    """RGB arrays of `size` (width, height) -> yuv420p frames with the tags. Any number of threads may convert at once.

    With `even` an odd last row or column is repeated.
    """

    def __init__(self, tags: ColourTags, size: tuple[int, int], *, even: bool) -> None:
        self.tags = tags
        width, height = size
        self._right, self._bottom = (width % 2, height % 2) if even else (0, 0)
        self.written_size = (width + self._right, height + self._bottom)
        self._matrix = from_rgb_matrix(tags.luma(*size), full=tags.range == FULL)

    def __call__(self, rgb: Pixels) -> av.VideoFrame:
        """A yuv420p frame; each chroma pixel is the mean of its four."""
        if self._right or self._bottom:
            rgb = _uint8(cv2.copyMakeBorder(rgb, 0, self._bottom, 0, self._right, cv2.BORDER_REPLICATE))
        packed = cv2.transform(rgb, self._matrix)
        frame = self._tagged()
        luma, *chroma = _views(frame)
        cv2.extractChannel(packed, 0, luma)
        half = cv2.resize(packed, chroma[0].shape[::-1], interpolation=cv2.INTER_AREA)
        for index, plane in enumerate(chroma, start=1):
            cv2.extractChannel(half, index, plane)
        return frame

    def of_planes(self, planes: Planes) -> av.VideoFrame:
        """The same of 4:2:0 planes whose codes are those of the tags."""
        frame = self._tagged()
        width, height = planes.size
        luma, *chroma = _views(frame)
        luma[:height, :width] = planes.luma
        luma[:, width:], luma[height:] = luma[:, width - 1 : width], luma[height - 1]
        for written, plane in zip(chroma, planes.chroma, strict=True):
            written[:] = plane
        return frame

    def _tagged(self) -> av.VideoFrame:
        frame = av.VideoFrame(*self.written_size, "yuv420p")
        frame.colorspace, frame.color_range = self.tags.matrix, self.tags.range
        frame.color_primaries, frame.color_trc = self.tags.primaries, self.tags.transfer
        return frame


def _is_rgb(frame: av.VideoFrame) -> bool:
    return bool(frame.format.is_rgb) or frame.format.name == "pal8"


def _of_half(plane: Plane, luma: Plane) -> Plane:
    """A chroma plane of half the luma's size, each pixel the mean of those it stands for."""
    half = (luma.shape[1] + 1) // 2, (luma.shape[0] + 1) // 2
    return plane if plane.shape[::-1] == half else _uint8(cv2.resize(plane, half, interpolation=cv2.INTER_AREA))


def _planar_like(pixel_format: av.VideoFormat) -> str:
    """The 8-bit planar format with the same chroma grid, so that chroma is not moved; 4:4:4 where there is none."""
    across, down = (2 * size // 1000 for size in (pixel_format.chroma_width(1000), pixel_format.chroma_height(1000)))
    return {(1, 1): "yuv420p", (1, 2): "yuv422p"}.get((across, down), "yuv444p")


def _views(frame: av.VideoFrame) -> list[Pixels]:
    """The planes of an 8-bit planar frame as arrays over its own memory."""
    return [
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]  # type: ignore[call-overload]
        for plane in frame.planes
    ]


def _uint8(array: NDArray[Any]) -> Pixels:
    if array.dtype != np.uint8:
        raise TypeError(f"expected uint8 pixels, not {array.dtype}")
    return array
