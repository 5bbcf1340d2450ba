"""Stills of the live picture: saved where a person asks for one, or painted by optimisation while it goes on."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import FileMissing, ImpastoError, in_one_line
from engines.failures import failure_of
from realtime.frames.frame import Pixels
from realtime.media.output_file import fresh_name
from realtime.media.picture_file import Picture, encode_picture, write_whole
from realtime.painting.notes import spoken
from trainers.settings.gatys_options import GatysOptions, check_weights

if TYPE_CHECKING:
    from realtime.live.control.board import ControlBoard

Styles = tuple[tuple[Path, float], ...]
# Behind all that is live, but a third as heavy: nets take every core they get, and behind them nothing would ever end.
# The threads that torch starts inherit it.
NICE = 5
SAID_SECONDS = 1.0
ENDING_SECONDS = 0.5
ITERATIONS = 120
SUFFIX = ".png"


def check_styles(styles: Styles) -> None:
    """BadValue for a weight of nothing, FileMissing for a picture that is not there: told before the first still."""
    check_weights(styles)
    for path, _ in styles:
        if not path.is_file():
            raise FileMissing(f"there is no file {path} for --style-image")


class StillPainter:
    """Paints one photo at a time in the style of pictures. `save` writes it and returns its path, on this thread.

    What is going on is said on the board. When it is ready the still is `shown` until a command changes something.
    """

    def __init__(
        self, styles: Styles, board: "ControlBoard", save: Callable[[Pixels], str], report: Callable[[str], None]
    ) -> None:
        self._styles, self._board, self._save, self._report = styles, board, save, report
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._shown: tuple[Pixels, object] | None = None
        self._said_at = 0.0

    @property
    def shown(self) -> Pixels | None:
        """The still in place of the live picture, or None."""
        shown = self._shown
        return shown[0] if shown is not None and shown[1] is self._board.settings else None

    def ask(self, photo: Pixels | None) -> str:
        """Start, or put away the still that is shown; a line for people. ImpastoError where it cannot be."""
        if self.shown is not None:
            self._shown = None
            return "live again"
        if not self._styles:
            raise ImpastoError("paint takes the style of a picture: start impasto live with --style-image PICTURE")
        if photo is None:
            raise ImpastoError("there is no picture to paint yet")
        if self._thread is not None and self._thread.is_alive():
            raise ImpastoError("a still is being painted already; wait for it")
        self._thread = threading.Thread(target=self._run, args=(photo,), name="impasto-still", daemon=True)
        self._thread.start()
        return "painting a still of this picture"

    def close(self) -> None:
        """Give up what is being painted."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(ENDING_SECONDS)

    def _run(self, photo: Pixels) -> None:
        if error := failure_of(lambda: self._paint(photo)):  # the live picture goes on whatever happens here
            self._board.say(f"no still: {in_one_line(error)}")
            self._report(f"no still: {in_one_line(error)}")

    def _paint(self, photo: Pixels) -> None:
        if hasattr(os, "setpriority"):
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        from realtime.painting.keyframes.optimiser import KeyframeOptimiser

        started = time.perf_counter()
        # On the processor, whose scheduler knows what waits: a GPU would let the live picture stand behind it.
        recipe = GatysOptions(style_images=self._styles, iterations=ITERATIONS, device="cpu")
        painting = KeyframeOptimiser(recipe, lambda line: None, self._say, self._stop).paint(photo, "still")
        if painting is None:
            return
        path = self._save(painting)
        self._shown = painting, self._board.settings
        self._board.say(f"saved {path}")
        self._report(f"still painted in {spoken(time.perf_counter() - started)}: {path}")

    def _say(self, line: str) -> None:
        """Now and then: a line on the picture is to be read."""
        now = time.perf_counter()
        if now - self._said_at >= SAID_SECONDS:
            self._said_at = now
            self._board.say(line)


def save_snapshot(pixels: Pixels, folder: Path, now: datetime) -> Path:
    """Write (H, W, 3) uint8 RGB as `impasto-20261121-034512.png`, numbered where that second has one; its path.

    FileNotFoundError where the folder is missing, OSError where it cannot be written.
    """
    encoded = encode_picture(Picture(pixels), SUFFIX)
    while True:
        path = fresh_name(folder, SUFFIX, now)
        try:
            write_whole(path, encoded, overwrite=False)
        except FileExistsError:  # another run took the name meanwhile
            continue
        return path
