"""The encoders that we use, on the processor and in hardware, with our defaults in FFmpeg's words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from realtime.media.containers import Container

MOST_PIXELS_A_SIDE = 16384  # of H.264 and AV1; SVT-AV1 takes larger numbers and writes another size


@dataclass(frozen=True, slots=True)
class Rung:
    """A preset that gives more picture for the size than the default, for `cost` times its processor time.

    `crf` is the quality at which it is no worse than the default at its own.
    """

    preset: str
    cost: float
    crf: int


@dataclass(frozen=True, slots=True)
class Encoder:
    """An FFmpeg encoder with our defaults.

    `crf` is visually lossless for painted pictures, `preset` the slowest that leaves a 2-core machine to the net;
    `preset_option` is the name under which the encoder takes it, `presets` are all it knows, `options` are always set,
    and `with_default` where the preset is our default. `quality_option` is the name under which it takes what is called
    crf here, which goes up to `most_crf`, and `quality` says that in its words. `device` is FFmpeg's name of the
    hardware on which it takes pictures that lie there already. `ladder` are slower presets, each dearer than the one
    before, for `--preset auto`. One that `takes_rgb` turns colours into planes itself.
    """

    name: str
    crf: int
    preset: str
    preset_option: str
    presets: tuple[str, ...]
    options: Mapping[str, str]
    tag: str = ""
    even_sizes_only: bool = True
    quality_option: str = "crf"
    quality: Callable[[int], str] = str
    most_crf: int = 63
    pixel_format: str = "yuv420p"
    most_side: int = MOST_PIXELS_A_SIDE
    device: str = ""
    ladder: tuple[Rung, ...] = ()
    with_default: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_rgb(self) -> bool:
        return self.pixel_format == RGB_FORMAT

    def options_at(self, crf: int, preset: str) -> dict[str, str]:
        """All options in FFmpeg's words."""
        further = self.with_default if preset == self.preset else {}
        return {**self.options, **further, self.quality_option: self.quality(crf), self.preset_option: preset}


@dataclass(frozen=True, slots=True)
class Encoding:
    """What a video is written in: the container, the encoder and its quality."""

    container: Container
    encoder: Encoder
    crf: int
    preset: str

    def options(self) -> dict[str, str]:
        """The encoder's options in FFmpeg's words."""
        return self.encoder.options_at(self.crf, self.preset)

    @property
    def tells_aspect(self) -> bool:
        """Whether players will know how to stretch the picture: by the container, or by the stream itself."""
        return self.container.tells_aspect or self.encoder.name in TELL_PIXEL_ASPECT


X26_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
SVT_PRESETS = tuple(str(number) for number in range(-1, 14))
VPX_SPEEDS = tuple(str(number) for number in range(-8, 9))
VPX_OPTIONS = {"b": "0", "deadline": "realtime", "row-mt": "1"}
RGB_FORMAT = "bgra"  # of encoders that make their own planes
TELL_PIXEL_ASPECT = ("libx264", "libx265")  # in the stream; the others leave it to the container

# Measured on painted films of 360 to 1080 lines: superfast takes half of the processor time of veryfast, for 0.1 to
# 0.8 dB less at equal size. The net needs that time more.
# For `--preset auto`. On the same films every rung gives more PSNR and SSIM than the default at equal size: x264's
# first 0.1 to 0.8 dB of PSNR, its last 1.3 to 1.7. The costs lie among those measured. Left out is what gives no more
# than its neighbour (x264's slower, x265's fast and medium), or once less SSIM (SVT-AV1's 9).
X264_LADDER = (
    Rung("veryfast", 2.0, 17),
    Rung("faster", 3.7, 18),
    Rung("fast", 5.2, 18),
    Rung("medium", 6.4, 18),
    Rung("slow", 10.0, 18),
)
# A painting has strokes everywhere, and few flat places to save bits for: half of x264's adaptive quantisation. What
# superfast spends on choosing B pictures and on blocks of 4x4 gives a painting nothing. Beside plain superfast that is
# 0.2 to 0.5 dB more at equal size, in nine tenths of the time. (Without looking between pixels, subme 0, it would be
# eight tenths, but a film of quiet faces lost 0.2 dB.)
X264_OPTIONS = {"aq-strength": "0.5"}
X264_SUPERFAST = {"b_strategy": "0", "partitions": "i8x8"}
X265_LADDER = (Rung("superfast", 2.0, 18), Rung("veryfast", 2.5, 19))
SVT_LADDER = (Rung("8", 1.8, 24), Rung("7", 2.3, 23), Rung("6", 2.8, 23))


