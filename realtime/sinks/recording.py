"""A recording of a live picture: a file that plays, whatever happens to us while it is written."""

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer

from engines.errors import BadValue, FileError, FileMissing
from engines.failures import on_failure
from realtime.frames.frame import Frame, SinkHabits
from realtime.frames.request import SinkRequest
from realtime.media.containers import ANIMATION, STANDARD_OUTPUT, container_for
from realtime.media.encoders import MOST_PIXELS_A_SIDE, Encoding
from realtime.media.encoding import choose_encoding
from realtime.media.live_encoder import KEYFRAME_SECONDS, LiveEncoder
from realtime.media.output_file import GrowingFile, beside, clear_errors

SCHEME = "file:"
HICCUP_FRAMES = 30  # may wait while the disk is busy
PIECE_SECONDS = 1.0  # what is lost by a kill
# At its end the fragmented MP4 becomes a plain one, by one small write after all others. delay_moov writes the index of
# a piece with the piece, so that it can tell by how much the sound's encoder begins early;
# without it FFmpeg 8 also crashes where the file ends before its first frame.
FRAGMENTED_MP4 = {
    "movflags": "hybrid_fragmented+delay_moov+default_base_moof",
    "frag_duration": str(round(PIECE_SECONDS * 1e6)),
}
CLUSTERED_MKV = {"cluster_time_limit": str(round(PIECE_SECONDS * 1e3))}
MUXER_OPTIONS = {"mp4": FRAGMENTED_MP4, "mov": FRAGMENTED_MP4, "matroska": CLUSTERED_MKV, "webm": CLUSTERED_MKV}
# Live, the net needs the time: ultrafast takes half of the processor's that superfast takes. It leaves out what
# paintings need most, which costs a tenth to a quarter more (0.4 ms of 480x360): four painted films, with no picture
# waiting, had 0.8 to 3.2 dB more at equal size with it.
PRESETS = {"libx264": "ultrafast"}
FOR_PAINTINGS = {"libx264": {"x264-params": "8x8dct=1:deblock=1,1:partitions=i8x8"}}
NO_WAITING = {"libx264": {"tune": "zerolatency"}, "libvpx-vp9": {"lag-in-frames": "0"}}
SOUND_CODECS = {"webm": "libopus"}  # AAC elsewhere
AAC = "aac"


class Recording:
    """Writes live frames, each shown from the moment of its capture on, and the sound heard with them.

    Dropped frames leave gaps, so the speed is right. Raises ImpastoError where the encoder refuses and OSError where
    the disk does; what was written until then stays and can be played, as it does after a kill, but for the last
    second. A file without a frame is not kept. `report` is told what a person did not ask for.
    """

    habits = SinkHabits(capacity=HICCUP_FRAMES)

    def __init__(self, path: Path, request: SinkRequest) -> None:
        encoding = _encoding(path, request.size)
        self._report = request.report
        self._file = _create(path, request.report)
        self._first_captured_at: float | None = None
        self._open = True
        with on_failure(self._file.remove), clear_errors(self.path):
            self._container = _container(self._file)
            self._encoder = _encoder(self._container, encoding, request)
        self._note_size(request.size)

    @property
    def path(self) -> Path:
        """The file's name, which is another than was asked for where that was taken."""
        return self._file.path

    def write(self, frame: Frame) -> None:
        if self._first_captured_at is None:
            self._first_captured_at = frame.captured_at
        with clear_errors(self.path):
            self._encoder.write(frame, Fraction(frame.captured_at - self._first_captured_at))
        self._file.check()

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        try:
            with clear_errors(self.path):
                self._encoder.close()
        finally:
            self._end()
        self._file.check()

    def _end(self) -> None:
        """End the file, as well as it can be."""
        try:
            with clear_errors(self.path):
                self._container.close()
        finally:
            if self._first_captured_at is None:
                self._file.remove()
                self._report(f"{self.path} is not kept: no picture came")
            self._file.close()

    def _note_size(self, size: tuple[int, int]) -> None:
        if self._encoder.written_size != size:
            odd, even = ("x".join(map(str, pair)) for pair in (size, self._encoder.written_size))
            self._report(f"{odd} is odd: recorded as {even}, the last row or column twice")


def open_recording(address: str, request: SinkRequest) -> Recording:
    """Record to the file at `address`, a path or `file:PATH`, whose suffix names the container.

    A file that exists is never touched: the recording is numbered then. Raises ImpastoError for a name that cannot be
    a video, and OSError where the file cannot be created.
    """
    written = address if os.path.exists(address) else address.removeprefix(SCHEME)
    if Path(written) == STANDARD_OUTPUT:
        raise BadValue(
            f"--to {written} names no file; standard output is pipe:, as in impasto live --to pipe: | ffplay -"
        )
    return Recording(Path(written), request)


def _encoding(path: Path, size: tuple[int, int]) -> Encoding:
    if os.path.isdir(path):  # Path.is_dir raises where a name is too long
        raise BadValue(f"{path} is a folder; name the file to record to, such as {path / 'live.mkv'}")
    if max(size) > MOST_PIXELS_A_SIDE:
        pixels = "x".join(map(str, size))
        raise BadValue(f"{pixels} is too large for {path}: encoders take {MOST_PIXELS_A_SIDE} pixels a side")
    encoding = choose_encoding(path)
    if encoding.container == ANIMATION:
        raise BadValue(f"{path}: animations are written by `impasto video`; record to .mp4 or .mkv")
    return choose_encoding(path, preset=PRESETS.get(encoding.encoder.name))


def _create(path: Path, report: Callable[[str], None]) -> GrowingFile:
    while True:
        try:
            free = beside(path)
            file = GrowingFile(free)
        except FileExistsError:  # somebody was quicker
            continue
        except FileNotFoundError:
            message = f"there is no folder {path.parent} to record {path.name} into; create it first"
            raise FileMissing(message) from None
        except OSError as error:
            message = f"{path} cannot be created ({error.strerror}); record to another folder or name"
            raise FileError.told(message, error) from None
        if free != path:
            report(f"{path} exists already: recording to {free}")
        return file


def _container(file: GrowingFile) -> OutputContainer:
    name = container_for(file.path).name
    options = {**MUXER_OPTIONS[name], "flush_packets": "1"}
    return av.open(file, "w", format=name, container_options=options)


def _encoder(container: OutputContainer, encoding: Encoding, request: SinkRequest) -> LiveEncoder:
    name = encoding.encoder.name
    keyframes = {"g": str(max(1, round(KEYFRAME_SECONDS * request.frame_rate)))}
    return LiveEncoder(
        container,
        request.size,
        request.frame_rate,
        codec=name,
        options={**encoding.options(), **keyframes, **NO_WAITING.get(name, {}), **FOR_PAINTINGS.get(name, {})},
        sound_codec=SOUND_CODECS.get(container.format.name, AAC),
        sound=request.sound,
    )
