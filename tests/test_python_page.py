"""docs/python.md says what is true: its names are those of the packages, its lines of Python run, its errors are so."""

import builtins
import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

import engines
import realtime
from engines import ImpastoError
from realtime import StylePainter

PAGE = (Path(__file__).parents[1] / "docs" / "python.md").read_text()
NAMES = {
    module: re.findall(r"`(\w+)`", names)
    for module, names in re.findall(r"^\| `([\w.]+)` \| (`.*`) \|$", PAGE.partition("## Every name")[2], re.MULTILINE)
}
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ERRORS = re.findall(r"^\| `(\w+)` \|([`\w, ]*)\| .* \|$", PAGE.partition("## Errors")[2], re.MULTILINE)


@pytest.mark.parametrize("package", [realtime, engines], ids=lambda package: package.__name__)
def test_it_names_what_the_packages_promise(package: ModuleType) -> None:
    assert sorted(NAMES[package.__name__]) == sorted(package.__all__)


@pytest.mark.parametrize("module", NAMES)
def test_what_it_names_is_there(module: str) -> None:
    assert not [name for name in NAMES[module] if not hasattr(importlib.import_module(module), name)]


def test_every_error_is_told_with_what_it_is() -> None:
    assert {name for name, _ in ERRORS} == {
        name for name in (*engines.__all__, "SignalLost") if _is_error(name) and name != "ImpastoError"
    }
    for name, also in ERRORS:
        for kind in re.findall(r"`(\w+)`", also):
            assert issubclass(_error(name), getattr(builtins, kind, None) or _error(kind))


def _error(name: str) -> type:
    found: type = getattr(engines, name, None) or getattr(realtime, name)
    return found


def _is_error(name: str) -> bool:
    found = _error(name)
    return isinstance(found, type) and issubclass(found, ImpastoError)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0])
def test_what_it_imports_can_be_imported(block: str) -> None:
    for line in block.splitlines():
        if line.startswith(("from ", "import ")):
            exec(line, {})


def test_its_calls_take_what_they_are_given(small_style: Path) -> None:
    """The first block and the one that goes on from it, with a small style in place of the gallery's."""
    import numpy as np

    text = f"{BLOCKS[0]}{BLOCKS[1]}".replace("starry_night", "waves").replace("udnie", "night")
    text = text.replace(
        'open_style("waves", height=360, width=640)', f'open_style("{small_style}", height=32, width=48)'
    )
    frame = np.full((32, 48, 3), 128, np.uint8)
    found: dict[str, object] = {"frame": frame}
    exec(text, found)
    assert isinstance(found["paint"], StylePainter)
    assert getattr(found["painted"], "shape", None) == frame.shape
