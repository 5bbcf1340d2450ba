"""Which pictures are painted, and into which files: `impasto image IN... OUT`."""

import os
from collections.abc import Sequence
from pathlib import Path

from engines.errors import BadValue, FileMissing
from realtime.media.containers import STANDARD_OUTPUT
from realtime.media.input_file import STANDARD_INPUT
from realtime.media.output_file import PartialFile
from realtime.media.output_folder import make_folder
from realtime.media.picture_file import PICTURE_SUFFIXES, READ_SUFFIXES
from realtime.painting.notes import Notes
from realtime.sources.pictures import find_pictures, names_pictures


def plan(inputs: Sequence[Path], output: Path) -> list[tuple[Path, Path]]:
    """Which picture is written where; ImpastoError where two would meet, or one would be its own input."""
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
        jobs = [(source, output / _written_as(source)) for source in sources]
    else:
        jobs = [(sources[0], output)]
    _check(jobs)
    return jobs


def still_to_do(jobs: Sequence[tuple[Path, Path]], notes: Notes, *, overwrite: bool) -> list[tuple[Path, Path]]:
    """All but those of several that stay as they are; an error where the one there is cannot be written."""
    if len(jobs) == 1:
        PartialFile(jobs[0][1], overwrite=overwrite)
    there = [target for _, target in jobs if target.exists()] if len(jobs) > 1 and not overwrite else []
    if there:
        notes(f"{len(there)} of {len(jobs)} are there already and stay, such as {there[0].name}")
    return [job for job in jobs if job[1] not in there]


def _written_as(source: Path) -> str:
    """Its own name, and .png at the end where pictures of its kind are read alone."""
    return source.name if source.suffix.lower() in PICTURE_SUFFIXES else f"{source.stem}.png"


def _pictures_of(path: Path) -> list[Path]:
    """The pictures behind one input; a file is taken whatever it is called, and a pipe as one."""
    if not path.exists() and not names_pictures(str(path)):
        piped = "; a picture that is piped in is /dev/stdin" if str(path) == STANDARD_INPUT else ""
        if path.parts[0] in ("http:", "https:"):  # one of its slashes is gone with its path
            raise FileMissing(f"{path} is an address, and pictures are read from files; save it first")
        raise FileMissing(f"there is no file {path}{piped}")
    return [path] if path.exists() and not path.is_dir() else find_pictures(str(path), READ_SUFFIXES)


def _check(jobs: Sequence[tuple[Path, Path]]) -> None:
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
