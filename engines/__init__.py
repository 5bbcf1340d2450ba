"""Engines: style files, and what runs a net fast. The names in `__all__` are told of in docs/python.md."""

from typing import TYPE_CHECKING, Any

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
    NotInstalled,
    UnknownStyle,
)

if TYPE_CHECKING:
    from engines.loading.engine import load_engine
    from engines.spec import Controls, Engine, EngineChoice
    from engines.style.styles import StyleFile, list_gallery, load_style
else:  # each is loaded when it is asked for: the command line must start without numpy
    _MODULES = {
        "engines.loading.engine": ("load_engine",),
        "engines.spec": ("Controls", "Engine", "EngineChoice"),
        "engines.style.styles": ("StyleFile", "list_gallery", "load_style"),
    }

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        for module, names in _MODULES.items():
            if name in names:
                return getattr(import_module(module), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
    "NotInstalled",
    "StyleFile",
    "UnknownStyle",
    "list_gallery",
    "load_engine",
    "load_style",
]
