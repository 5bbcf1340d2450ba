"""`impasto video`: a video file, or pictures in order, painted into a video file or into pictures."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from functools import partial
from math import ceil
from pathlib import Path

from engines.errors import BadValue
from engines.names import AUTO
from engines.setting import spelled
from realtime.files.calibration import calibration_for
from realtime.files.excerpt import Beginning, VideoSource, excerpt_of
from realtime.files.gpu_frames import choose_decoder, choose_frames
from realtime.files.loop import run
from realtime.files.options import VideoOptions
from realtime.files.preset import choose_preset
from realtime.files.report import VideoReport
from realtime.frames.frame import AbortableSink
from realtime.media.clip import Clip
from realtime.media.containers import DROP, FILMS, STANDARD_OUTPUT
from realtime.media.encoders import Encoding
from realtime.media.encoding import choose_encoding
from realtime.media.file_reader import LATE_START_SECONDS
from realtime.media.input_file import is_stream
from realtime.media.output_file import refuse_folder
from realtime.media.picture_file import NUMBERED
from realtime.painting.notes import Notes
from realtime.painting.opening import open_stylizer
from realtime.painting.stylizer import Stylizer
from realtime.sinks.file import FileSink
from realtime.sinks.pictures import PictureSink
from realtime.sources.animated_webp import AnimatedWebpSource, is_animated_webp
from realtime.sources.file import FileSource, no_picture_after
from realtime.sources.pictures import PictureSource, number_in, numbered, pictures_named

PICTURE_RATE = Fraction(25)
Report = Callable[[str], None]


def stylize_video(
    source: str,
    output: Path,
    options: VideoOptions,
    *,
    report: Report = lambda line: None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    stop: threading.Event | None = None,
    open_painter: Callable[[tuple[int, int]], Stylizer] | None = None,
) -> VideoReport:
    """Paint a video with everything in it that is not the picture kept.

    `source` is a video file, an animation, a folder or glob of pictures, or a numbered sequence such as
    "shot_%04d.png"; or a video that is read once, from standard input ("-"), a pipe or an http(s) address. A numbered
    `output` writes pictures, and "-" is standard output. `report` gets a line for people now and then, `progress` the
    frames done and in all as far as known; both may be called from any thread. Setting `stop` ends early with the
    frames so far in `output`. The input's damage is told; `input_broke_off` in the report says that the end is lost.
    `open_painter` gives what paints frames of a size (width, height) in place of the style's net. Raises
    ImpastoError, FileNotFoundError or OSError with one line for people, Interrupted where `stop` is set while the
    engine is built; then nothing is left at `output`.
    """
    started = time.perf_counter()
    stop = stop or threading.Event()
    notes = Notes(report)
    named, encoding = _named(source), _encoding_of(output, options)
    _check_paths(source, named, output, encoding)
    pictures = _open(source, named, options, notes, stop=stop, square_pixels=not _tells_aspect(encoding))
    with ExitStack() as undo:
        undo.callback(pictures.close)
        if options.height not in (None, pictures.size[1]):
            notes(f"--height {options.height}: written at {pictures.size[1]} lines, for films have even ones")
        choose_decoder(options.decoder, pictures)
        ends = _end_of(pictures, options.seconds)
        sink = _open_sink(output, pictures.clip, encoding, options, ends, notes, stop)
        if isinstance(sink, AbortableSink):
            undo.callback(sink.abort)
        if open_painter is not None:
            stylizer = open_painter(pictures.size)
        else:
            stylizer = _open_net(source, named, pictures.size, options, report, stop)
        undo.callback(stylizer.engine.close)
        choose_frames(options.decoder, pictures, stylizer, sink, report)
        if encoding is not None and isinstance(sink, FileSink) and options.preset == AUTO:
            excerpt = None if open_painter else excerpt_of(pictures, stop)
            encoding = choose_preset(encoding, excerpt, stylizer, sink, notes)
            encoding = replace(encoding, crf=encoding.crf if options.crf is None else options.crf)
            sink.begin(encoding)
        undo.pop_all()
    total = _frames_asked_for(pictures.clip, options.seconds)
    preparing = time.perf_counter() - started
    shown = pictures if ends is None else Beginning(pictures, float(ends))
    try:
        stats = run(shown, stylizer, [sink], on_progress=lambda done: progress(done, total), stop=stop)
    finally:
        stylizer.engine.close()
    _note_what_is_older(output, encoding, stats.frames, notes)
    first = None if stats.first_frame_seconds is None else preparing + stats.first_frame_seconds
    return VideoReport(
        stats, pictures.size, output, stylizer.facts, first, tuple(notes.lines), pictures.broke_off, encoding
    )


def open_clip(source: str, options: VideoOptions, report: Report, *, square_pixels: bool = False) -> VideoSource:
    """The video or the pictures that a person named; the shape as in FileSource."""
    return _open(source, _named(source), options, report, square_pixels=square_pixels)


def _named(source: str) -> list[Path] | None:
    """The pictures that are meant; None where a film is."""
    return None if is_stream(source) else pictures_named(source)


def _open(
    source: str,
    named: list[Path] | None,
    options: VideoOptions,
    report: Report,
    *,
    square_pixels: bool,
    stop: threading.Event | None = None,
) -> VideoSource:
    start = Fraction(str(options.start))
    if named is not None:
        rate = options.fps or PICTURE_RATE
        if start and not (named := named[ceil(start * rate) :]):
            raise BadValue(no_picture_after(source, start))
        return PictureSource(named, rate, height=options.height, report=report, strict=options.strict)
    if options.fps is not None:
        raise BadValue(f"--fps is for pictures, and {source} keeps its own times; leave it out")
    film = source if is_stream(source) else Path(source)
    if isinstance(film, Path) and is_animated_webp(film):
        return AnimatedWebpSource(film, height=options.height, report=report, strict=options.strict, start=start)
    return FileSource(film, height=options.height, square_pixels=square_pixels, report=report, stop=stop, start=start)


def _open_net(
    source: str,
    named: list[Path] | None,
    size: tuple[int, int],
    options: VideoOptions,
    report: Report,
    stop: threading.Event,
) -> Stylizer:
    """The style's net, for pictures of a size (width, height), calibrated on some of them where its precision is."""
    calibration = calibration_for(source, named, options.precision)
    return open_stylizer(options, size, steady=options.steady, calibration=calibration, report=report, stop=stop)