def _for_webp(crf: int) -> str:
    """Its quality is 0..100, higher is better."""
    return str(100 - crf)


ENCODERS = {
    "h264": Encoder(
        "libx264", 18, "superfast", "preset", X26_PRESETS, X264_OPTIONS, most_crf=51, ladder=X264_LADDER,
        with_default=X264_SUPERFAST,
    ),
    "hevc": Encoder(
        "libx265", 18, "ultrafast", "preset", X26_PRESETS, {"x265-params": "log-level=error"}, tag="hvc1", most_crf=51,
        ladder=X265_LADDER,
    ),
    "av1": Encoder("libsvtav1", 24, "10", "preset", SVT_PRESETS, {}, even_sizes_only=False, ladder=SVT_LADDER),
    "vp9": Encoder("libvpx-vp9", 22, "8", "cpu-used", VPX_SPEEDS, VPX_OPTIONS, even_sizes_only=False),
    "webp": Encoder(
        "libwebp_anim", 25, "4", "compression_level", tuple("0123456"), {}, even_sizes_only=False,
        quality_option="quality", quality=_for_webp, pixel_format=RGB_FORMAT, most_side=16383,
    ),
}  # fmt: skip


def _for_videotoolbox(crf: int) -> str:
    """Its quality is 1..100, higher is better, in units of FFmpeg's FF_QP2LAMBDA."""
    return str(118 * max(1, 100 - 2 * crf))


NVENC_PRESETS = tuple(f"p{number}" for number in range(1, 8))
NVENC_OPTIONS = {"rc": "vbr", "b": "0"}  # without a bit rate the quality alone decides
H264_NVENC = Encoder(
    "h264_nvenc",
    19,
    "p4",
    "preset",
    NVENC_PRESETS,
    NVENC_OPTIONS,
    quality_option="cq",
    most_crf=51,
    pixel_format="nv12",
    device="cuda",
)
H264_QSV = Encoder(
    "h264_qsv", 19, "medium", "preset", X26_PRESETS[2:9], {}, quality_option="global_quality", most_crf=51,
    pixel_format="nv12",
)  # fmt: skip
H264_VAAPI = Encoder(
    "h264_vaapi", 20, "4", "compression_level", tuple("1234567"), {"rc_mode": "CQP"}, quality_option="qp", most_crf=51,
    pixel_format="nv12", device="vaapi",
)  # fmt: skip
H264_VIDEOTOOLBOX = Encoder(
    "h264_videotoolbox", 18, "0", "prio_speed", ("0", "1"), {"flags": "+qscale"}, quality_option="global_quality",
    quality=_for_videotoolbox, most_crf=49,
)  # fmt: skip
# Taken only where asked for by name: x264 gives more picture for the size, and "auto" the same file on every machine.
HARDWARE_ENCODERS = {
    encoder.name: encoder
    for encoder in (
        H264_NVENC,
        replace(H264_NVENC, name="hevc_nvenc", crf=21, tag="hvc1"),
        replace(H264_NVENC, name="av1_nvenc", crf=26),
        H264_QSV,
        replace(H264_QSV, name="hevc_qsv", crf=21, tag="hvc1"),
        H264_VAAPI,
        replace(H264_VAAPI, name="hevc_vaapi", crf=22, tag="hvc1"),
        H264_VIDEOTOOLBOX,
        replace(H264_VIDEOTOOLBOX, name="hevc_videotoolbox", tag="hvc1"),
    )
}
