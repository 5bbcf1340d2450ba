"""Between the pictures of video chips and RGB where both lie in a GPU's memory: `rgb.py` for such frames.

torch and FFmpeg share a context of the GPU (`hardware_video.shared_cuda`) and with it the memory, but not their order
of work. So whatever is queued here waits for what the decoder has queued, and is complete before it is handed on; then
a picture's memory may be given back to the decoder, and any other stream may use the result. Chroma lies to the left of
its pixels, as in H.264 and HEVC unless they say otherwise.

All of it runs on the CPU too, with torch's tensors and FFmpeg's frames of main memory, which is how it is tested.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from threading import get_ident
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np

from engines.errors import ImpastoError
from realtime.frames.frame import Pixels
from realtime.media.colour.rgb import BT601 as LUMA_BT601
from realtime.media.colour.rgb import BT709 as LUMA_BT709
from realtime.media.colour.rgb import FULL, ColourTags

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engines.kernels.nv12_colour import Nv12Colour

NV12 = "nv12"
CUDA = "cuda"


def lies_on_device(picture: av.VideoFrame) -> bool:
    """Whether FFmpeg keeps the picture in a GPU's memory."""
    return picture.format.name == CUDA


def why_no_tensors() -> str:
    """Why frames cannot be tensors of torch on a GPU here; empty where they can."""
    if find_spec("torch") is None:
        return "torch, which would hold them on the GPU, is not installed; pip install 'impasto[train]'"
    import torch

    return "" if torch.cuda.is_available() else f"torch {torch.__version__} finds no GPU that it can use"


def is_for_device(picture: av.VideoFrame, tags: ColourTags) -> bool:
    """Whether the kernels take the picture as it is: 8 bits, even sizes, whole frames, SDR, BT.601 or BT.709."""
    held = picture.sw_format if lies_on_device(picture) else picture.format
    even = picture.width % 2 == 0 and picture.height % 2 == 0
    known = tags.luma(picture.width, picture.height) in (LUMA_BT601, LUMA_BT709)
    return held is not None and held.name == NV12 and even and known and not (picture.interlaced_frame or tags.is_hdr)


def brought_home(picture: av.VideoFrame) -> av.VideoFrame:
    """The picture in main memory, in the format it had on the GPU."""
    held = picture.sw_format
    if not lies_on_device(picture) or held is None:
        return picture
    return picture.reformat(format=held.name)


class DeviceToRgb:
    """NV12 pictures in a GPU's memory -> uint8 tensors [H, W, 3] there, of `size` (width, height); for any thread."""

    def __init__(self, tags: ColourTags, source_size: tuple[int, int], size: tuple[int, int]) -> None:
        self.size = size
        self._colour = nv12_colour(tags, source_size)

    def __call__(self, picture: av.VideoFrame) -> Pixels:
        """The picture as `Frame.data` may carry it: not an array but a tensor, complete when it is returned."""
        from torch.utils.dlpack import from_dlpack

        from engines.kernels.nv12 import nv12_to_rgb

        # PyAV's planes refuse the stream that torch's from_dlpack would name; the work below waits for the decoder.
        luma, chroma = (from_dlpack(plane.__dlpack__(stream=None)) for plane in picture.planes)
        with complete_on_device(luma):
            rgb = nv12_to_rgb(luma, chroma, self._colour)
            if (picture.width, picture.height) != self.size:
                rgb = _resized(rgb, self.size)
        return cast("Pixels", rgb)


class DeviceFromRgb:
    """Tensors uint8 [H, W, 3] of `size` (width, height) in a GPU's memory -> pictures for an encoder; for any thread.

    Where the picture `stays`, it is NV12 in the same memory, as NVENC takes it; else yuv420p in main memory, for which
    half the bytes of RGB have to travel. With `even` an odd last row or column is repeated.
    """

    def __init__(self, tags: ColourTags, size: tuple[int, int], *, even: bool, stays: bool) -> None:
        self.tags = tags
        self._even, self._stays = even, stays
        self._colour = nv12_colour(tags, size)
        self._context: Any = None

    def __call__(self, rgb: Any) -> av.VideoFrame:
        """The picture with the tags, complete when it is returned."""
        from engines.kernels.nv12 import rgb_to_nv12

        with complete_on_device(rgb):
            luma, chroma = rgb_to_nv12(rgb, self._colour, even=self._even)
            planes = (luma, chroma) if self._stays else tuple(plane.cpu() for plane in (luma, *chroma.unbind(-1)))
        picture = self._kept(planes) if self._stays else _filled(planes)
        picture.colorspace, picture.color_range = self.tags.matrix, self.tags.range
        picture.color_primaries, picture.color_trc = self.tags.primaries, self.tags.transfer
        return picture

    def _kept(self, planes: "tuple[Tensor, ...]") -> av.VideoFrame:
        """FFmpeg's picture over torch's memory, which lives as long as the encoder needs it."""
        if not planes[0].is_cuda:
            return av.VideoFrame.from_dlpack(planes, NV12)
        from av.video.frame import CudaContext

        # torch's context, which the work on the planes has made current here; FFmpeg would not join it by itself.
        index = planes[0].device.index
        self._context = self._context or CudaContext(index, primary_ctx=False, current_ctx=True)
        return av.VideoFrame.from_dlpack(planes, NV12, cuda_context=self._context)


def nv12_colour(tags: ColourTags, size: tuple[int, int]) -> "Nv12Colour":
    """What tags mean, for pictures of this size; ImpastoError for matrices that the kernels do not know."""
    from engines.kernels.nv12_colour import BT601, BT709, Nv12Colour

    luma = tags.luma(*size)
    if luma not in (LUMA_BT601, LUMA_BT709):
        raise ImpastoError(f"colour matrix {tags.matrix} is not converted on the GPU")
    return Nv12Colour(BT601 if luma == LUMA_BT601 else BT709, full=tags.range == FULL)


@cache
def _stream(device: "torch.device", thread: int) -> "torch.cuda.Stream":
    """One for each thread: what torch frees on a stream it keeps for that stream alone."""
    from torch import cuda

    return cuda.Stream(device)  # type: ignore[no-untyped-call]


@contextmanager
def complete_on_device(tensor: "Tensor") -> Iterator[None]:
    """Work on a stream of its own, after all that the default one holds (FFmpeg's), and done at the end."""
    if not tensor.is_cuda:
        yield
        return
    from torch import cuda

    stream = _stream(tensor.device, get_ident())
    stream.wait_stream(cuda.default_stream(tensor.device))
    with cuda.stream(stream):
        yield
    stream.synchronize()


def _resized(rgb: "Tensor", size: tuple[int, int]) -> "Tensor":
    """Linear, and smoothed first where it gets smaller."""
    from torch.nn.functional import interpolate

    channels_first = rgb.permute(2, 0, 1)[None].float()
    scaled = interpolate(channels_first, size=size[::-1], mode="bilinear", antialias=True)
    return (scaled[0].permute(1, 2, 0) + 0.5).clamp(0, 255).byte().contiguous()


def _filled(planes: "tuple[Tensor, ...]") -> av.VideoFrame:
    """A yuv420p picture of three planes in main memory."""
    height, width = planes[0].shape
    picture = av.VideoFrame(width, height, "yuv420p")
    for plane, data in zip(picture.planes, planes, strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)  # type: ignore[call-overload]
        rows[:, : plane.width] = data.numpy()
    return picture
