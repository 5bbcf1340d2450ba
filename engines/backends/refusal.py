"""How a backend tells that it cannot: a runtime's errors become the EngineRefused at which another engine is tried."""

from collections.abc import Iterator
from contextlib import contextmanager

from engines.errors import EngineRefused, in_one_line


@contextmanager
def refusing(what: str, *errors: type[Exception]) -> Iterator[None]:
    """EngineRefused, which says `what` could not be done and why, in place of these errors."""
    try:
        yield
    except errors as error:
        raise EngineRefused(f"{what} ({in_one_line(error)})") from error
