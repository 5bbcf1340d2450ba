"""Where everyone who controls a live run meets: the keys of a window, the control socket, and the loop that obeys."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from engines.errors import ImpastoError
from realtime.live.control.commands import Value, checked_value, find_command
from realtime.live.control.settings import LiveSettings, all_textures, apply_command, described, file_named, own_name

if TYPE_CHECKING:
    from engines.style.styles import StyleFile


@dataclass(frozen=True, slots=True)
class Said:
    """A line about what a command did, and when on the clock of `time.perf_counter`."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command: the settings after it, and a line for people, "" where there is nothing to tell."""

    settings: LiveSettings
    line: str


def _nothing_known() -> dict[str, Any]:
    """The figures of a run that tells none."""
    return {}


def _no_paint() -> str:
    """Where nobody paints stills."""
    raise ImpastoError("no still can be painted here")


def _no_learning(_picture: str) -> str:
    """Where nothing is learnt."""
    raise ImpastoError("no style can be learnt here")


class ControlBoard:
    """The settings of a run; every thread may read and change them.

    `settings` is replaced as a whole, so whoever holds one sees it unchanged. `style_names` are those of the style file
    in use, and `textures` gives those of the net that settings ask for. `on_snapshot` saves the picture and returns its
    path; `on_paint` begins a still, and `on_learn` to learn a picture's style, "" for the one in use, and each returns
    a line; `on_quit` asks the run to end; all are called on the thread of the one who asked. `figures` are told by
    `describe`.
    """

    def __init__(
        self,
        settings: LiveSettings,
        style_names: Sequence[str],
        *,
        on_snapshot: Callable[[], str],
        on_quit: Callable[[], None],
        on_paint: Callable[[], str] = _no_paint,
        on_learn: Callable[[str], str] = _no_learning,
        textures: Callable[[LiveSettings], Sequence[str]] = all_textures,
        figures: Callable[[], dict[str, Any]] = _nothing_known,
    ) -> None:
        self._settings = settings
        self._style_names = tuple(style_names)
        self._on_snapshot, self._on_quit, self._figures = on_snapshot, on_quit, figures
        self._on_paint, self._on_learn, self._textures = on_paint, on_learn, textures
        self._said = Said("", float("-inf"))
        self._lock = threading.Lock()

    @property
    def settings(self) -> LiveSettings:
        return self._settings

    @property
    def said(self) -> Said:
        """The newest line about a command, whoever gave it."""
        return self._said

    def use_styles(self, names: Sequence[str]) -> None:
        """These are the styles of the file in use, from now on."""
        with self._lock:
            self._style_names = tuple(names)

    def do(self, command: str, value: Value = None) -> LiveSettings:
        """The settings after a command.

        ImpastoError, or FileNotFoundError for the path of a style, in one line where it cannot be done; then nothing
        has changed.
        """
        return self.carry_out(command, value).settings

    def carry_out(self, command: str, value: Value = None) -> Outcome:
        """As `do`, with the line that people are told."""
        known = find_command(command)
        value = checked_value(known, value)
        line = self._deed(command, value) or self._change(command, value)
        if line:
            self.say(line)
        return Outcome(self._settings, line)

    def say(self, line: str) -> None:
        """Show a line to those who watch."""
        self._said = Said(line, time.perf_counter())

    def describe(self) -> dict[str, Any]:
        """The settings, the styles to choose from and the figures, for JSON."""
        return {**asdict(self._settings), "styles": list(self._style_names), "figures": self._figures()}

    def _deed(self, command: str, value: Value) -> str:
        if command == "snapshot":
            return f"saved {self._on_snapshot()}"
        if command == "paint":
            return self._on_paint()
        if command == "learn":
            return self._on_learn(str(value))
        if command == "quit":
            self._on_quit()
        return ""

    def _change(self, command: str, value: Value) -> str:
        with self._lock:
            before = self._settings
            after = apply_command(before, command, value, self._style_names, self._textures)
            foreign = _foreign_style(before, after, self._style_names)
            if not foreign and after != before:
                self._settings = after
        if foreign:  # read without the lock: nobody waits for a disk
            return self._turn_to_file(command, foreign)
        return described(before, after, self._style_names)

    def _turn_to_file(self, command: str, text: str) -> str:
        """A style that the file in use may not have: found now, so that who asked for it hears of a mistake."""
        from realtime.painting.picture_style import resolve

        current = _file_of(self._settings.style)
        file, name = resolve(text)
        same = current is not None and current.sha256 == file.sha256
        if command == "mix" and not same:
            raise ImpastoError(f"{text} is in another file ({file.path.name}); styles of one file can be mixed")
        with self._lock:
            before = self._settings
            if command == "mix":
                itself = name == own_name(before.style, file.card.names)
                self._settings = replace(before, mix_with="" if itself else text)
            else:
                self._settings = replace(before, style=text, mix_with=before.mix_with if same else "")
            self._style_names = file.card.names
            return described(before, self._settings, self._style_names)


def _file_of(style: str) -> "StyleFile | None":
    """The file in use; None where it is gone from the disk, which is no reason to keep its style."""
    from realtime.painting.picture_style import resolve

    try:
        return resolve(style)[0]
    except (ImpastoError, OSError):
        return None


def _foreign_style(before: LiveSettings, after: LiveSettings, names: Sequence[str]) -> str:
    """The style that was asked for and is not known to be one of the file in use; "" where there is none."""
    for name in ("style", "mix_with"):
        text = getattr(after, name)
        if text not in ("", getattr(before, name)) and not _is_ours(text, before.style, names):
            return str(text)
    return ""


def _is_ours(text: str, style: str, names: Sequence[str]) -> bool:
    file = "" if style in names else file_named(style, names)
    return text in names if not file else text.removeprefix(f"{file}:") in names
