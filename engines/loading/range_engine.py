"""An engine for a range of sizes takes the place of one that is still to be built for the size in use."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engines.cache.entry import EntryHeader
from engines.cache.fields import CACHE_FORMAT, range_of
from engines.cache.folder import EngineCache, default_cache_folder
from engines.errors import ImpastoError
from engines.loading.engine import restore_engine
from engines.names import AUTO
from engines.protocols import Engine
from engines.spec import ANY_ENGINE, EngineChoice
from engines.style.styles import StyleFile

logger = logging.getLogger("impasto")


def restore_range_engine(
    style: StyleFile,
    *,
    height: int,
    width: int,
    choice: EngineChoice = ANY_ENGINE,
    cache_dir: Path | None = None,
    report: Callable[[str], None] = logger.info,
) -> Engine | None:
    """An engine from the cache whose range of sizes covers this one, the one used last; None where there is none.

    It is of the backend and precision of the choice, and passed the gate. Nothing is built.
    """
    cache = EngineCache(cache_dir or default_cache_folder())
    for header in cache.find(lambda header: _covers(header, style, (height, width), choice)):
        chosen = _choice_of(header, choice)
        try:
            engine = restore_engine(
                style, height=height, width=width, choice=chosen, cache_dir=cache_dir, report=report
            )
        except ImpastoError:  # it is refused here, or its backend is there no more; the next may do
            continue
        if engine is not None:
            return engine
    return None


def _choice_of(header: EntryHeader, choice: EngineChoice) -> EngineChoice:
    """The choice that this entry answers, if it still fits this machine."""
    fields = header.fields
    return replace(
        choice, backend=fields["backend"], precision=fields["precision"], size_range=range_of(fields), strict=True
    )


def _covers(header: EntryHeader, style: StyleFile, size: tuple[int, int], choice: EngineChoice) -> bool:
    fields = header.fields
    if fields.get("format") != CACHE_FORMAT or fields["style"] != style.sha256 or not header.gate.passed:
        return False
    sizes = range_of(fields)
    asked = ((choice.backend, fields["backend"]), (choice.precision, fields["precision"]))
    return sizes is not None and size in sizes and all(wanted in (AUTO, found) for wanted, found in asked)
