"""Names that a package offers and loads when they are asked for.

It stands apart because `impasto` meets it first: until the little that it imports is there, Ctrl-C is Python's alone.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def names_on_demand(package: str, modules: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """The `__getattr__` (PEP 562) of a package that offers these names of these modules."""
    homes = {name: module for module, names in modules.items() for name in names}

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return find
