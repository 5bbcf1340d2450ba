"""How a net came to be, as its card tells: recipe, command, steps, settings and data, without a machine's paths."""

import hashlib
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainers.data import find_pictures
from trainers.run.run_folder import History, RunOptions

PLACES = (
    "styles", "content", "source", "target", "out", "back_out", "initial", "follow", "validation", "loss_network",
    "folder", "pictures", "paintings", "net", "teacher",
)  # fmt: skip
# A card with more names than this would be larger than the net.
MOST_NAMES = 1000


def provenance(recipe: str, options: RunOptions, history: History, **data: Any) -> dict[str, Any]:
    """Of a run and those before it; `data` is what else there is to say: pictures, a loss network, a teacher."""
    return {
        "recipe": recipe,
        "command": typed_command(),
        "steps": options.steps,
        "settings": travelling(options.to_dict()),
        "earlier_runs": [{**run, "settings": travelling(run.get("settings", {}))} for run in history],
        **data,
    }


def typed_command() -> str:
    """What was typed, with files and folders by their names alone."""
    return shlex.join(["impasto", *map(_without_folders, sys.argv[1:])])


def _without_folders(word: str) -> str:
    """Of `--content=/a/b` what is after the option alone is a place."""
    option, equals, place = word.partition("=") if word.startswith("--") else ("", "", word)
    return f"{option}{equals}{Path(place).name if '/' in place else place}"


def travelling(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with files and folders by their names alone, since a card travels."""
    return {**settings, **{place: _names_of(settings[place]) for place in PLACES if settings.get(place)}}


def data_list(folders: Sequence[Path]) -> dict[str, Any]:
    """As `picture_list` has it, of all pictures in the folders."""
    return picture_list(find_pictures(folders))


def picture_list(pictures: Iterable[Path]) -> dict[str, Any]:
    """The names of the pictures, or what stands for them where they are very many."""
    names = [path.name for path in pictures]
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return {"count": len(names), "sha256_of_names": digest, **({"names": names} if len(names) <= MOST_NAMES else {})}


def _names_of(places: str | Sequence[str]) -> str | list[str]:
    """The last part of a path, or of each of several."""
    return Path(places).name if isinstance(places, str) else [Path(each).name for each in places]
