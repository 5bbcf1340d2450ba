"""A video file that gets its name when it is complete."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import OutputContainer

from engines.errors import BadValue
from engines.failures import on_failure
from realtime.frames.frame import Frame, SplitSink
from realtime.media.clip import Clip
from realtime.media.colour.rgb import FromRgb
from realtime.media.containers import AUTO, STANDARD_OUTPUT
from realtime.media.encoders import Encoding
from realtime.media.encoding import choose_encoding, prepare_encoder
from realtime.media.hardware_video import accelerator_of
from realtime.media.output_file import PartialFile, clear_errors
from realtime.media.reader_pipe import StandardOutput
from realtime.media.stream_copy import StreamCopy, muxer_options
from realtime.media.streams import file_url

if TYPE_CHECKING:
    from realtime.media.colour.device import DeviceFromRgb

MOST_HELD_SECONDS = 60  # beyond that a duration is damage


@dataclass(frozen=True, slots=True)
class PreparedPicture:
    """A picture in the encoder's format, and the time of the clip in seconds at which it begins."""

    picture: av.VideoFrame
    begins: Fraction


class FileSink(SplitSink):
    """Writes frames as video, with everything else of the clip's own file copied beside them.

    The path "-" is standard output, where the file comes as a stream for others to read.

    The frames keep their times exactly (Matroska counts in milliseconds). The clip's pixel aspect and colour tags are
    written. `audio` is one of SOUND_CHOICES. `report` is told in a line what could not be kept. Where `stop` is set
    when the sink is closed, the sound ends with the pictures; else with the clip, or after `ends` seconds. One that
    `waits` has its encoder chosen by `begin`, before the first frame of the clip is read; until then it prepares frames
    alone. Raises ImpastoError where encoder or container refuse, and OSError where the disk does.
    """

    def __init__(
        self,
        path: Path,
        clip: Clip,
        *,
        encoding: Encoding | None = None,
        overwrite: bool = True,
        audio: str = AUTO,
        report: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
        ends: Fraction | None = None,
        waits: bool = False,
    ) -> None:
        self.path = Path("standard output") if path == STANDARD_OUTPUT else path
        self._clip = clip
        self._encoding = encoding or choose_encoding(path)
        self._audio = audio
        self._report = report or (lambda line: None)
        self._stop, self._ends = stop or threading.Event(), ends
        self.takes_planes = self.takes_device_frames = not self._encoding.encoder.takes_rgb
        self._from_rgb = FromRgb(clip.tags, clip.size, even=self._encoding.encoder.even_sizes_only)
        self._check_size()
        self._place = StandardOutput(self._stop) if path == STANDARD_OUTPUT else PartialFile(path, overwrite=overwrite)
        self._begun: Fraction | None = None
        self._last: av.VideoFrame | None = None
        self._open = True
        with on_failure(self._place.discard), clear_errors(self.path):
            self._container = self._open_container()
        if not waits:
            self.begin(self._encoding)

    def begin(self, encoding: Encoding) -> None:
        """Open the encoder, in the container that was opened; once, and not where the sink did not wait."""
        self._encoding = encoding
        with on_failure(self._give_up), clear_errors(self.path):
            self._copy = StreamCopy(
                self._clip, self._container, self._report, self._add_video, self._audio, ends=self._ends
            )
            self._container.start_encoding()

    def prepare(self, frame: Frame) -> PreparedPicture:
        """The frame in the encoder's format."""
        exact = frame.pts is not None and frame.time_base is not None
        seconds = frame.pts * frame.time_base if exact else Fraction(frame.pts_seconds)  # type: ignore[operator]
        picture = self._encodable(frame)
        picture.time_base = self._clip.time_base
        picture.pts = round(seconds / self._clip.time_base)
        picture.duration = frame.duration or 0
        return PreparedPicture(picture, picture.pts * self._clip.time_base)

    def _encodable(self, frame: Frame) -> av.VideoFrame:
        if self._encoding.encoder.takes_rgb:
            return av.VideoFrame.from_ndarray(frame.data, "rgb24").reformat(format=self._encoding.encoder.pixel_format)
        if frame.planes is not None:
            return self._from_rgb.of_planes(frame.planes)
        return self._from_device(frame.data) if frame.on_device else self._from_rgb(frame.data)

    def put(self, prepared: PreparedPicture) -> None:
        """Encode the picture, after copying what begins before it."""
        with clear_errors(self.path):
            self._copy.until(prepared.begins)
            self._copy.mux(self._stream.encode(prepared.picture))
        self._place.check()
        self._begun, self._last = prepared.begins, prepared.picture

    def close(self) -> None:
        """Finish the file and give it its name; a file without a frame is not kept."""
        if not self._open:
            return
        if self._begun is None:
            self.abort()
            return
        with clear_errors(self.path):
            self._hold_last()
            self._copy.mux(self._stream.encode(None))
            if self._stop.is_set():
                self._copy.until(self._begun + 1 / self._clip.encoder_rate, read_on=True)
            elif self._ends is not None:
                self._copy.until(self._ends, read_on=True)
            else:
                self._copy.rest()
            self._open = False
            self._copy.close()
            self._place.commit()

    def abort(self) -> None:
        """Leave nothing under the final name, unless the file is complete."""
        self._open = False
        self._give_up()

    def _hold_last(self) -> None:
        """The last picture once more at the end of a long time of its own: encoders forget how long a picture lasts."""
        picture, step = self._last, round(1 / self._clip.encoder_rate / self._clip.time_base)
        longest = MOST_HELD_SECONDS / self._clip.time_base
        if picture is None or picture.pts is None:
            return
        duration = picture.duration
        if self._ends is not None and self._begun is not None:
            duration = min(duration, round((self._ends - self._begun) / self._clip.time_base))
        if 2 * step < duration < longest:
            picture.pts += duration - step
            self._copy.mux(self._stream.encode(picture))

    @cached_property
    def _from_device(self) -> "DeviceFromRgb":
        """Made when the first frame comes that lies on a GPU, since it loads torch."""
        from realtime.media.colour.device import DeviceFromRgb

        encoder = self._encoding.encoder
        stays = encoder.device == "cuda"
        return DeviceFromRgb(self._clip.tags, self._clip.size, even=encoder.even_sizes_only, stays=stays)

    def _give_up(self) -> None:
        with suppress(Exception):
            self._container.close()
        self._place.discard()

    def _open_container(self) -> OutputContainer:
        name, place = self._encoding.container.name, self._place
        if isinstance(place, StandardOutput):
            options = muxer_options(self._clip, name, streamed=True)
            return av.open(place, "w", format=name, container_options=options)
        place.hold()
        options = muxer_options(self._clip, name)
        return av.open(file_url(place.path), "w", format=name, container_options=options)

    def _add_video(self) -> None:
        encoder, clip = self._encoding.encoder, self._clip
        hardware = accelerator_of(encoder)
        stream: av.VideoStream = self._container.add_stream(encoder.name, clip.encoder_rate, hwaccel=hardware)  # type: ignore[assignment]
        prepare_encoder(stream.codec_context, self._encoding, clip, self._from_rgb.written_size)
        if encoder.tag:
            stream.codec_context.codec_tag = encoder.tag
        stream.metadata.update(clip.metadata)
        self._note_size()
        self._stream = stream

    def _check_size(self) -> None:
        width, height = self._from_rgb.written_size
        most = self._encoding.encoder.most_side
        if max(width, height) > most:
            raise BadValue(
                f"{self.path}: {width}x{height} is too large, encoders take {most} pixels a side; "
                "choose a smaller --height"
            )

    def _note_size(self) -> None:
        written = self._from_rgb.written_size
        if written != self._clip.size:
            odd, even = ("x".join(map(str, size)) for size in (self._clip.size, written))
            name = self._encoding.encoder.name
            self._report(f"{odd} is odd: written as {even}, the last row or column twice ({name} has even sizes only)")
