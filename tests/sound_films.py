"""Films with sound whose every sample can be found again, and where it is in a file."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

PICTURE_RATE = 25
BLOCK = 960
LONGEST_SECONDS = 4


@dataclass(frozen=True)
class SoundRecipe:
    """A sound of `spans` (begin and end in seconds), silent between and without packets there."""

    codec: str = "aac"
    rate: int = 48000
    layout: str = "stereo"
    spans: Sequence[tuple[Fraction, Fraction]] = ((Fraction(0), Fraction(2)),)
    sample_format: str = ""
    language: str = ""


def write_film(
    path: Path, *recipes: SoundRecipe, seconds: int = 2, codec: str = "mpeg4", sound_last: bool = False
) -> Path:
    """Small grey pictures from second 0 on, and the sounds; with `sound_last` all behind the last picture."""
    options = {"movie_timescale": "48000"} if path.suffix in (".mp4", ".mov") else {}
    if sound_last:
        options["max_interleave_delta"] = "1"  # microsecond that pictures wait for sound
    with av.open(str(path), "w", container_options=options) as output:
        video: Any = output.add_stream(codec, rate=PICTURE_RATE)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        streams = [add_sound(output, recipe) for recipe in recipes]
        for index in range(seconds * PICTURE_RATE):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 + index, np.uint8), "rgb24")
            picture.pts, picture.time_base = index, Fraction(1, PICTURE_RATE)
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        for stream, recipe in zip(streams, recipes, strict=True):
            write_sound(output, stream, recipe)
    return path


def add_sound(output: av.container.OutputContainer, recipe: SoundRecipe) -> Any:
    stream: Any = output.add_stream(recipe.codec, rate=recipe.rate)
    stream.layout = recipe.layout
    stream.bit_rate = 128_000
    if recipe.sample_format:
        stream.format = recipe.sample_format
    if recipe.language:
        stream.metadata["language"] = recipe.language
    return stream


def write_sound(output: av.container.OutputContainer, stream: Any, recipe: SoundRecipe) -> None:
    channels = av.AudioLayout(recipe.layout).nb_channels
    for begin, end in recipe.spans:
        first, last = round(begin * recipe.rate), round(end * recipe.rate)
        for place in range(first, last, BLOCK):
            samples = noise(place, min(BLOCK, last - place), channels, recipe.rate)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T).reshape(1, -1), "flt", recipe.layout)
            frame.sample_rate, frame.pts, frame.time_base = recipe.rate, place, Fraction(1, recipe.rate)
            output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def noise(place: int, samples: int, channels: int, rate: int) -> Samples:
    """(channels, samples): another noise in each channel, below an eighth of the rate, and always the same."""
    return all_noise(channels, rate)[:, place : place + samples]


@cache
def all_noise(channels: int, rate: int) -> Samples:
    kernel = np.sinc((np.arange(32) - 15.5) / 4) * np.hanning(32)
    white = np.random.default_rng(7).standard_normal((channels, LONGEST_SECONDS * rate))
    smooth = [np.convolve(channel, kernel / kernel.sum(), "valid") for channel in white]
    return (0.15 * np.stack(smooth)).astype(np.float32)


def heard(path: Path, stream: int = 0) -> tuple[Samples, int]:
    """(channels, samples) from second 0 of the pictures on, each where its time says, and the rate."""
    zero = first_picture_seconds(path)
    parts: list[tuple[int, Samples]] = []
    place = 0
    with av.open(str(path)) as source:
        track = source.streams.audio[stream]
        rate = track.codec_context.sample_rate
        resampler = av.AudioResampler("flt")
        for frame in decoded(source.demux(track)):
            if frame.pts is not None:  # the last that a decoder held back follow on
                place = round((frame.pts * frame.time_base - zero) * rate)
            packed = resampler.resample(frame)[0].to_ndarray().astype(np.float32)
            parts.append((place, packed.reshape(-1, frame.layout.nb_channels).T))
            place += frame.samples
    timeline = np.zeros((parts[0][1].shape[0], place), np.float32)
    for place, samples in parts:
        kept = samples[:, max(0, -place) :]
        timeline[:, max(0, place) : max(0, place) + kept.shape[1]] = kept
    return timeline, rate


def decoded(packets: Iterable[Any]) -> Iterator[Any]:
    """The frames of those packets that are whole."""
    for packet in packets:
        with suppress(av.FFmpegError):
            yield from packet.decode()


def first_picture_seconds(path: Path) -> Fraction:
    with av.open(str(path)) as source:
        frame = next(source.decode(video=0))
        assert frame.pts is not None
        assert frame.time_base is not None
        return frame.pts * frame.time_base


def late_samples(sound: Samples, original: Samples, begin: int, end: int, most: int = 4000) -> int:
    """How many samples later than in `original` its samples `begin` to `end` are heard: where they are most alike."""
    wanted = original[begin:end].astype(np.float64)
    low = max(0, begin - most)
    seen = np.zeros(end - begin + 2 * most)
    part = sound[low : end + most]
    offset = low - (begin - most)
    seen[offset : offset + len(part)] = part[: len(seen) - offset]
    length = 1 << (len(seen) + len(wanted)).bit_length()
    spectrum = np.fft.rfft(seen, length) * np.conj(np.fft.rfft(wanted, length))
    return int(np.argmax(np.fft.irfft(spectrum, length)[: 2 * most + 1])) - most
