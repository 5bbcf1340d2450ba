"""The saved state of a run, written whole and read again: a disk may be full, a machine gone out."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from engines.failures import any_failure_as
from engines.whole_file import write_whole


def write_saved(path: Path, state: Mapping[str, Any]) -> None:
    """What `read_saved` reads, there whole or as it was before; OSError where it cannot be written.

    torch tells a full disk by an error of its own, so it writes into memory.
    """
    content = io.BytesIO()
    torch.save(dict(state), content)
    write_whole(path, content.getvalue())


def read_saved(path: Path) -> Any:
    """What torch.save wrote there, tensors and containers alone; OSError where the file cannot be read.

    ValueError where torch cannot make sense of it, for which it has errors of every kind, OSError among them.
    """
    content = io.BytesIO(path.read_bytes())
    with any_failure_as(ValueError, str):
        return torch.load(content, map_location="cpu", weights_only=True)


def shown(value: object) -> str:
    """A value out of such a file, short and printable."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(value)[:80])


def damaged(path: Path, error: Exception) -> str:
    """The line for whatever was raised where such a state was taken in."""
    return f"{path} is damaged ({type(error).__name__}), and nothing can go on from it; delete it and begin again"
