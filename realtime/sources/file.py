"""Frames of a video file, every one, with its exact time."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av

from engines.errors import BadFile, BadValue, ImpastoError, Interrupted
from engines.failures import on_failure
from realtime.frames.frame import Frame, Pixels, Planes, SplitSource
from realtime.media.clip import Clip, display_matrix, kept_metadata, turn_upright
from realtime.media.colour.device import DeviceToRgb, brought_home, lies_on_device
from realtime.media.colour.paper import on_paper
from realtime.media.colour.rgb import FULL, LUMA, RGB_MATRIX, UNSPECIFIED, ColourTags, ToRgb
from realtime.media.colour.small_copy import small_copy_of_planes
from realtime.media.file_reader import FileReader
from realtime.media.input_file import Input, open_input
from realtime.media.streams import film_of, rate_of, real_rate, what_is_in
from realtime.sources.film_decoder import FilmDecoder
from realtime.sources.gpu_decoder import GpuDecoder

ANIMATIONS = ("gif", "apng")


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A decoded frame and its time in ticks of the clip."""

    picture: av.VideoFrame
    pts: int
    captured_at: float


class FileSource(SplitSource):
    """A video file by its path, or what comes from standard input (`-`), a pipe or an address on the web.

    `height` scales to that displayed height; `report` is told in a line what is unusual. A pipe is waited for until
    `stop` is set. The film begins `start` seconds after its own beginning, BadValue where it has ended by then.
    Pictures come upright, as strokes are to lie; the clip says how players stretch them, and where nobody will,
    `square_pixels` stretches them by the pixel aspect.
    Interlaced frames are deinterlaced and HDR is tone-mapped. Times are those of the file's one clock, as the sound's
    are. Damaged parts are skipped and told; `broke_off` says that the end is lost. Raises FileNotFoundError, or
    ImpastoError where the file holds no picture that can be decoded.
    """

    live = False

    def __init__(
        self,
        source: Path | str,
        *,
        height: int | None = None,
        square_pixels: bool = False,
        report: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
        start: Fraction = Fraction(0),
    ) -> None:
        self._listener = report
        self._told: set[str] = set()
        self.broke_off = False
        opened = open_input(source, stop or threading.Event())
        self.name = opened.name
        with on_failure(opened.container.close):
            self._stream = _best_video(opened)
            self._is_animation = opened.container.format.name in ANIMATIONS
            self._reader = FileReader(opened.container, self._stream, start)
            if start and opened.path is not None:
                self._reader.wind()
            self._decoder = FilmDecoder(self._reader, self._report)
            coded = self._describe(self._begin(opened.remedy, stop), opened)
        seen = coded.upright().scaled(height)
        if square_pixels:
            seen = self._squared(seen)
        self._coded = coded
        self._to_rgb = ToRgb(coded.tags, coded.size, seen.size[::-1] if coded.lies_on_its_side else seen.size)
        self._to_device: DeviceToRgb | None = None
        self._copy_size: tuple[int, int] | None = None
        self._turn = coded.display_matrix
        self.clip = replace(seen, tags=coded.tags.written(coded.size, seen.size))
        self.size = seen.size
        self.frame_rate = coded.frame_rate

    def grab(self) -> DecodedPicture | None:
        """The next decoded picture; None at the end."""
        self._reader.keep_nothing_more()
        timed = self._waiting.popleft() if self._waiting else self._decoder.next()
        if timed is None:
            self._tell_end()
            return None
        self._decoder.took(*timed)
        return DecodedPicture(*timed, time.perf_counter())

    def retrieve(self, grabbed: DecodedPicture) -> Frame:
        """The picture at the wanted size: in RGB, or in planes where those were asked for."""
        time_base = self.clip.time_base
        planes = self._planes(grabbed.picture)
        return Frame(
            self._pixels(grabbed.picture)
            if planes is None
            else small_copy_of_planes(planes, self._copy_size or self.size),
            pts_seconds=float(grabbed.pts * time_base),
            captured_at=grabbed.captured_at,
            pts=grabbed.pts,
            time_base=time_base,
            duration=grabbed.picture.duration or None,
            planes=planes,
        )

    @property
    def begins(self) -> Fraction:
        """When the first picture is shown, in seconds; to be asked before that was grabbed."""
        return self._waiting[0][1] * self.clip.time_base

    def seconds_of(self, grabbed: DecodedPicture) -> float:
        """When the picture is shown."""
        return float(grabbed.pts * self.clip.time_base)

    def give_planes(self, copy_size: tuple[int, int]) -> None:
        """Give pictures in planes where they come so, with a copy of this size (width, height) to paint from.

        Those that are tone-mapped or in RGB still come in RGB.
        """
        tags, written = self._coded.tags, self.clip.tags
        same_luma = tags.luma(*self._coded.size) == written.luma(*self.clip.size)
        if same_luma and not self._is_animation and (tags.range == FULL) == (written.range == FULL):
            self._copy_size = copy_size

    def _planes(self, picture: av.VideoFrame) -> Planes | None:
        if self._copy_size is None or (self._to_device is not None and lies_on_device(picture)):
            return None
        planes = self._to_rgb.planes(brought_home(picture))
        if planes is None or not self._turn:
            return planes
        # Chroma that lay beside every other column lies beside every other row now, half a pixel from where it is told.
        luma, blue, red = (turn_upright(plane, self._turn) for plane in (planes.luma, *planes.chroma))
        return replace(planes, luma=luma, chroma=(blue, red))

    def _begin(self, remedy: str = "", stop: threading.Event | None = None) -> av.VideoFrame:
        """Decode up to the first picture, which waits to be grabbed."""
        first = self._decoder.next()
        if first is None and stop is not None and stop.is_set():
            raise Interrupted("stopped before the first picture")
        if first is None and self._reader.start and not self._decoder.reason:
            raise BadValue(no_picture_after(self.name, self._reader.start))
        if first is None:
            reason = self._decoder.reason or self._reader.stopped or "it holds no frame"
            raise BadFile(f"{self.name} has a video stream but no picture could be decoded ({reason}){remedy}")
        self._waiting = deque([first])
        return first[0]

    def decode_on_gpu(self) -> None:
        """From the first frame on, before any was grabbed; ImpastoError, and no change, where that cannot be.

        Frames still come in main memory, unless `keep_on_device` is asked for too.
        """
        gpu = GpuDecoder(self._stream, self._report)
        try:
            self._decode_again(gpu)
        except ImpastoError as error:
            self._decode_again(None)
            raise ImpastoError(f"the GPU's decoder does not take it ({error})") from None

    def _decode_again(self, gpu: GpuDecoder | None) -> None:
        self._decoder.close()
        self._decoder = FilmDecoder(self._reader, self._report, gpu=gpu, before=self._decoder)
        self._begin()

    @property
    def decodes_on_gpu(self) -> bool:
        return self._decoder.gpu is not None

    @property
    def turns(self) -> bool:
        """Whether pictures are turned upright, which is done in main memory."""
        return bool(self._turn)

    def keep_on_device(self, keep: bool = True) -> None:
        """Give frames as they lie in the GPU's memory, for an engine that paints there; or no longer so."""
        self._to_device = DeviceToRgb(self._coded.tags, self._coded.size, self._to_rgb.size) if keep else None

    def first(self) -> Frame:
        """A frame to try things with: the first, before any was grabbed. It will be read all the same."""
        return self.retrieve(DecodedPicture(*self._waiting[0], time.perf_counter()))

    def _pixels(self, picture: av.VideoFrame) -> Pixels:
        if self._to_device is not None and lies_on_device(picture):
            return self._to_device(picture)
        picture = brought_home(picture)
        if self._is_animation:
            picture = on_paper(picture)
        return turn_upright(self._to_rgb(picture), self._turn)

    def close(self) -> None:
        self._decoder.close()
        self._reader.close()

    def _report(self, line: str) -> None:
        """Tell a line once."""
        if self._listener is not None and line not in self._told:
            self._listener(line)
        self._told.add(line)

    def _describe(self, first: av.VideoFrame, opened: Input) -> Clip:
        stream, rate = self._stream, real_rate(opened.path, rate_of(self._stream))
        tags = _stream_tags(stream, ColourTags.of(first))
        self._note_format(stream.codec_context.pix_fmt or first.format.name, tags)
        if start := float(self._reader.clock_begins):
            where = f"at {start:.1f} s" if start > 0 else f"{-start:.1f} s before it wraps"
            self._report(f"the clock starts {where}: all times are moved to start at 0")
        return Clip(
            size=(first.width, first.height),
            time_base=self._decoder.time_base,
            frame_rate=rate,
            tags=tags,
            pixel_aspect=stream.sample_aspect_ratio or None,
            display_matrix=display_matrix(first),
            metadata=tuple(kept_metadata(stream.metadata).items()),
            frames=self._frames(rate, opened.path),
            path=opened.path,
            reader=self._reader,
        )

    def _frames(self, rate: Fraction | None, path: Path | None) -> int | None:
        """How many there will be, as far as the file tells."""
        stream, start = self._stream, self._reader.start
        frames = stream.frames or (_frames_by_duration(self._reader.container, rate) if path else None)
        if not frames or not start:
            return frames
        return None if rate is None else max(1, frames - round(start * rate))

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
            becomes = "shown on white" if self._is_animation else "dropped"
            self._report(f"transparency: {becomes}, video is written without alpha")
        if tags.matrix not in (RGB_MATRIX, UNSPECIFIED, *LUMA):
            self._report(f"colour matrix {tags.matrix} of ITU-T H.273 is not known here: read as BT.601 or BT.709")

    def _tell_end(self) -> None:
        """What was wrong on the way."""
        lines, self.broke_off = self._decoder.end()
        for line in lines:
            self._report(f"{self.name} {line}")


def no_picture_after(name: str, start: Fraction) -> str:
    """The line for who begins too late."""
    return f"{name} has no picture after {float(start):g} s; begin earlier"


def _best_video(opened: Input) -> av.VideoStream:
    film = film_of(opened.container)
    if film is None:
        remedy = "; save the cover and paint it with `impasto image`" if opened.container.streams.video else ""
        raise BadFile(f"{opened.name} has no film to paint: it holds {what_is_in(opened.container)}{remedy}")
    if film.codec_context is None:
        raise BadFile(f"{opened.name}: this FFmpeg has no decoder for its video")
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
