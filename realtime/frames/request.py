"""What `impasto live` asks of the sources and sinks it opens."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from engines.errors import BadValue
from realtime.frames.frame import Pixels
from realtime.frames.sound_feed import SoundFeed


class Viewer(Protocol):
    """The person at a window: what they press, and what only they are to see."""

    @property
    def fullscreen(self) -> bool:
        """Whether the window is to fill the screen."""
        ...

    def press(self, key: str) -> None:
        """A key was pressed, by its name: "s", "+", "space", "f11", "escape"."""
        ...

    def decorate(self, pixels: Pixels) -> Pixels:
        """The picture with the help and the statistics on it, where they are wanted; `pixels` is left as it is."""
        ...

    def leave(self) -> None:
        """The window was closed."""
        ...


def tell_nobody(line: str) -> None:
    """A report that nobody listens to."""


def told_once(report: Callable[[str], None]) -> Callable[[str], None]:
    """The report without the lines that were told already."""
    told: set[str] = set()

    def tell(line: str) -> None:
        if line not in told:
            told.add(line)
            report(line)

    return tell


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRequest:
    """How a source is to be opened.

    `size` (width, height) and `frame_rate` are asked of a camera or a screen, which may grant others; None leaves the
    choice to the source. `loop` starts a file again at its end. `report` takes one line for people, from any thread.
    Setting `stop` ends every wait.
    """

    size: tuple[int, int] | None = None
    frame_rate: Fraction | None = None
    loop: bool = False
    report: Callable[[str], None] = tell_nobody
    stop: threading.Event = field(default_factory=threading.Event)


def refuse_modes(shown: str, request: SourceRequest, *, films: bool = True) -> None:
    """BadValue where a size is asked of what has its own, or a rate of what keeps its own times, as `films` do."""
    if request.size is not None:
        raise BadValue(f"--size is for cameras and screens, and {shown} has its own; leave it out, or see --height")
    if request.frame_rate is not None and films:
        raise BadValue(f"--rate is for cameras, screens and pictures, and {shown} has its own; see --fps-cap")


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRequest:
    """How a sink is to be opened: for frames of `size` (width, height), about `frame_rate` a second.

    `sound` is what is to be heard with the pictures, None for silence. A window shows its pictures to `viewer`.
    """

    size: tuple[int, int]
    frame_rate: Fraction
    sound: SoundFeed | None = None
    viewer: Viewer | None = None
    report: Callable[[str], None] = tell_nobody
    stop: threading.Event = field(default_factory=threading.Event)
