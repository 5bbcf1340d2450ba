"""What an optimisation of one picture leaves beside it while it runs: a state that resumes exactly, and a preview."""

import hashlib
import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from engines.errors import BadFile, BadValue, FileTaken
from engines.failures import any_failure_as
from engines.whole_file import write_whole
from trainers.run.saved_state import damaged, read_saved, shown, write_saved
from trainers.settings.gatys_options import GatysOptions

STATE, PREVIEW = "state.pt", "preview.png"
# Settings that say how and where a run is started and shown, not what it does.
STARTING = {"resume", "preview_every", "device"}


@dataclass(frozen=True, slots=True)
class State:
    """A run before step `step` of scale `scale`: what is moved, and the optimiser that moves it."""

    scale: int
    step: int
    bands: list[Tensor]
    optimiser: dict[str, Any]


class PictureRun:
    """The folder of one picture's run; `resumed` is the state to go on with, None at the beginning.

    Raises FileExistsError where another run's state is in the way, ValueError where `resume` meets another photo or
    other settings.
    """

    def __init__(self, folder: Path, options: GatysOptions, photo: NDArray[np.uint8]) -> None:
        self.folder = folder
        self._of = {**options.to_dict(), "photo": hashlib.sha256(photo.tobytes()).hexdigest()}
        self.resumed = self._load() if options.resume else None
        if not options.resume and self.path.exists():
            raise FileTaken(f"{self.path} is there from a run that was stopped; --resume goes on, or delete {folder}")

    @property
    def path(self) -> Path:
        return self.folder / STATE

    def save(self, scale: int, step: int, bands: Sequence[Tensor], optimiser: torch.optim.Optimizer) -> None:
        """For a run that goes on from here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "of": self._of,
            "scale": scale,
            "step": step,
            "bands": [band.detach() for band in bands],
            "optimiser": optimiser.state_dict(),
        }
        write_saved(self.path, state)

    def preview(self, rgb: NDArray[np.uint8]) -> None:
        """The picture as it is now, uint8 [H, W, 3]."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        Image.fromarray(rgb).save(content, format="PNG", compress_level=1)
        write_whole(self.folder / PREVIEW, content.getvalue())

    def remove(self) -> None:
        """The folder goes when the picture is written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _load(self) -> State | None:
        if not self.path.exists():
            return None
        with any_failure_as(BadFile, partial(damaged, self.path), but=(BadValue, OSError)):
            saved = read_saved(self.path)
            if changes := self._changes(saved["of"]):
                raise BadValue(
                    f"{self.path} is of another run ({changes}); resume with its settings, or delete {self.folder}"
                )
            return State(saved["scale"], saved["step"], saved["bands"], saved["optimiser"])

    def _changes(self, earlier: dict[str, Any]) -> str:
        names = [name for name in self._of if name not in STARTING and earlier.get(name) != self._of[name]]
        return ", ".join(
            "another photo" if name == "photo" else f"{name} {shown(earlier.get(name))} -> {self._of[name]}"
            for name in names
        )
