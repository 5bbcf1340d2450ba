"""Engines: style files, and what runs a net fast. The names in `__all__` are told of in docs/python.md."""

from typing import TYPE_CHECKING

from engines.errors import (
    BadFile,
    BadValue,
    EngineRefused,
    FileError,
    FileMissing,
    FileTaken,
    ImpastoError,
    Interrupted,
    NotEnoughMemory,
    NotFinite,
    NotInstalled,
    TooSmall,
    UnknownStyle,
)
from engines.on_demand import names_on_demand

if TYPE_CHECKING:
    from engines.loading.engine import load_engine
    from engines.protocols import Engine
    from engines.spec import Controls, EngineChoice
    from engines.style.styles import StyleFile, list_gallery, load_style
else:  # each is loaded when it is asked for: the command line must start without numpy
    __getattr__ = names_on_demand(
        __name__,
        {
            "engines.loading.engine": ("load_engine",),
            "engines.protocols": ("Engine",),
            "engines.spec": ("Controls", "EngineChoice"),
            "engines.style.styles": ("StyleFile", "list_gallery", "load_style"),
        },
    )


__all__ = [
    "BadFile",
    "BadValue",
    "Controls",
    "Engine",
    "EngineChoice",
    "EngineRefused",
    "FileError",
    "FileMissing",
    "FileTaken",
    "ImpastoError",
    "Interrupted",
    "NotEnoughMemory",
    "NotFinite",
    "NotInstalled",
    "StyleFile",
    "TooSmall",
    "UnknownStyle",
    "list_gallery",
    "load_engine",
    "load_style",
]
