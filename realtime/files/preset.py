"""`--preset auto`: which preset an encoder is to have, from what a frame of this very film costs here.

All stages of a run are at work side by side. A frame takes as long as the slowest of three: the stages before the
encoder, the encoder on its own threads, or the processor with the work of all. A net on the processor fills it, and
then what the encoder takes more is what the frame takes more; a net on a GPU leaves it idle.

It is measured before the first frame is written: pictures from the middle of the film, as it may begin in black, are
painted as they all will be, and encoded by an encoder of which nothing is kept.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import av

from engines.machine import idle_core_seconds, usable_cores
from engines.protocols import CPU
from realtime.files.excerpt import ENOUGH_SECONDS, LEAST_PICTURES, Excerpt
from realtime.files.loop import run
from realtime.frames.frame import Frame, SplitSink
from realtime.media.clip import Clip
from realtime.media.encoders import Encoding, Rung
from realtime.media.encoding import prepare_encoder
from realtime.media.output_file import clear_errors
from realtime.painting.stylizer import Stylizer
from realtime.sinks.file import FileSink, PreparedPicture

LEAST_SHARE = 0.95  # of the frames a second that the default preset would give
KEPT_PICTURES = 8


@dataclass(frozen=True, slots=True)
class Load:
    """What one frame costs: `core_seconds` are of one core at work, all are above 0.

    `seconds` is how far apart frames come painted while nothing is encoded, and `encoder_seconds` how far apart the
    encoder alone takes them with its default preset.
    """

    seconds: float
    core_seconds: float
    encoder_seconds: float
    encoder_core_seconds: float
    cores: float
    net_on_processor: bool

    def with_encoder(self, cost: float = 1.0) -> float:
        """The seconds from frame to frame with a preset that costs so many times what the default does."""
        processor = (self.core_seconds + cost * self.encoder_core_seconds) / self._cores_to_be_had
        return max(self.seconds, processor, cost * self.encoder_seconds)

    @property
    def _cores_to_be_had(self) -> float:
        """A net on the processor takes all that it can: more cores than were seen at work there are not."""
        return min(self.cores, self.core_seconds / self.seconds) if self.net_on_processor else self.cores


def choose_rung(ladder: Sequence[Rung], load: Load) -> Rung | None:
    """The dearest that leaves 95 % of the default preset's frames a second; None where that is the default."""
    most = load.with_encoder() / LEAST_SHARE
    fit = (rung for rung in ladder if load.with_encoder(rung.cost) <= most)
    return max(fit, key=lambda rung: rung.cost, default=None)


def choose_preset(
    encoding: Encoding, excerpt: "Excerpt | None", stylizer: Stylizer, sink: FileSink, report: Callable[[str], None]
) -> Encoding:
    """The encoding with the slowest preset that keeps up with the rest of the run, told to `report`.

    `encoding` has its encoder's defaults; where there is no excerpt to try, it stays. Nothing is written to `sink`.
    What painting raises is raised here.
    """
    load = None if excerpt is None else _load_of(encoding, excerpt, stylizer, sink)
    if load is None:
        report(f"preset auto: {encoding.preset}, as nothing of the film can be tried before")
        return encoding
    rung = choose_rung(encoding.encoder.ladder, load)
    usual = 1 / load.with_encoder()
    if rung is None:
        report(f"preset auto: {encoding.preset} ({usual:.3g} fps foreseen)")
        return encoding
    foreseen = 1 / load.with_encoder(rung.cost)
    report(f"preset auto: {rung.preset} ({foreseen:.3g} fps foreseen, {encoding.preset}: {usual:.3g})")
    return replace(encoding, preset=rung.preset, crf=rung.crf)


class _Kept(SplitSink):
    """Takes what `sink` would, and keeps the first pictures for the encoder."""

    def __init__(self, sink: FileSink) -> None:
        self.pictures: list[av.VideoFrame] = []
        self._sink = sink

    def prepare(self, frame: Frame) -> PreparedPicture:
        return self._sink.prepare(frame)

    def put(self, prepared: PreparedPicture) -> None:
        if len(self.pictures) < KEPT_PICTURES:
            self.pictures.append(prepared.picture)

    def close(self) -> None:
        """They stay in memory."""


def _load_of(encoding: Encoding, excerpt: Excerpt, stylizer: Stylizer, sink: FileSink) -> Load | None:
    """None where the excerpt has too few pictures to tell."""
    kept, cores = _Kept(sink), _Cores()
    try:
        if (first := excerpt.read()) is not None:
            sink.prepare(stylizer(first))  # which takes longer than the rest
        began = time.process_time()
        stats = run(excerpt, stylizer, [kept])
        spent = time.process_time() - began
    finally:
        stylizer.begin_anew()
    if stats.first_frame_seconds is None or stats.frames < LEAST_PICTURES:
        return None
    seconds = (stats.seconds - stats.first_frame_seconds) / (stats.frames - 1)
    with clear_errors(sink.path):
        encoder = _encoder_load(encoding, excerpt.clip, kept.pictures)
    on_processor = stylizer.engine.spec.device == CPU
    return Load(seconds, spent / stats.frames, *encoder, cores.to_be_had(), on_processor)


class _Cores:
    """How many cores were idle or at work for us since this was made: what other programs have taken cannot be had."""

    def __init__(self) -> None:
        self._idle, self._ours, self._began = idle_core_seconds(), time.process_time(), time.perf_counter()

    def to_be_had(self) -> float:
        usable, idle = usable_cores(), idle_core_seconds()
        if idle is None or self._idle is None:
            return usable
        free = idle - self._idle + time.process_time() - self._ours
        return min(usable, free / (time.perf_counter() - self._began))


def _encoder_load(encoding: Encoding, clip: Clip, pictures: list[av.VideoFrame]) -> tuple[float, float]:
    """Seconds a picture, and seconds of one core: for those there and back again, so that all of them move."""
    context = av.CodecContext.create(encoding.encoder.name, "w")
    assert isinstance(context, av.VideoCodecContext)
    prepare_encoder(context, encoding, clip, (pictures[0].width, pictures[0].height))
    step = max(1, round(1 / clip.encoder_rate / clip.time_base))
    began, spent, number = time.perf_counter(), time.process_time(), 0
    for number, picture in enumerate(2 * (pictures + pictures[-2:0:-1]), start=1):
        picture.pts = number * step
        context.encode(picture)
        if number >= KEPT_PICTURES and time.perf_counter() > began + ENOUGH_SECONDS:
            break
    context.encode(None)
    return (time.perf_counter() - began) / number, (time.process_time() - spent) / number