def _open_sink(
    output: Path,
    clip: Clip,
    encoding: Encoding | None,
    options: VideoOptions,
    ends: Fraction | None,
    report: Report,
    stop: threading.Event,
) -> FileSink | PictureSink:
    """One for which a preset is still to be chosen waits to begin."""
    if encoding is None:
        return PictureSink(output, overwrite=options.overwrite)
    return FileSink(
        output,
        clip,
        encoding=encoding,
        overwrite=options.overwrite,
        audio=options.audio,
        report=report,
        stop=stop,
        ends=ends,
        waits=options.preset == AUTO,
    )


def _end_of(pictures: VideoSource, seconds: float | None) -> Fraction | None:
    """When it is to end, in seconds of its clock, which may start late; None where all of it is wanted."""
    if seconds is None:
        return None
    begins = pictures.begins if isinstance(pictures, FileSource) else Fraction(0)
    return Fraction(seconds) + (begins if begins >= LATE_START_SECONDS else 0)


def _encoding_of(output: Path, options: VideoOptions) -> Encoding | None:
    """None where pictures are to be written, as frame_%04d.png says; 100%done.mp4 is one video all the same."""
    if NUMBERED.search(output.name) and output.suffix.lower() not in FILMS and options.format is None:
        _refuse_what_videos_have(output, options)
        return None
    refuse_folder(output)
    return choose_encoding(output, options.codec, options.crf, options.preset, container_format=options.format)


def _refuse_what_videos_have(output: Path, options: VideoOptions) -> None:
    """BadValue where an option is set that pictures cannot follow; sound may be dropped, as it is."""
    asked = {
        "codec": options.codec != AUTO,
        "crf": options.crf is not None,
        "preset": options.preset is not None,
        "audio": options.audio not in (AUTO, DROP),
    }
    for name, is_asked in asked.items():
        if is_asked:
            raise BadValue(f"{spelled(name)} is for videos, and {output} is pictures; leave it out, or name a video")


def _check_paths(source: str, named: list[Path] | None, output: Path, encoding: Encoding | None) -> None:
    """What can be told before anything is opened."""
    here = Path(source)
    if encoding is None:
        inputs = set(map(os.path.realpath, named or ()))
        if not inputs.isdisjoint(map(os.path.realpath, numbered(output))):
            raise BadValue(f"{output} would write over its own input; name another folder")
    are_files = output != STANDARD_OUTPUT and not is_stream(source)
    if are_files and here.exists() and output.exists() and here.samefile(output):
        raise BadValue(f"{output} is the input; name another file to write")


def _frames_asked_for(clip: Clip, seconds: float | None) -> int | None:
    """How many there will be, as far as can be told."""
    if seconds is None or clip.frames is None or clip.frame_rate is None:
        return clip.frames
    return min(clip.frames, ceil(seconds * clip.frame_rate))


def _note_what_is_older(output: Path, encoding: Encoding | None, frames: int, report: Report) -> None:
    """Pictures of an earlier run that are numbered on from ours would be taken for the same film."""
    if encoding is not None:
        return
    older = [path for path in numbered(output) if number_in(output, path) > frames]
    if older:
        first = min(older, key=partial(number_in, output))
        report(f"of an earlier run: {len(older)} more pictures from {first.name} on, which were left")


def _tells_aspect(encoding: Encoding | None) -> bool:
    """Whether players are told how to stretch what is written; else it must be done to the pictures themselves."""
    return encoding is not None and encoding.tells_aspect
