"""How the frames of a video come: decoded on a GPU or not, staying there or not, in planes or in RGB."""

from collections.abc import Callable

from engines.errors import BadValue, ImpastoError, in_one_line
from engines.failures import failure_of
from engines.protocols import CPU
from realtime.files.options import DECODERS
from realtime.frames.frame import SplitSink
from realtime.media.colour.device import why_no_tensors
from realtime.painting.stylizer import Stylizer
from realtime.sources.file import FileSource

AUTO, SOFTWARE, CUDA = DECODERS


def choose_decoder(decoder: str, source: object) -> None:
    """What can be chosen before there is an engine; ImpastoError where the choice cannot be had."""
    if decoder not in DECODERS:
        raise BadValue(f"there is no decoder {decoder!r}; choose one of {', '.join(DECODERS)}")
    if decoder != CUDA:
        return
    if not isinstance(source, FileSource):
        raise BadValue("--decoder cuda decodes video files, not pictures; leave it out")
    try:
        source.decode_on_gpu()
    except ImpastoError as error:
        raise ImpastoError(f"{error}; use --decoder software") from None


def choose_frames(
    decoder: str, source: object, stylizer: Stylizer, sink: object, report: Callable[[str], None]
) -> None:
    """Have frames come from the source as painter and sink take them soonest: on the GPU, in planes, or in RGB."""
    keep_on_gpu(decoder, source, stylizer, sink, report)
    if isinstance(source, FileSource) and stylizer.takes_planes and getattr(sink, "takes_planes", False):
        source.give_planes(stylizer.size)


def keep_on_gpu(decoder: str, source: object, stylizer: Stylizer, sink: object, report: Callable[[str], None]) -> None:
    """Leave the frames in the GPU's memory where engine and sink take them there; `report` is told what is done.

    With "auto" the GPU decodes only for them. Where it does not, though an engine on a GPU paints, the reason is told.
    """
    if decoder == SOFTWARE or not isinstance(source, FileSource):
        return
    reason = _why_not_kept(source, stylizer, sink)
    if not source.decodes_on_gpu:
        if reason:
            if stylizer.engine.spec.device != CPU:
                report(f"decoder: software ({reason})")
            return
        try:
            source.decode_on_gpu()
        except ImpastoError as error:
            report(f"decoder: software ({error})")
            return
    reason = reason or _try_to_keep(source, stylizer, sink)
    where = f"each frame is copied ({reason})" if reason else "frames stay in the GPU's memory"
    report(f"decoder: cuda; {where}")


def _try_to_keep(source: FileSource, stylizer: Stylizer, sink: object) -> str:
    """Leave frames on the GPU if the first one gets all the way there; else why it does not."""

    def paint_first() -> None:
        source.keep_on_device()
        painted = stylizer(source.first())
        if isinstance(sink, SplitSink):
            sink.prepare(painted)

    try:
        error = failure_of(paint_first)
        if error is None:
            return ""
        source.keep_on_device(False)
        return in_one_line(error)
    finally:
        stylizer.begin_anew()


def _why_not_kept(source: FileSource, stylizer: Stylizer, sink: object) -> str:
    if not stylizer.takes_device_frames:
        return f"{stylizer.engine.spec.backend} takes frames from main memory"
    if not getattr(sink, "takes_device_frames", False):
        return "pictures are written from main memory"
    if source.turns:
        return "pictures are turned upright in main memory"
    return why_no_tensors()
