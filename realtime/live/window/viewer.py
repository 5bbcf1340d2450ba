"""The person at the window: their keys go to the control board, and what they asked to see goes on the picture."""

import time
from collections.abc import Callable

from engines.errors import ImpastoError, in_one_line
from realtime.frames.frame import Pixels
from realtime.live.control.board import ControlBoard
from realtime.live.control.commands import BY_KEY, Command, Value
from realtime.live.window.overlay import OverlayFigures, draw_help, draw_recording, draw_statistics, draw_toast

TOAST_SECONDS = 1.5
FADE_SECONDS = 0.4
# A key that comes again so soon is held down: nobody types the same one ten times a second. The first repeat comes
# after half a second, though, and cannot be told from a second press.
HELD_SECONDS = 0.1


class BoardViewer:
    """Keys and overlays of a window, by way of a board; `figures` are what its statistics show.

    Window systems send a key that is held down again and again, as if it were pressed anew. `clock` is the clock of the
    board's lines, `time.perf_counter` but in tests.
    """

    def __init__(
        self,
        board: ControlBoard,
        figures: Callable[[], OverlayFigures],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._board, self._figures, self._clock = board, figures, clock
        self._last_key, self._last_at = "", float("-inf")

    @property
    def fullscreen(self) -> bool:
        return self._board.settings.fullscreen

    def press(self, key: str) -> None:
        """Do what the key stands for; a key that stands for nothing is let pass, and an error is shown."""
        if key == "escape" and self._escape():
            return
        if key not in BY_KEY:
            return
        command, value = BY_KEY[key]
        if not (command.once and self._is_held(key)):
            self._do(command, value)
        self._last_key, self._last_at = key, self._clock()  # what waited while it was done counts as held

    def decorate(self, pixels: Pixels) -> Pixels:
        """The picture with all that is to be seen on it; `pixels` itself where that is nothing."""
        settings = self._board.settings
        if settings.show_help:
            pixels = draw_help(pixels)
        elif settings.show_statistics:
            pixels = draw_statistics(pixels, self._figures())
        said = self._board.said
        left_seconds = said.at + TOAST_SECONDS + FADE_SECONDS - self._clock()
        if said.text and left_seconds > 0:
            pixels = draw_toast(pixels, said.text, min(1.0, left_seconds / FADE_SECONDS))
        return draw_recording(pixels) if settings.recording else pixels

    def leave(self) -> None:
        self._board.do("quit")

    def _is_held(self, key: str) -> bool:
        return key == self._last_key and self._clock() - self._last_at < HELD_SECONDS

    def _do(self, command: Command, value: Value) -> None:
        try:
            self._board.do(command.name, value)
        except (ImpastoError, OSError) as error:
            self._board.say(in_one_line(error))

    def _escape(self) -> bool:
        """Escape leaves what was entered last, the help and then the full screen, before it ends the run."""
        settings = self._board.settings
        if settings.show_help:
            self._board.do("help", False)
        elif settings.fullscreen:
            self._board.do("fullscreen", False)
        return settings.show_help or settings.fullscreen
