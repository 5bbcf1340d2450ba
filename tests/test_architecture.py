"""docs/architecture.md draws the house as it stands: its rooms on their floors, and no path that leads nowhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_imports import FLOORS, PACKAGES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "examples" / "README.md"]


def drawn(package: str) -> list[list[str]]:
    """The rooms of a package, floor by floor, as the drawing has them."""
    drawing = re.search(rf"^{package}/\n((?:  .*\n)+)", PAGE, re.MULTILINE)
    assert drawing, f"there is no drawing of {package}/"
    floors = [re.split(r"  +(?=[^ ])", line.strip()) for line in drawing[1].splitlines()]
    return [rooms for floor in floors if (rooms := [word for word in floor if re.fullmatch(r"\w+(?:/|\.py)", word)])]


def rooms_of(package: str) -> set[str]:
    """What stands in the package's folder and has code or style files in it."""
    found = (ROOT / package).iterdir()
    return {_as_drawn(path) for path in found if path.suffix == ".py" or _holds_something(path)} - {"__init__.py"}


def _as_drawn(path: Path) -> str:
    return f"{path.name}/" if path.is_dir() else path.name


def _holds_something(path: Path) -> bool:
    return path.is_dir() and any(each.suffix in (".py", ".onnx") for each in path.iterdir())


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_is_drawn_once(package: str) -> None:
    rooms = [room for floor in drawn(package) for room in floor]
    assert sorted(rooms) == sorted(rooms_of(package))


@pytest.mark.parametrize("package", FLOORS)
def test_the_floors_are_those_that_are_held(package: str) -> None:
    held = [{room for room in floor if _stands(package, room)} for floor in FLOORS[package]]
    shown = [{room.removesuffix("/").removesuffix(".py") for room in floor} for floor in drawn(package)]
    assert [floor for floor in shown if floor != {"gallery"}] == [floor for floor in held if floor]


def _stands(package: str, room: str) -> bool:
    return (ROOT / package / room).is_dir() or (ROOT / package / f"{room}.py").is_file()


def paths() -> Iterator[str]:
    """All that is named as a path: in backticks, and in the drawings of the ways."""
    yield from re.findall(r"`((?:[\w.-]+/)*[\w.-]+/|(?:[\w.-]+/)*[\w-]+\.(?:py|md|toml))`", PAGE)
    yield from re.findall(r"(?<![\w/])(?:realtime|engines|trainers|tests)/[\w/]*(?:\.py)?", PAGE)


@pytest.mark.parametrize("path", sorted(set(paths())))
def test_every_path_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()
    assert (ROOT / path).is_dir() == path.endswith("/")


def test_the_ways_name_their_files() -> None:
    """The test above has something to look at."""
    assert len(set(paths())) > 60


@pytest.mark.parametrize("line", re.findall(r"`([A-Z]+)` in `([\w/]+\.py)`", PAGE), ids=lambda line: line[1])
def test_every_table_that_is_named_is_there(line: tuple[str, str]) -> None:
    table, path = line
    assert re.search(rf"^{table}\b.* = ", (ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_of_our_packages_on_every_page_lead_somewhere(page: Path) -> None:
    for path in re.findall(r"`((?:realtime|engines|trainers|tests)/[\w/.-]*)`", page.read_text()):
        assert (ROOT / path).exists(), path
