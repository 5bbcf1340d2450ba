"""Small video files for tests, and what is in a video file."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from realtime.frames.frame import Pixels
from realtime.media.colour.rgb import ColourTags, ToRgb

TICK = Fraction(1, 12800)


@dataclass(frozen=True)
class ClipRecipe:
    """What a test wants of a clip. `pts` are in ticks of `time_base`; `sounds` are codecs of one-second tones."""

    size: tuple[int, int] = (64, 48)
    pts: Sequence[int] = tuple(range(0, 10 * 512, 512))
    time_base: Fraction = TICK
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    tags: ColourTags = field(default_factory=ColourTags)
    pixel_aspect: Fraction | None = None
    rotation: int = 0
    sounds: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    chapters: bool = False


def write_clip(path: Path, recipe: ClipRecipe | None = None, **changes: Any) -> Path:
    """A clip of grey ramps that move."""
    recipe = recipe or ClipRecipe(**changes)
    exact = (
        {"movie_timescale": "12800"} if path.suffix in (".mp4", ".mov") else {}
    )  # or the start is cut to milliseconds
    with av.open(str(path), "w", container_options=exact) as output:
        output.metadata.update(recipe.metadata)
        if recipe.chapters:
            output.set_chapters([chapter(0, "Part 0"), chapter(100, "Part 1")])
        video = _add_video(output, recipe)
        sounds = [output.add_stream(codec, rate=48000) for codec in recipe.sounds]
        texts = [_add_subtitles(output, codec) for codec in recipe.subtitles]
        for index, pts in enumerate(recipe.pts):
            output.mux(video.encode(ramp(recipe, index, pts)))
        output.mux(video.encode(None))
        for sound in sounds:
            write_tone(output, sound)
        for text in texts:
            _write_lines(output, text)
    return path


def write_frames(path: Path, frames: Sequence[Pixels]) -> Path:
    """A clip of these frames, uint8 [H, W, 3] RGB, at 25 a second; what is lost is chroma's resolution alone."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=25, options={"qp": "0"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            output.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(video.encode(None))
    return path


def chapter(start_ms: int, title: str) -> Any:
    return {
        "id": start_ms,
        "start": start_ms,
        "end": start_ms + 100,
        "time_base": Fraction(1, 1000),
        "metadata": {"title": title},
    }


def ramp(recipe: ClipRecipe, index: int, pts: int) -> av.VideoFrame:
    width, height = recipe.size
    frame = av.VideoFrame(width, height, "gray")
    plane = np.frombuffer(frame.planes[0], np.uint8).reshape(height, -1)  # type: ignore[call-overload]
    plane[:, :width] = (np.arange(width) * 3 + index * 5) % 200 + 20
    frame = frame.reformat(format=recipe.pixel_format)
    frame.pts, frame.time_base = pts, recipe.time_base
    return frame


def _add_video(output: av.container.OutputContainer, recipe: ClipRecipe) -> av.VideoStream:
    video = output.add_stream(recipe.codec, rate=25)
    assert isinstance(video, av.VideoStream)
    video.width, video.height = recipe.size
    video.pix_fmt = recipe.pixel_format
    context = video.codec_context
    context.time_base = recipe.time_base
    context.colorspace, context.color_range = recipe.tags.matrix, recipe.tags.range
    context.color_primaries, context.color_trc = recipe.tags.primaries, recipe.tags.transfer
    if recipe.pixel_aspect:
        context.sample_aspect_ratio = recipe.pixel_aspect
    if recipe.rotation:
        video.set_display_rotation(recipe.rotation)
    return video


def write_tone(output: av.container.OutputContainer, stream: Any) -> None:
    """A second of sound."""
    wave = np.sin(np.arange(48000) * 0.05).astype(np.float32)
    resampler = av.AudioResampler(stream.format.name, stream.layout.name, 48000, frame_size=stream.frame_size or 1024)
    sound = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
    sound.sample_rate, sound.pts = 48000, 0
    for frame in (*resampler.resample(sound), *resampler.resample(None)):
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _add_subtitles(output: av.container.OutputContainer, codec: str) -> Any:
    return output.add_mux_stream(codec, time_base=Fraction(1, 1000))


def _write_lines(output: av.container.OutputContainer, stream: Any) -> None:
    for index, line in enumerate((b"one", b"two")):
        packet = av.Packet(line)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = 100 * index
        packet.duration = 90
        output.mux(packet)


def read_times(path: Path) -> list[Fraction]:
    """The exact time of every frame that decodes. Its picture is not kept, nor are its edges smoothed."""
    times: list[Fraction] = []
    with suppress(av.FFmpegError), av.open(str(path)) as source:  # what comes before a break counts
        source.streams.video[0].codec_context.options = {"skip_loop_filter": "all"}
        for frame in source.decode(video=0):
            if frame.pts is not None and frame.time_base:
                times.append(frame.pts * frame.time_base)
    return times


def read_pictures(path: Path, most: int | None = None) -> list[av.VideoFrame]:
    pictures: list[av.VideoFrame] = []
    with av.open(str(path)) as source:
        try:
            for picture in source.decode(video=0):
                pictures.append(picture)
                if len(pictures) == most:
                    break
        except av.FFmpegError:
            pass  # what comes before the break counts
    return pictures


def read_rgb(path: Path, index: int = 0) -> Pixels:
    """A frame in RGB by the file's own tags."""
    picture = read_pictures(path, index + 1)[-1]
    size = (picture.width, picture.height)
    return ToRgb(ColourTags.of(picture), size, size)(picture)


def read_packets(path: Path, *kinds: str) -> list[list[tuple[bytes, Fraction]]]:
    """The packets of all streams of these kinds, with their times, stream by stream."""
    with av.open(str(path)) as source:
        chosen = [stream for stream in source.streams if stream.type in kinds]
        packets: dict[int, list[tuple[bytes, Fraction]]] = {stream.index: [] for stream in chosen}
        for packet in source.demux(chosen) if chosen else ():
            if packet.size and packet.pts is not None:
                packets[packet.stream_index].append((bytes(packet), packet.pts * packet.time_base))
    return list(packets.values())


def psnr_db(one: Pixels, other: Pixels) -> float:
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
