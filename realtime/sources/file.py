"""Frames of a video file, every one, with its exact time."""

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av

from engines.errors import BadFile, FileMissing, ImpastoError
from engines.failures import on_failure
from realtime.frames.frame import Frame, Pixels, SplitSource
from realtime.media.clip import FALLBACK_RATE, Clip, display_matrix, file_url, film_of, kept_metadata, turn_upright
from realtime.media.colour.device import DeviceToRgb, brought_home, lies_on_device
from realtime.media.colour.rgb import LUMA, RGB_MATRIX, UNSPECIFIED, ColourTags, ToRgb
from realtime.media.frame_rate import real_rate
from realtime.media.picture_filter import PictureFilters
from realtime.media.steady_clock import SteadyClock
from realtime.media.stream_words import what_is_in
from realtime.sources.gpu_decoder import GpuDecoder

MOST_DECODING_THREADS = 8
BROADCAST_FORMATS = ("mpegts", "mpeg")
LATE_START_SECONDS = 10


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A decoded frame and its time in ticks of the clip."""

    picture: av.VideoFrame
    pts: int
    captured_at: float


class FileSource(SplitSource):
    """A video file. `height` scales to that displayed height; `report` is told in a line what is unusual.

    Pictures come as they are coded, and the clip says how players turn and stretch them. Where nobody will, `upright`
    turns them by the display matrix and `square_pixels` stretches them by the pixel aspect.
    Interlaced frames are deinterlaced and HDR is tone-mapped. Damaged parts are skipped; where the file breaks off,
    the frames before the break are given and the break is told. Raises FileNotFoundError, or ImpastoError where the
    file holds no picture that can be decoded.
    """

    live = False

    def __init__(
        self,
        path: Path,
        *,
        height: int | None = None,
        upright: bool = False,
        square_pixels: bool = False,
        report: Callable[[str], None] | None = None,
    ) -> None:
        self.path = path
        self._listener = report
        self._told: set[str] = set()
        self._damage: Counter[str] = Counter()
        self._given = 0
        self.broke_off = False
        self._untimed_pts = 0
        coded = self._describe(self._begin(None))
        scaled = coded.scaled(height)
        if square_pixels:
            scaled = self._squared(scaled)
        self._coded = coded
        self._to_rgb = ToRgb(coded.tags, coded.size, scaled.size)
        self._to_device: DeviceToRgb | None = None
        self._turn = coded.display_matrix if upright else ()
        seen = scaled.upright() if upright else scaled
        self.clip = replace(seen, tags=coded.tags.written(coded.size, scaled.size))
        self.size = seen.size
        self.frame_rate = coded.frame_rate

    def grab(self) -> DecodedPicture | None:
        """The next decoded picture; None at the end."""
        picture = self._waiting.popleft() if self._waiting else next(self._frames, None)
        if picture is None:
            self._tell_damage()
            return None
        self._given += 1
        return DecodedPicture(picture, self._next_pts(picture), time.perf_counter())

    def retrieve(self, grabbed: DecodedPicture) -> Frame:
        """The picture in RGB at the wanted size."""
        time_base = self.clip.time_base
        return Frame(
            self._pixels(grabbed.picture),
            pts_seconds=float(grabbed.pts * time_base),
            captured_at=grabbed.captured_at,
            pts=grabbed.pts,
            time_base=time_base,
            duration=grabbed.picture.duration or None,
        )

    def _begin(self, gpu: GpuDecoder | None) -> av.VideoFrame:
        """Open the file at its first picture, which waits to be grabbed."""
        self._gpu, self._container = gpu, _open(self.path)
        with on_failure(self._container.close):
            self._stream = _best_video(self._container, self.path)
            self._stream.thread_type = "AUTO"
            self._stream.thread_count = min(MOST_DECODING_THREADS, os.cpu_count() or 1)
            self._clock = SteadyClock(self._time_base)
            self._damage.clear()
            self._frames = self._filtered(self._decoded())
            first = self._first_picture()
        self._waiting = deque([first])
        return first

    def decode_on_gpu(self) -> None:
        """From the first frame on, before any was grabbed; ImpastoError, and no change, where that cannot be.

        Frames still come in main memory, unless `keep_on_device` is asked for too.
        """
        gpu = GpuDecoder(self._stream, self._report)
        self.close()
        try:
            self._begin(gpu)
        except ImpastoError as error:
            self._begin(None)
            raise ImpastoError(f"the GPU's decoder does not take it ({error})") from None

    @property
    def decodes_on_gpu(self) -> bool:
        return self._gpu is not None

    def keep_on_device(self, keep: bool = True) -> None:
        """Give frames as they lie in the GPU's memory, for an engine that paints there; or no longer so."""
        self._to_device = DeviceToRgb(self._coded.tags, self._coded.size, self._to_rgb.size) if keep else None

    def first(self) -> Frame:
        """A frame to try things with: the first, before any was grabbed. It will be read all the same."""
        return self.retrieve(DecodedPicture(self._waiting[0], 0, time.perf_counter()))

    def _pixels(self, picture: av.VideoFrame) -> Pixels:
        if self._to_device is not None and lies_on_device(picture):
            return self._to_device(picture)
        return turn_upright(self._to_rgb(brought_home(picture)), self._turn)

    def close(self) -> None:
        self._frames.close()
        self._container.close()

    def _report(self, line: str) -> None:
        """Tell a line once."""
        if self._listener is not None and line not in self._told:
            self._listener(line)
        self._told.add(line)

    def _decoded(self) -> Generator[av.VideoFrame, None, None]:
        """Every frame that decodes. What does not is counted, and reading goes on as long as the file gives packets."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.EOFError):
                return
            except av.FFmpegError as error:
                self._damage[f"reading stopped: {error.strerror}"] += 1
                return
            try:
                yield from self._gpu.decode(packet) if self._gpu else packet.decode()
            except av.FFmpegError as error:
                self._damage[f"packets that do not decode: {error.strerror}"] += 1

    def _filtered(self, frames: Iterator[av.VideoFrame]) -> Generator[av.VideoFrame, None, None]:
        """The frames, put right where they are unusual."""
        filters = PictureFilters(self._time_base, self._report)
        for frame in frames:
            yield from filters.push(frame)
        yield from filters.rest()

    @property
    def _time_base(self) -> Fraction:
        return self._stream.time_base or 1 / FALLBACK_RATE

    def _first_picture(self) -> av.VideoFrame:
        first = next(self._frames, None)
        if first is None:
            reason = "; ".join(self._damage) or "it holds no frame"
            raise BadFile(f"{self.path} has a video stream but no picture could be decoded ({reason})")
        return first

    def _describe(self, first: av.VideoFrame) -> Clip:
        stream = self._stream
        tags = _stream_tags(stream, ColourTags.of(first))
        self._note_format(stream.codec_context.pix_fmt or first.format.name, tags)
        rate = real_rate(self.path, stream.average_rate or stream.guessed_rate)
        return Clip(
            size=(first.width, first.height),
            time_base=self._time_base,
            frame_rate=rate,
            tags=tags,
            pixel_aspect=stream.sample_aspect_ratio or None,
            display_matrix=display_matrix(first),
            metadata=tuple(kept_metadata(stream.metadata).items()),
            frames=stream.frames or _frames_by_duration(self._container, rate),
            path=self.path,
            origin_seconds=self._origin_seconds(),
        )

    def _origin_seconds(self) -> Fraction:
        """Zero, except for a broadcast clock that has run for long: players would wait for the first frame."""
        start = Fraction(self._container.start_time or 0, av.time_base)
        if self._container.format.name not in BROADCAST_FORMATS or start < LATE_START_SECONDS:
            return Fraction(0)
        self._report(f"the clock starts at {float(start):.1f} s: all times are moved back to start at 0")
        return start // self._time_base * self._time_base

    def _squared(self, clip: Clip) -> Clip:
        squared = clip.with_square_pixels()
        if squared is not clip:
            width, height = squared.size
            self._report(f"pixel aspect {clip.pixel_aspect}: written in square pixels as {width}x{height}")
        return squared

    def _note_format(self, pixel_format: str, tags: ColourTags) -> None:
        components = av.VideoFormat(pixel_format).components
        if components[0].bits > 8:
            self._report(f"{components[0].bits}-bit colour: painted and written in 8 bits")
        if any(component.is_alpha for component in components) or self._stream.metadata.get("alpha_mode") == "1":
            self._report("transparency: dropped, video is written without alpha")
        if tags.matrix not in (RGB_MATRIX, UNSPECIFIED, *LUMA):
            self._report(f"colour matrix {tags.matrix} of ITU-T H.273 is not known here: read as BT.601 or BT.709")

    def _next_pts(self, picture: av.VideoFrame) -> int:
        """The picture's time in ticks, later than the one before; made up where the file has none (raw streams)."""
        pts = picture.pts if picture.pts is not None else picture.dts
        if pts is None:
            pts = self._untimed_pts
        else:
            pts -= int(self.clip.origin_seconds / self.clip.time_base)
        pts += self._clock.shift_for(pts, picture.duration or self._frame_ticks)
        self._untimed_pts = pts + self._frame_ticks
        return pts

    @property
    def _frame_ticks(self) -> int:
        return max(1, round(1 / (self.frame_rate or FALLBACK_RATE) / self.clip.time_base))

    def _tell_damage(self) -> None:
        expected = self.clip.frames  # an estimate: only where something did not decode are fewer frames a loss
        self.broke_off |= bool(self._damage and expected and self._given < expected)
        self._damage["times out of order, moved on by a tick"] += self._clock.nudged
        self._damage["the clock jumps back, and goes on from there"] += self._clock.jumps
        self._damage = +self._damage
        for what, count in self._damage.items():
            self._report(f"{self.path.name} is damaged: {what} ({count} times)")
        if self.broke_off:
            self._report(f"{self.path.name} breaks off: {self._given} of {expected} frames could be decoded")
        self._damage.clear()
        self._clock.nudged = self._clock.jumps = 0


