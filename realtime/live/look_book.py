"""From what a person has set to what paints it: the style file and the style vector."""

from collections.abc import Callable, Sequence

from engines.errors import BadValue, ImpastoError, in_one_line
from engines.style.file import mixed
from engines.style.styles import StyleFile, names_file
from realtime.live.control.settings import LiveSettings, all_textures
from realtime.painting.cross_fade import Vector
from realtime.painting.gliding import Look
from realtime.painting.net_choice import lacking_in
from realtime.painting.options import OWN
from realtime.painting.other_texture import textures_of, with_texture
from realtime.painting.picture_style import resolve

BOTH = ("style", "mix_with")


class LookBook:
    """Finds the looks of one run. A bare name is looked for in the file in use first, then in the gallery.

    `use_styles` is told the names in a file when it comes into use. What cannot be found is reported once, and the look
    stays as it was; only a first one that cannot be found raises ImpastoError or FileNotFoundError. A file in use is
    not read again: it may be gone from the disk, or half written anew. `fine_of` gives the fine net beside a file that
    comes into use, if that is to paint; what it lacks, and pictures, the file's own net paints.
    """

    def __init__(
        self,
        report: Callable[[str], None],
        use_styles: Callable[[tuple[str, ...]], None],
        fine_of: Callable[[StyleFile], StyleFile | None] = lambda file: None,
    ) -> None:
        self._report, self._use_styles, self._fine_of = report, use_styles, fine_of
        self._file: StyleFile | None = None
        self._fine: StyleFile | None = None
        self._told_lacking: set[str] = set()
        self._newest: tuple[LiveSettings, Look] | None = None  # what was asked for last, and what that came to
        self._found: dict[str, tuple[StyleFile, str]] = {}
        self._learnt: dict[str, Vector] = {}
        self._stale = False

    def use_vector(self, style: str, vector: Vector) -> None:
        """From now on a style, named as a person did, has this vector; from any thread."""
        self._learnt[style] = vector
        self._stale = True

    def textures(self, settings: LiveSettings) -> Sequence[str]:
        """Those of the net that paints the style in the settings, from any thread; all, until its look is found.

        EngineRefused where its card is of another.
        """
        newest = self._newest
        if newest is None or newest[0].style != settings.style:
            return all_textures(settings)
        return textures_of(newest[1].file)

    def look(self, settings: LiveSettings) -> Look:
        """The look that the settings describe."""
        newest = self._newest
        if newest is None or settings is not newest[0] or self._stale:
            self._stale = False  # before the vectors are read: one that comes meanwhile is read next time
            newest = self._newest = settings, self._turn_to(settings)
        return newest[1]

    def _turn_to(self, settings: LiveSettings) -> Look:
        try:
            return self._find(settings)
        except (ImpastoError, OSError) as error:
            if self._newest is None:
                raise
            self._report(f"the style stays as it is: {in_one_line(error)}")
            return self._newest[1]

    def _find(self, settings: LiveSettings) -> Look:
        texts = [settings.style, settings.mix_with] if settings.mix_with else [settings.style]
        resolved = [self._resolve(text) for text in texts]
        file, name = resolved[0]
        if resolved[-1][0].sha256 != file.sha256:
            raise BadValue(f"{name} and {resolved[-1][1]} are in different files and cannot be mixed")
        self._use(file)
        fine = self._fine_net_for(texts, resolved, settings.texture)
        vectors = [self._vector(text, fine or net, style) for text, (net, style) in zip(texts, resolved, strict=True)]
        vector = vectors[0]
        if settings.mix_with:
            shares = 1 - settings.mix, settings.mix
            vector = mixed(dict(zip(BOTH, vectors, strict=True)), dict(zip(BOTH, shares, strict=True)))
        vector, texture = self._with_texture(fine or file, vector, settings.texture)
        self._found = {
            text: found for text, found in self._found.items() if text in (settings.style, settings.mix_with)
        }
        return Look(fine or file, vector, settings.strength, settings.keep_colour, texture)

    def _with_texture(self, file: StyleFile, vector: Vector, texture: str) -> tuple[Vector, str]:
        """As asked for, where the net has it; who turns to a net of another kind sees that with its own strokes."""
        try:
            return with_texture(file, vector, texture), texture
        except BadValue as error:
            self._tell_once(f"strokes are the style's own: {in_one_line(error)}")
            return vector, OWN

    def _tell_once(self, line: str) -> None:
        if line not in self._told_lacking:
            self._told_lacking.add(line)
            self._report(line)

    def _use(self, file: StyleFile) -> None:
        """From now on this is the file in use."""
        if self._file is None or file.sha256 != self._file.sha256:
            try:
                self._fine = self._fine_of(file)
            except (ImpastoError, OSError) as error:
                if self._newest is None:
                    raise
                self._fine = None
                self._report(f"the style file's own net paints: {in_one_line(error)}")
            self._use_styles(file.card.names)
        self._file = file

    def _fine_net_for(self, texts: list[str], resolved: list[tuple[StyleFile, str]], texture: str) -> StyleFile | None:
        """The fine net of the file in use, where that paints and has these styles and this texture."""
        fine = self._fine
        if fine is None:
            return None
        learnt = [name for text, (_, name) in zip(texts, resolved, strict=True) if text in self._learnt]
        lacking = lacking_in(fine, resolved, texture, learnt)
        if not lacking:
            return fine
        self._tell_once(f"{fine.path.name} has no {lacking[0]}: {resolved[0][0].path.name} paints it")
        return None

    def _vector(self, text: str, file: StyleFile, name: str) -> Vector:
        learnt = self._learnt.get(text)
        return file.vector(name) if learnt is None else learnt

    def _resolve(self, text: str) -> tuple[StyleFile, str]:
        if self._file is not None and not names_file(text) and text in self._file.card.names:
            return self._file, text
        if text not in self._found:
            self._found[text] = resolve(text)
        return self._found[text]
