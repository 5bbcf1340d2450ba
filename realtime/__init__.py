"""Realtime: what moves frames. The names in `__all__` are for programs of one's own; docs/python.md tells of them."""

from typing import TYPE_CHECKING

from engines.on_demand import names_on_demand

if TYPE_CHECKING:
    from realtime.files.image import stylize_images
    from realtime.files.options import ImageOptions, VideoOptions
    from realtime.files.video import stylize_video
    from realtime.frames.frame import Frame, SignalLost, Sink, SinkHabits, Source
    from realtime.frames.request import SinkRequest, SourceRequest
    from realtime.live.options import LiveOptions
    from realtime.live.run import run_live
    from realtime.painting.style_painter import StylePainter, open_style
else:  # each is loaded when it is asked for: the command line must start without numpy
    __getattr__ = names_on_demand(
        __name__,
        {
            "realtime.files.image": ("stylize_images",),
            "realtime.files.options": ("ImageOptions", "VideoOptions"),
            "realtime.files.video": ("stylize_video",),
            "realtime.frames.frame": ("Frame", "SignalLost", "Sink", "SinkHabits", "Source"),
            "realtime.frames.request": ("SinkRequest", "SourceRequest"),
            "realtime.live.options": ("LiveOptions",),
            "realtime.live.run": ("run_live",),
            "realtime.painting.style_painter": ("StylePainter", "open_style"),
        },
    )


__all__ = [
    "Frame",
    "ImageOptions",
    "LiveOptions",
    "SignalLost",
    "Sink",
    "SinkHabits",
    "SinkRequest",
    "Source",
    "SourceRequest",
    "StylePainter",
    "VideoOptions",
    "open_style",
    "run_live",
    "stylize_images",
    "stylize_video",
]