def _open(path: Path) -> av.container.InputContainer:
    try:
        return av.open(file_url(path), metadata_errors="replace")
    except av.FileNotFoundError:
        raise FileMissing(f"there is no file {path}") from None
    except av.FFmpegError as error:
        raise BadFile(f"{path} is not a video that FFmpeg can read: {error.strerror}") from None


def _best_video(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    film = film_of(container)
    if film is None:
        remedy = "; save the cover and paint it with `impasto image`" if container.streams.video else ""
        raise BadFile(f"{path} has no film to paint: it holds {what_is_in(container)}{remedy}")
    if film.codec_context is None:
        raise BadFile(f"{path}: this FFmpeg has no decoder for its video")
    return film


def _stream_tags(stream: av.VideoStream, tags: ColourTags) -> ColourTags:
    """The frame's tags, with the stream's where the frame tells none."""
    context = stream.codec_context
    return ColourTags(
        tags.matrix if tags.matrix != UNSPECIFIED else context.colorspace,
        tags.range or context.color_range,
        tags.primaries if tags.primaries != UNSPECIFIED else context.color_primaries,
        tags.transfer if tags.transfer != UNSPECIFIED else context.color_trc,
    )


def _frames_by_duration(container: av.container.InputContainer, rate: Fraction | None) -> int | None:
    if container.duration is None or rate is None:
        return None
    return max(1, round(container.duration / av.time_base * rate))
