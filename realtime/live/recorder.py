"""Recordings that begin and end while the picture runs."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from realtime.fresh_name import fresh_name
from realtime.live.loop import LiveLoop
from realtime.live.sink_lane import SinkLane

SUFFIX = ".mkv"


class LiveRecorder:
    """Adds a sink to the loop when recording is asked for, and takes it away when it no longer is.

    `lane_to(path)` makes the lane; the file is opened on its thread. `give_up` is called where a recording has failed,
    so that the setting tells the truth.
    """

    def __init__(
        self,
        loop: LiveLoop,
        folder: Path,
        lane_to: Callable[[Path], SinkLane],
        report: Callable[[str], None],
        give_up: Callable[[], None],
    ) -> None:
        self._loop, self._folder, self._lane_to = loop, folder, lane_to
        self._report, self._give_up = report, give_up
        self._lane: SinkLane | None = None
        self._path = Path()

    def follow(self, recording: bool) -> None:
        """Begin or end a recording as the setting says; called again and again on the main thread."""
        if self._lane is not None and self._lane.error is not None:
            self._lane = None
            self._give_up()
        elif recording and self._lane is None:
            self._begin()
        elif not recording and self._lane is not None:
            self._loop.remove(self._lane)
            self._report(f"recorded {self._path}")
            self._lane = None

    def _begin(self) -> None:
        self._path = fresh_name(self._folder, SUFFIX, datetime.now())
        self._lane = self._lane_to(self._path)
        self._loop.add(self._lane)
        self._report(f"recording {self._path}")
