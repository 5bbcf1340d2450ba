"""Pictures and sound into an open container while they happen: what streams and recordings have in common."""

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from av import VideoStream
from av.container import OutputContainer

from engines.failures import on_failure
from realtime.frames.frame import Frame
from realtime.frames.sound_feed import SoundFeed
from realtime.media.colour.rgb import SDR_TAGS, FromRgb
from realtime.media.encoders import X264_OPTIONS, X264_SUPERFAST
from realtime.sound.track import AAC, SoundTrack

CLOCK = Fraction(1, 90000)  # fine enough for any rate, and MPEG's own
KEYFRAME_SECONDS = 2  # what streaming services ask for; a viewer who comes late waits no longer
BITS_A_PIXEL = 0.12  # painted pictures have texture everywhere
LEAST_BITS, MOST_BITS = 800_000, 6_000_000  # a second; services take 6 Mbit/s from everyone
SINGLE_THREAD_PIXELS = 1280 * 720
X264 = "libx264"


class LiveEncoder:
    """Encodes frames of `size` (width, height) into `container`, with the sound that was heard until each of them.

    `codec` is an FFmpeg encoder of pictures and `options` are its own in FFmpeg's words, as from `stream_options`.
    `sound` None gives no sound stream, or with `silence` a silent one; `sound_codec` encodes it. The container's header
    is written here, so a connection is made; FFmpeg's errors are left as they are. The container stays the caller's to
    close, after `close`.
    """

    def __init__(
        self,
        container: OutputContainer,
        size: tuple[int, int],
        frame_rate: Fraction,
        *,
        codec: str = X264,
        options: Mapping[str, str] = MappingProxyType({}),
        sound_codec: str = AAC,
        sound: SoundFeed | None = None,
        silence: bool = False,
    ) -> None:
        self._container = container
        self._from_rgb = FromRgb(SDR_TAGS, size, even=True)
        self._frame_ticks = max(1, round(1 / frame_rate / CLOCK))
        self._last_pts = -1
        self._add_video(codec, frame_rate, options)
        self._sound = SoundTrack(container, sound, sound_codec) if sound or silence else None
        with on_failure(self.leave):
            container.start_encoding()

    @property
    def written_size(self) -> tuple[int, int]:
        """Width and height as coded: even."""
        return self._from_rgb.written_size

    def write(self, frame: Frame, begins: Fraction) -> None:
        """Encode the picture that is shown from `begins` seconds on, and what was heard until now."""
        if self._sound:
            for packet in self._sound.until(begins, frame.captured_at):
                self._container.mux(packet)
        picture = self._from_rgb(frame.data)
        self._last_pts = max(self._last_pts + 1, round(begins / CLOCK))
        picture.pts, picture.time_base, picture.duration = self._last_pts, CLOCK, self._frame_ticks
        self._container.mux(self._video.encode(picture))

    def close(self) -> None:
        """Write what is still in the encoders, and listen no longer."""
        self.leave()
        if self._last_pts < 0:
            return
        self._container.mux(self._video.encode(None))
        if self._sound:
            self._container.mux(self._sound.rest())

    def leave(self) -> None:
        """Listen no longer, for a container that takes nothing any more."""
        if self._sound:
            self._sound.leave()

    def _add_video(self, codec: str, frame_rate: Fraction, options: Mapping[str, str]) -> None:
        video: VideoStream = self._container.add_stream(codec, rate=frame_rate)  # type: ignore[assignment]
        video.options.update(options)
        context = video.codec_context
        context.width, context.height = self.written_size
        context.pix_fmt = "yuv420p"
        context.time_base = CLOCK
        tags = self._from_rgb.tags
        context.colorspace, context.color_range = tags.matrix, tags.range
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        context.thread_count = 1 if self.written_size[0] * self.written_size[1] <= SINGLE_THREAD_PIXELS else 2
        self._video = video


def stream_options(size: tuple[int, int], frame_rate: Fraction) -> dict[str, str]:
    """x264 for a stream: no picture waits for another, and the rate stays below what the line was told.

    One thread (two above 720p) leaves the rest of the machine to the net, and makes whole pictures one slice. With what
    suits paintings, four painted films had 0.2 to 0.6 dB more at equal size, in the same time.
    """
    bits = stream_bits(size, frame_rate)
    return {
        **X264_OPTIONS,
        **X264_SUPERFAST,
        "preset": "superfast",
        "tune": "zerolatency",
        "profile": "high",
        "b": str(bits),
        "maxrate": str(bits),
        "bufsize": str(bits),
        "g": str(round(KEYFRAME_SECONDS * frame_rate)),
        "sc_threshold": "0",
        "forced-idr": "1",
    }


def stream_bits(size: tuple[int, int], frame_rate: Fraction) -> int:
    """Bits a second for a stream of this size."""
    return round(min(max(BITS_A_PIXEL * size[0] * size[1] * float(frame_rate), LEAST_BITS), MOST_BITS))
