"""What other packages add through entry points: `impasto.backends` and `impasto.styles`."""

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points


def plugins(group: str) -> dict[str, EntryPoint]:
    """Entry points of the group by name, not loaded yet; the first package on the path wins a name."""
    return dict(_scan(group, tuple(sys.path)))


@lru_cache(maxsize=8)
def _scan(group: str, path: tuple[str, ...]) -> tuple[tuple[str, EntryPoint], ...]:
    """Reading every package's metadata takes tens of milliseconds: once for each state of sys.path is enough."""
    found: dict[str, EntryPoint] = {}
    for entry_point in entry_points(group=group):
        found.setdefault(entry_point.name, entry_point)
    return tuple(found.items())
