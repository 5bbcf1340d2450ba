"""Which pictures are painted, and into which files: `impasto image IN... OUT`."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.errors import BadValue, FileMissing
from realtime.media.containers import STANDARD_OUTPUT
from realtime.media.input_file import STANDARD_INPUT
from realtime.media.output_file import PartialFile
from realtime.media.output_folder import make_folder
from realtime.media.picture_file import PICTURE_SUFFIXES, READ_SUFFIXES
from realtime.painting.notes import Notes
from realtime.sources.pictures import find_pictures, names_pictures

Job = tuple[Path, Path]  # a picture, and what is written of it


@dataclass(frozen=True, slots=True)
class PicturePlan:
    """Which picture is written where; `several` were asked for, though it may be a folder of one."""

    jobs: tuple[Job, ...]
    several: bool

    def still_to_do(self, notes: Notes, *, overwrite: bool) -> list[Job]:
        """All but those of several that are there and stay; an error where the one there is cannot be written."""
        if not self.several:
            PartialFile(self.jobs[0][1], overwrite=overwrite)
        if not self.several or overwrite:
            return list(self.jobs)
        todo = [job for job in self.jobs if not job[1].exists()]
        if there := len(self.jobs) - len(todo):
            notes(f"{there} of {len(self.jobs)} are there already and stay")
        return todo


def plan_pictures(inputs: Sequence[Path], output: Path) -> PicturePlan:
    """What is to be done; ImpastoError where two would meet, or one would be its own input."""
    sources = [picture for path in inputs for picture in _pictures_of(path)]
    several = len(sources) > 1 or any(path.is_dir() for path in inputs)
    if output.is_dir() or several or not output.suffix:
        if output.suffix.lower() in PICTURE_SUFFIXES and not output.is_dir():
            raise BadValue(
                f"several pictures, or those of a folder, do not go into one; name a folder in place of {output}"
            )
        if output == STANDARD_OUTPUT and not output.exists():
            raise BadValue(f"OUT is {output}, and pictures are written to files; name one, or a folder")
        make_folder(output, "OUT", or_else=", or a picture such as painted.png")
        jobs = [(source, output / name) for source, name in zip(sources, _names(sources), strict=True)]
    else:
        jobs = [(sources[0], output)]
    _check(jobs)
    return PicturePlan(tuple(jobs), several)


def _names(sources: Sequence[Path]) -> Iterator[str]:
    """Their own; those that are only read end in .png: x.avif is x.png, or x.avif.png where there is an x.png."""
    taken = {source.name.casefold() for source in sources}
    for source in sources:
        if source.suffix.lower() in PICTURE_SUFFIXES:
            yield source.name
        else:
            name = f"{source.stem}.png"
            yield f"{source.name}.png" if name.casefold() in taken else name
            taken.add(name.casefold())


def _pictures_of(path: Path) -> list[Path]:
    """The pictures behind one input; a file is taken whatever it is called, and a pipe as one."""
    if not path.exists() and not names_pictures(str(path)):
        piped = "; a picture that is piped in is /dev/stdin" if str(path) == STANDARD_INPUT else ""
        if path.parts[0] in ("http:", "https:"):  # one of its slashes is gone with its path
            raise FileMissing(f"{path} is an address, and pictures are read from files; save it first")
        raise FileMissing(f"there is no file {path}{piped}")
    return [path] if path.exists() and not path.is_dir() else find_pictures(str(path), READ_SUFFIXES)


def _check(jobs: Sequence[Job]) -> None:
    seen: dict[str, Path] = {}
    sources = {os.path.realpath(source) for source, _ in jobs}
    for source, target in jobs:
        written = os.path.realpath(target)  # a link is written where it leads
        if written in sources or (target.exists() and target.samefile(source)):
            raise BadValue(f"{target} is the input; name another file or folder to write")
        if written in seen:
            raise BadValue(f"{seen[written]} and {source} would both be written to {target}; use two folders")
        seen[written] = source
        if target.suffix.lower() not in PICTURE_SUFFIXES:
            known = ", ".join(sorted(PICTURE_SUFFIXES))
            raise BadValue(f"{target.name}: {target.suffix!r} is no picture format; use one of {known}")
