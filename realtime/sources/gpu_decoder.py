"""A video stream decoded by an NVIDIA GPU, its pictures left in the GPU's memory.

The decoder is our own beside the container's: FFmpeg would choose another for AV1, one without hardware, and would
fall back to software without a word.
"""

from collections.abc import Callable
from typing import Any

import av
from av.codec.hwaccel import HWAccel

from engines.errors import ImpastoError
from realtime.media.colour.device import brought_home, is_for_device
from realtime.media.colour.rgb import ColourTags
from realtime.media.hardware_video import DECODED, shared_cuda, why_not_decode


class GpuDecoder:
    """Decodes the packets of a stream on the GPU. ImpastoError with the reason where it cannot.

    Pictures that our kernels do not take as they are (10 bits, interlaced, HDR, odd sizes) come in main memory, which
    `report` is told.
    """

    def __init__(self, stream: av.VideoStream, report: Callable[[str], None]) -> None:
        codec = stream.codec_context.codec.canonical_name
        reason = why_not_decode(codec) if codec in DECODED else f"{', '.join(DECODED)} can be"
        if reason:
            raise ImpastoError(f"{codec} video cannot be decoded on the GPU here: {reason}")
        self._report = report
        try:
            self._context = open_decoder(codec, stream, shared_cuda())
        except av.FFmpegError as error:
            raise ImpastoError(f"the GPU's decoder does not open: {error.strerror}") from None

    def decode(self, packet: "av.Packet[Any] | None") -> list[av.VideoFrame]:
        """The pictures that come out after a packet, or after None at the end; FFmpeg's errors are left as they are."""
        return [self._fit(picture) for picture in self._context.decode(packet)]

    def _fit(self, picture: av.VideoFrame) -> av.VideoFrame:
        if is_for_device(picture, ColourTags.of(picture)):
            return picture
        held = picture.sw_format.name if picture.sw_format else picture.format.name
        self._report(f"{picture.width}x{picture.height} {held}: decoded on the GPU, converted on the processor")
        return brought_home(picture)


def open_decoder(codec: str, stream: av.VideoStream, accelerator: HWAccel | None) -> av.VideoCodecContext:
    """A decoder for the stream's packets that knows what the container told of them; FFmpeg's errors are left alone."""
    context = av.CodecContext.create(codec, "r", hwaccel=accelerator)
    assert isinstance(context, av.VideoCodecContext)
    told = stream.codec_context
    context.width, context.height, context.extradata = told.width, told.height, told.extradata
    context.reorder_depth = told.reorder_depth  # or the first pictures of some files would come out of order
    context.thread_count = 1  # the GPU is not made faster by more
    return context
