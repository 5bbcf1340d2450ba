"""Files of every kind for the campaign: containers × codecs × rates × starts × damage, each from its seed alone.

Every picture carries its number as stripes of black and white, and every tenth one comes with a click in the sound, so
that what comes out of the program can be compared picture by picture, and the sound with the pictures.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

WIDTH, HEIGHT = 96, 64
BITS = 8
PICTURES = 50
CLICK_EVERY = 10
CLICK_SECONDS = 0.03
SOUND_RATE = 44100

# By suffix: FFmpeg's name of the container, and the codecs that it is tried with.
CONTAINERS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "mp4": ("mp4", ("libx264", "mpeg4", "libvpx-vp9", "libx265", "mjpeg"), ("aac", "ac3", "mp3", "libopus", "alac")),
    "mov": ("mov", ("libx264", "prores_ks", "mjpeg", "qtrle"), ("aac", "pcm_s16le", "pcm_alaw", "adpcm_ima_qt")),
    "mkv": ("matroska", ("libx264", "mpeg4", "libvpx", "ffv1", "mpeg2video"), ("aac", "vorbis", "flac", "pcm_s16le")),
    "webm": ("webm", ("libvpx", "libvpx-vp9"), ("libopus", "vorbis")),
    "avi": ("avi", ("libx264", "mpeg4", "msmpeg4v2", "mjpeg", "huffyuv"), ("mp3", "ac3", "pcm_s16le", "adpcm_ms")),
    "ts": ("mpegts", ("libx264", "mpeg2video", "libx265"), ("aac", "mp2", "ac3")),
    "mpg": ("mpeg", ("mpeg1video", "mpeg2video"), ("mp2", "ac3")),
    "flv": ("flv", ("libx264", "flv"), ("aac", "mp3", "adpcm_swf")),
    "wmv": ("asf", ("wmv2", "msmpeg4v2"), ("wmav2", "wmav1", "mp3")),
    "nut": ("nut", ("libx264", "mpeg4"), ("libopus", "flac")),
    "3gp": ("3gp", ("libx264", "mpeg4", "h263"), ("aac",)),
    "mxf": ("mxf", ("mpeg2video",), ("pcm_s16le",)),
    "ogv": ("ogg", ("libvpx",), ("vorbis", "libopus", "flac")),
}
RATES = (Fraction(25), Fraction(30000, 1001), Fraction(15), Fraction(60))
VARIABLE = Fraction(0)
STARTS = (Fraction(0), Fraction(7, 5), Fraction(3600))
# Containers that keep a start of its own, and those that keep any times.
WITH_STARTS = ("mkv", "ts", "nut")
WITH_VARIABLE_RATES = ("mp4", "mov", "mkv", "webm", "nut", "flv")
PIXEL_FORMATS = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le", "qtrle": "rgb24", "huffyuv": "yuv422p"}
OF_FIXED_SIZES = {"h263": (128, 96)}
DAMAGES = ("", "flips", "cut", "zeros")
OUTPUTS = ("mp4", "mkv", "mov", "mp4", "mkv", "webm")


@dataclass(frozen=True, slots=True)
class CampaignFile:
    """A recipe. `rate` 0 is a variable one; `damage` is done to the bytes of the finished file; it becomes a `to`."""

    suffix: str
    video: str
    sound: str
    rate: Fraction
    start: Fraction
    damage: str
    to: str
    seed: int

    def __str__(self) -> str:
        rate = f"{float(self.rate):.5g}" if self.rate else "variable"
        start = f"-from{float(self.start):g}" if self.start else ""
        damage = f"-{self.damage}" if self.damage else ""
        return f"{self.seed:03}-{self.video}-{self.sound or 'silent'}-{rate}{start}{damage}.{self.suffix}->{self.to}"

    @property
    def times(self) -> list[Fraction]:
        """When the pictures are shown, from the first one on, in seconds."""
        if self.rate:
            return [number / self.rate for number in range(PICTURES)]
        lengths = np.random.default_rng(self.seed).integers(1, 5, PICTURES) * 20
        return [Fraction(int(ms), 1000) for ms in np.concatenate([[0], np.cumsum(lengths)[:-1]])]


def recipes(count: int) -> Iterator[CampaignFile]:
    """So many recipes, the same ones every time: every pair of container and codec comes before one comes again."""
    random = np.random.default_rng(2026)
    pairs = [(suffix, video) for suffix, (_, videos, _) in CONTAINERS.items() for video in videos]
    for seed in range(count):
        suffix, video = pairs[seed % len(pairs)]
        sounds = (*CONTAINERS[suffix][2], "")
        rates = (
            *RATES[: 2 if suffix in ("mpg", "mxf") else 4],
            *((VARIABLE,) if suffix in WITH_VARIABLE_RATES else ()),
        )
        starts = STARTS if suffix in WITH_STARTS else STARTS[:1]
        turn = seed // len(pairs)
        yield CampaignFile(
            suffix,
            video,
            sounds[(seed + turn) % len(sounds)],
            rates[int(random.integers(len(rates)))],
            starts[int(random.integers(len(starts)))],
            DAMAGES[turn % len(DAMAGES)],
            OUTPUTS[seed % len(OUTPUTS)],
            seed,
        )


def write_file(recipe: CampaignFile, path: Path) -> None:
    """av.FFmpegError or ValueError where this FFmpeg cannot make such a file at all."""
    container, _, _ = CONTAINERS[recipe.suffix]
    with av.open(str(path), "w", format=container) as output:
        video = _add_video(output, recipe)
        sound = _add_sound(output, recipe.sound) if recipe.sound else None
        output.start_encoding()
        packets = itertools.chain(_video_packets(video, recipe), _sound_packets(sound, recipe) if sound else ())
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            shift = round(recipe.start / packet.time_base)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            output.mux(packet)
    path.write_bytes(damaged(path.read_bytes(), recipe))


def damaged(content: bytes, recipe: CampaignFile) -> bytes:
    """In the middle, where the pictures are; a cut takes the last third."""
    random, size = np.random.default_rng(recipe.seed), len(content)
    if recipe.damage == "cut":
        return content[: 2 * size // 3]
    data = bytearray(content)
    if recipe.damage == "flips":
        for place in random.integers(size // 3, 2 * size // 3, 12):
            data[place] ^= int(random.integers(1, 256))
    if recipe.damage == "zeros":
        begin = size // 2
        data[begin : begin + 700] = bytes(min(700, size - begin))
    return bytes(data)


def numbered(number: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> av.VideoFrame:
    """Stripes from left to right are the bits, the lowest first; below them something moves, as in a film."""
    width, height = size
    grey = np.full((height, width), 128, np.uint8)
    for bit in range(BITS):
        grey[: height // 2, bit * width // BITS : (bit + 1) * width // BITS] = 235 if number >> bit & 1 else 16
    columns = np.arange(width)
    grey[height // 2 :] = 60 + 100 * ((columns + 3 * number) // 8 % 2)
    return av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, axis=2), format="rgb24")


def number_of(picture: av.VideoFrame) -> int | None:
    """What `numbered` wrote; None where it cannot be read any more."""
    grey = picture.to_ndarray(format="gray").astype(np.float32)
    height, width = grey.shape
    rows = grey[height // 8 : 3 * height // 8]
    means = [rows[:, int((bit + 0.25) * width / BITS) : int((bit + 0.75) * width / BITS)].mean() for bit in range(BITS)]
    if any(70 < mean < 180 for mean in means):
        return None
    return sum(1 << bit for bit, mean in enumerate(means) if mean > 128)


def _add_video(output: av.container.OutputContainer, recipe: CampaignFile) -> av.VideoStream:
    stream = output.add_stream(recipe.video, rate=recipe.rate or 25, options=_video_options(recipe.video))
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height = OF_FIXED_SIZES.get(recipe.video, (WIDTH, HEIGHT))
    stream.pix_fmt = PIXEL_FORMATS.get(recipe.video, "yuv420p")
    stream.codec_context.gop_size = 12
    if not recipe.rate:
        stream.codec_context.time_base = Fraction(1, 1000)
    return stream


def _video_options(codec: str) -> dict[str, str]:
    if codec in ("libx264", "libx265"):
        quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        return {"preset": "ultrafast", "bf": "2", "crf": "20", **quiet}
    if codec.startswith("libvpx"):
        return {"deadline": "realtime", "cpu-used": "8"}
    return {} if codec in ("ffv1", "huffyuv", "qtrle", "prores_ks", "mjpeg") else {"b": "4000000", "qmax": "4"}


def _video_packets(stream: av.VideoStream, recipe: CampaignFile) -> Iterator[Any]:
    size = (stream.width, stream.height)
    base = Fraction(1, 1000) if not recipe.rate else 1 / recipe.rate
    for number, seconds in enumerate(recipe.times):
        picture = numbered(number, size)
        picture.pts, picture.time_base = round(seconds / base), base
        yield from stream.encode(picture)
    yield from stream.encode(None)


def _add_sound(output: av.container.OutputContainer, codec: str) -> Any:
    options = {"strict": "experimental"} if codec == "vorbis" else {}
    stream: Any = output.add_stream(codec, rate=_sound_rate(codec), options=options, layout="stereo")
    if codec.startswith("wma"):
        stream.bit_rate = 128_000
    return stream


def _sound_rate(codec: str) -> int:
    return 48000 if codec == "libopus" else SOUND_RATE


def _sound_packets(stream: Any, recipe: CampaignFile) -> Iterator[Any]:
    rate = _sound_rate(recipe.sound)
    times = recipe.times
    wave = np.zeros(int((times[-1] + Fraction(1, 25)) * rate), np.float32)
    for number in range(CLICK_EVERY, PICTURES, CLICK_EVERY):
        begin = round(times[number] * rate)
        click = np.arange(int(CLICK_SECONDS * rate)) / rate
        wave[begin : begin + len(click)] = (0.7 * np.sin(2 * np.pi * 1000 * click))[: len(wave) - begin]
    stereo = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
    stereo.sample_rate, stereo.pts, stereo.time_base = rate, 0, Fraction(1, rate)
    resampler = av.AudioResampler(stream.format.name, stream.layout.name, rate, frame_size=stream.frame_size or 1024)
    for frame in (*resampler.resample(stereo), *resampler.resample(None)):
        yield from stream.encode(frame)
    yield from stream.encode(None)
