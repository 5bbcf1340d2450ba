"""From what a person has set to what paints it: the style file and the style vector."""

from collections.abc import Callable

from engines.errors import BadValue, ImpastoError, in_one_line
from engines.style.file import mixed
from engines.style.styles import StyleFile, names_file
from realtime.live.control.settings import LiveSettings
from realtime.painting.cross_fade import Vector
from realtime.painting.gliding import Look
from realtime.painting.picture_style import resolve

BOTH = ("style", "mix_with")


class LookBook:
    """Finds the looks of one run. A bare name is looked for in the file in use first, then in the gallery.

    `use_styles` is told the names in a file when it comes into use. What cannot be found is reported once, and the look
    stays as it was; only a first one that cannot be found raises ImpastoError or FileNotFoundError. A file in use is
    not read again: it may be gone from the disk, or half written anew.
    """

    def __init__(self, report: Callable[[str], None], use_styles: Callable[[tuple[str, ...]], None]) -> None:
        self._report, self._use_styles = report, use_styles
        self._file: StyleFile | None = None
        self._asked: LiveSettings | None = None
        self._look: Look | None = None
        self._found: dict[str, tuple[StyleFile, str]] = {}
        self._learnt: dict[str, Vector] = {}
        self._stale = False

    def use_vector(self, style: str, vector: Vector) -> None:
        """From now on a style, named as a person did, has this vector; from any thread."""
        self._learnt[style] = vector
        self._stale = True

    def look(self, settings: LiveSettings) -> Look:
        """The look that the settings describe."""
        if self._look is None or settings is not self._asked or self._stale:
            self._stale = False  # before the vectors are read: one that comes meanwhile is read next time
            self._look = self._turn_to(settings)
            self._asked = settings
        return self._look

    def _turn_to(self, settings: LiveSettings) -> Look:
        try:
            return self._find(settings)
        except (ImpastoError, OSError) as error:
            if self._look is None:
                raise
            self._report(f"the style stays as it is: {in_one_line(error)}")
            return self._look

    def _find(self, settings: LiveSettings) -> Look:
        file, name = self._resolve(settings.style)
        vector = self._vector(settings.style, file, name)
        if settings.mix_with:
            other_file, other = self._resolve(settings.mix_with)
            if other_file.sha256 != file.sha256:
                raise BadValue(f"{name} and {other} are in different files and cannot be mixed")
            vectors = vector, self._vector(settings.mix_with, other_file, other)
            shares = 1 - settings.mix, settings.mix
            vector = mixed(dict(zip(BOTH, vectors, strict=True)), dict(zip(BOTH, shares, strict=True)))
        if self._file is None or file.sha256 != self._file.sha256:
            self._use_styles(file.card.names)
        self._file = file
        self._found = {
            text: found for text, found in self._found.items() if text in (settings.style, settings.mix_with)
        }
        return Look(file, vector, settings.strength, settings.keep_colour)

    def _vector(self, text: str, file: StyleFile, name: str) -> Vector:
        learnt = self._learnt.get(text)
        return file.vector(name) if learnt is None else learnt

    def _resolve(self, text: str) -> tuple[StyleFile, str]:
        if self._file is not None and not names_file(text) and text in self._file.card.names:
            return self._file, text
        if text not in self._found:
            self._found[text] = resolve(text)
        return self._found[text]
