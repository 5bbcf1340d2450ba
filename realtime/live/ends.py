"""The two ends of a live run: the source and the sinks, opened as its options say, now and again, and their sound."""

import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from realtime.frames.address import labels_of, sink_scheme
from realtime.frames.frame import Sink, Source
from realtime.frames.pacing import sink_rate
from realtime.frames.request import SinkRequest, SourceRequest
from realtime.live.openers import SOUNDLESS, open_sink, open_source
from realtime.live.options import LiveOptions
from realtime.live.sink_lane import SinkLane
from realtime.live.stats import LiveStats
from realtime.live.window.viewer import BoardViewer
from realtime.painting.full_size.painting_size import size_at_height
from realtime.painting.notes import Notes
from realtime.sinks.null import NullSink
from realtime.sound.choice import open_sound


class LiveEnds:
    """The source, open from the start, and the lanes of the sinks. What they show has `size` (width, height).

    Until the loop has them, `while_opening` closes both; the sound is closed with all that is `opened`.
    """

    def __init__(
        self,
        address: str,
        options: LiveOptions,
        viewer: BoardViewer,
        stats: LiveStats,
        report: Notes,
        stop: threading.Event,
        *,
        opened: ExitStack,
        while_opening: ExitStack,
    ) -> None:
        self._address, self._options, self._viewer, self._stats = address, options, viewer, stats
        self._report, self._stop, self._while_opening = report, stop, while_opening
        self.source = self._open_source()
        while_opening.callback(_close_quietly, self.source)
        self.size = size_at_height(self.source.size, options.height)
        self._rate = sink_rate(self.source.frame_rate)
        self._sound = open_sound(options.audio, self.source, report, stop)
        if self._sound is not None:
            opened.callback(self._sound.close)

    def open_source_again(self) -> Source:
        """After it was lost; its sound goes on."""
        source = self._open_source()
        if self._sound is not None:
            self._sound.follow(source, self._report)
        return source

    def open_lanes(self, sinks: Sequence[str]) -> list[SinkLane]:
        """Sinks that must open now; what opened is closed again where a later one does not."""
        if self._sound is not None and all(sink_scheme(address) in SOUNDLESS for address in sinks):
            shown = ", ".join(labels_of(sinks))
            self._report(f"{shown} takes pictures alone; --audio is heard in recordings and streams")
        return [self._open_lane(label, address) for label, address in zip(labels_of(sinks), sinks, strict=True)]

    def recording_lane(self, path: Path) -> SinkLane:
        """One that opens its file with the first frame."""
        return self._lane(str(path), str(path))

    def _open_source(self) -> Source:
        options = self._options
        request = SourceRequest(
            size=options.size, frame_rate=options.rate, loop=options.loop, report=self._report, stop=self._stop
        )
        return open_source(self._address, request)

    def _open_lane(self, label: str, address: str) -> SinkLane:
        sink = self._open_sink(address)
        self._while_opening.callback(_close_quietly, sink)
        return self._lane(label, address, sink)

    def _lane(self, label: str, address: str, sink: Sink | None = None) -> SinkLane:
        return SinkLane(
            label,
            partial(self._open_sink, address),
            sink,
            rate=self._rate,
            stats=self._stats,
            report=self._report,
            stop=self._stop,
        )

    def _open_sink(self, address: str) -> Sink:
        request = SinkRequest(
            size=self.size,
            frame_rate=self._rate,
            sound=self._sound.feed if self._sound else None,
            viewer=self._viewer,
            report=self._report,
            stop=self._stop,
        )
        sink = open_sink(address, request)
        if isinstance(sink, NullSink):
            sink.on_code = self._stats.coded
        return sink


def _close_quietly(opened: Source | Sink) -> None:
    """What is told is why it is closed."""
    with suppress(Exception):
        opened.close()
