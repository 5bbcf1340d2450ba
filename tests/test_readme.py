"""README says what is true: its commands parse, and the packages it names are those that are installed."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from realtime.commands.all_commands import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def examples() -> list[str]:
    """The command lines of the README, less their comments."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()] + re.findall(r"`(impasto [^`…]+)`", README)
    return sorted({line for line in lines if line.startswith("impasto ")})


@pytest.mark.parametrize("line", examples())
def test_every_example_is_a_command_line_that_parses(line: str) -> None:
    group = get_command(app)
    words = shlex.split(line.partition(" | ")[0], comments=True)[1:]
    context = group.make_context("impasto", words, resilient_parsing=True)
    name = next((word for word in words if not word.startswith("-")), None)
    if name is None:
        assert set(words) <= {option for each in group.params for option in each.opts}
        return
    _, command, _ = group.resolve_command(context, [name])  # type: ignore[attr-defined]
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
