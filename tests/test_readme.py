"""README and docs/files.md say what is true: files exist and are all named, commands parse, packages are installed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from realtime.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
FILES = (ROOT / "docs" / "files.md").read_text()
PACKAGES = ("realtime", "engines", "trainers")
ONE_LINE_FOR_ALL = ("engines/scene/", "engines/gallery/")


def table_of(package: str) -> str:
    found = re.search(rf"^\| {package}/ \|.*?(?=\n\n|\Z)", FILES, re.MULTILINE | re.DOTALL)
    assert found, f"docs/files.md has no table of {package}/"
    return found[0]


def modules(package: str) -> Iterator[str]:
    for path in sorted((ROOT / package).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if path.name != "__init__.py" and not name.startswith(ONE_LINE_FOR_ALL):
            yield name


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_has_its_line(package: str) -> None:
    words = set(re.findall(r"`([\w/]+(?:\.py|/))`", table_of(package)))
    missing = [name for name in modules(package) if not words & {name.removeprefix(f"{package}/"), Path(name).name}]
    assert not missing
    assert not [word for word in words if not list((ROOT / package).rglob(word))]


def examples() -> list[str]:
    """The command lines of the README, less their comments."""
    blocks = re.findall(r"^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()] + re.findall(r"`(impasto [^`…]+)`", README)
    return sorted({line for line in lines if line.startswith("impasto ")})


@pytest.mark.parametrize("line", examples())
def test_every_example_is_a_command_line_that_parses(line: str) -> None:
    group = get_command(app)
    words = shlex.split(line, comments=True)[1:]
    context = group.make_context("impasto", words, resilient_parsing=True)
    name = next(word for word in words if not word.startswith("-"))
    command = group.get_command(context, name)  # type: ignore[attr-defined]
    assert command is not None, f"there is no command {name}"
    rest = words[words.index(name) + 1 :]
    if name == "train":
        command, rest = command.get_command(context, rest[0]), rest[1:]
    if rest:
        command.make_context(name, rest)


def test_the_packages_named_are_the_ones_that_ci_installs() -> None:
    packages = re.search(r"^PACKAGES=\((.*)\)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert packages
    assert all(name in README for name in packages[1].split())
    assert "make test" in (ROOT / ".ci" / "run").read_text()
