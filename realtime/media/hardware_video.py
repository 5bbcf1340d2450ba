"""Which decoders and encoders in hardware work on this machine, found out by using each on one small picture.

FFmpeg's lists only say what it was built with. A card may lack the unit (the H100 has no NVENC), the driver may be
missing, or the user may not be allowed to open the device: all of that shows only when it is tried.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import av
import numpy as np
from av.codec.codec import UnknownCodecError
from av.codec.hwaccel import HWAccel, hwdevices_available

from realtime.media.colour.device import why_no_tensors
from realtime.media.encoders import ENCODERS, HARDWARE_ENCODERS, Encoder

SIZE = (640, 368)  # above what any of them refuses as too small
NOT_BUILT_IN = "this PyAV's FFmpeg was built without it"
DECODED = ("h264", "hevc", "av1", "vp9")
NEEDS = {
    "nvenc": "it needs an NVIDIA GPU with an encoder, which an H100 or A100 has not, and a recent driver",
    "cuda": "it needs an NVIDIA GPU that decodes this, and its driver",
    "qsv": "it needs an Intel GPU with its media driver",
    "vaapi": "it needs a GPU with a VA-API driver, and the right to open /dev/dri/renderD128",
    "videotoolbox": "it needs a Mac",
}
NVIDIA = ("nvenc", "cuda")


class HardwareCodec(NamedTuple):
    """`name` as "h264_nvenc", or as "h264 (cuda)" for a decoder; `reason` says in a line why it does not work."""

    name: str
    works: bool
    reason: str


def hardware_encoders() -> list[HardwareCodec]:
    """Every encoder in hardware that `--codec` takes, each tried; never raises and never prints."""
    tried = ((name, why_not_encode(name)) for name in HARDWARE_ENCODERS)
    return [HardwareCodec(name, not reason, reason) for name, reason in tried]


def hardware_decoders() -> list[HardwareCodec]:
    """What the hardware that this FFmpeg knows decodes, each tried; never raises and never prints."""
    tried = ((codec, device, why_not_decode(codec, device)) for device in _devices() for codec in DECODED)
    return [HardwareCodec(f"{codec} ({device})", not reason, reason) for codec, device, reason in tried]


def accelerator_of(encoder: Encoder) -> HWAccel | None:
    """What brings pictures to the encoder's hardware; on CUDA those that torch has there need no bringing."""
    if not encoder.device:
        return None
    return shared_cuda() if encoder.device == "cuda" else HWAccel(encoder.device)


def shared_cuda() -> HWAccel:
    """FFmpeg's CUDA in the context that torch uses, so that pictures of one are memory of the other.

    FFmpeg would refuse to join the primary context once torch has opened it, for its flags differ; so that context is
    made current on this thread, and FFmpeg takes the current one. Without torch there is nobody to share with.
    """
    current = {"current_ctx": "1"} if _torch_is_current() else {}
    options: dict[str, object] = {"primary_ctx": "0", **current}
    return HWAccel("cuda", is_hw_owned=True, allow_software_fallback=False, options=options)


def _torch_is_current() -> bool:
    """Makes torch's CUDA context the current one of this thread; False where torch has none."""
    if why_no_tensors():
        return False
    import torch

    torch.zeros(1, device="cuda")
    return True


@cache
def why_not_encode(name: str) -> str:
    """Why this encoder of HARDWARE_ENCODERS cannot run here, in a few words; empty where it can."""
    if name not in av.codecs_available:
        return NOT_BUILT_IN

    def encode() -> str:
        return "" if _encode(HARDWARE_ENCODERS[name]) else "it takes pictures and returns nothing"

    return _tried(name.partition("_")[2], encode)


@cache
def why_not_decode(codec: str, device: str = "cuda") -> str:
    """Why this hardware cannot decode the codec here, in a few words; empty where it can."""
    if device not in hwdevices_available():  # PyAV would take any other
        return NOT_BUILT_IN

    def decode() -> str:
        accelerator = HWAccel(device, allow_software_fallback=False)
        decoder = av.CodecContext.create(codec, "r", hwaccel=accelerator)
        if not decoder.is_hwaccel or not isinstance(decoder, av.VideoCodecContext):
            return NOT_BUILT_IN
        sample = _encode(ENCODERS[codec])
        pictures = [picture for packet in (*sample, None) for picture in decoder.decode(packet)]
        return "" if pictures else "it takes the video and returns no picture"

    return _tried(device, decode)


def _tried(family: str, probe: Callable[[], str]) -> str:
    try:
        return probe()
    except Exception as error:  # a probe: drivers fail in every possible way
        return _reason(family, error)


def _devices() -> Iterator[str]:
    """Those of FFmpeg's devices that decode at least one of the codecs."""
    for device in hwdevices_available():
        if any(device == _name_of(config) for codec in DECODED for config in _configs(codec)):
            yield device


def _configs(codec: str) -> tuple[object, ...]:
    with suppress(UnknownCodecError):
        return tuple(config for config in av.Codec(codec, "r").hardware_configs if config.is_supported)
    return ()


def _name_of(config: object) -> str:
    return str(getattr(getattr(config, "device_type", None), "name", ""))


def _encode(encoder: Encoder) -> list["av.Packet[av.VideoStream]"]:
    """One grey picture through an encoder with our own settings."""
    os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 writes its banner past FFmpeg's log
    context = av.CodecContext.create(encoder.name, "w", hwaccel=HWAccel(encoder.device) if encoder.device else None)
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = SIZE
    context.pix_fmt = encoder.pixel_format
    context.time_base = Fraction(1, 25)
    context.framerate = Fraction(25)
    context.options = encoder.options_at(encoder.crf, encoder.preset)
    grey = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    picture = av.VideoFrame.from_ndarray(grey, "rgb24").reformat(format=encoder.pixel_format)
    picture.pts = 0
    return [*context.encode(picture), *context.encode(None)]


def _reason(family: str, error: Exception) -> str:
    if family in NVIDIA and not _has_nvidia_driver():
        return "there is no NVIDIA driver on this machine"
    words = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
    return f"FFmpeg says {words!r}; {NEEDS.get(family, 'it needs its own hardware and driver')}"


def _has_nvidia_driver() -> bool:
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
