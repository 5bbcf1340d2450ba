"""What a training run leaves behind: checkpoints that resume, sample sheets, TensorBoard logs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from engines.errors import BadFile, BadValue, FileMissing, FileTaken
from engines.failures import any_failure_as
from engines.networks.transform.net import TransformNet
from trainers.data import open_picture, to_tensor
from trainers.initial_weights import initial_weights
from trainers.options import JohnsonOptions
from trainers.saved_state import damaged, read_saved, shown

CHECKPOINT = "checkpoint.pt"
# Settings that say where and how a run is started, not what it does.
STARTING = {"resume", "out", "workers", "save_every", "sample_every"}
SAMPLE_PICTURES = 4
SAMPLE_HEIGHT = 240
LOG_EVERY = 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run after `step` steps."""

    step: int
    net: TransformNet
    average: TransformNet
    optimizer: Any
    scaler: Any = None


class RunFolder:
    """The folder of one run. Only the first of several processes writes.

    `history` holds the steps and settings of the runs whose weights this one began with, the first one first, and of
    its own steps before it was resumed with other settings. `changed` tells those settings. `pictures` are content
    pictures that can be read; some of them are painted for the sample sheets.
    """

    def __init__(
        self, options: JohnsonOptions, styles: tuple[str, ...], pictures: Sequence[Path], *, main: bool = True
    ) -> None:
        self.path = options.run_folder
        self.options = options
        self.styles = styles
        self.main = main
        self.changed = ""
        spread = [pictures[i * len(pictures) // SAMPLE_PICTURES] for i in range(SAMPLE_PICTURES)]
        self._pictures = list(dict.fromkeys(spread))
        self._start = 0
        self.history: list[dict[str, Any]] = []
        self._running: dict[str, float] = {}
        self._writer: SummaryWriter | None = None
        if main:
            (self.path / "samples").mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        if self.main:
            self._writer = SummaryWriter(str(self.path), purge_step=self._start)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()

    def restore(self, run: Checkpoint) -> int:
        """Loads the newest checkpoint into a run that is to be resumed; returns the step to go on with."""
        path = self.path / CHECKPOINT
        if self.options.resume:
            return self._load(path, run)
        if path.exists():
            raise FileTaken(f"{path} is there from another run; --resume goes on with it, or delete {self.path}")
        if self.options.initial is not None:
            begun = initial_weights(self.options.initial, run.net.config, self.styles)
            run.net.load_state_dict(begun.tensors)
            self.history = begun.history
        run.net.level()
        run.average.load_state_dict(run.net.state_dict())
        return 0

    def _load(self, path: Path, run: Checkpoint) -> int:
        if not path.exists():
            raise FileMissing(f"no checkpoint {path} to resume; leave out --resume to begin")
        with any_failure_as(BadFile, partial(damaged, path), but=(BadValue, OSError)):
            return self._take(path, read_saved(path), run)

    def _take(self, path: Path, saved: dict[str, Any], run: Checkpoint) -> int:
        if saved["styles"] != list(self.styles) or saved["options"]["network"] != self.options.network:
            styles, network = shown(saved["styles"]), shown(saved["options"]["network"])
            raise BadValue(f"{path} is of styles {styles} in {network}; resume with those")
        run.net.load_state_dict(saved["net"])
        run.average.load_state_dict(saved["average"])
        run.optimizer.load_state_dict(saved["optimizer"])
        if run.scaler is not None:
            run.scaler.load_state_dict(saved["scaler"])
        self.history, self._running, self._start = saved["history"], saved["running"], int(saved["step"])
        self._note_changes(saved["options"])
        return self._start

    def _note_changes(self, earlier: dict[str, Any]) -> None:
        now = self.options.to_dict()
        names = [name for name in now if name not in STARTING and earlier.get(name) != now[name]]
        changes = [f"{name} {shown(earlier.get(name))} -> {now[name]}" for name in names]
        if changes:
            self.changed = ", ".join(changes)
            self.history = [*self.history, {"steps": self._start, "settings": earlier}]

    def keep(self, checkpoint: Checkpoint, *, stopping: bool) -> bool:
        """Saves and paints when it is time to, and saves when the run stops here; tells whether it saved."""
        last = checkpoint.step == self.options.steps
        saving = stopping or last or checkpoint.step % self.options.save_every == 0
        if saving:
            self.save(checkpoint)
        if last or checkpoint.step % self.options.sample_every == 0:
            self.sample(checkpoint.step, checkpoint.average)
        return saving

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes beside the final name and moves there, so that an interrupted save loses nothing."""
        if not self.main:
            return
        state = {
            "step": checkpoint.step,
            "net": checkpoint.net.state_dict(),
            "average": checkpoint.average.state_dict(),
            "optimizer": checkpoint.optimizer.state_dict(),
            "styles": list(self.styles),
            "options": self.options.to_dict(),
            "history": self.history,
            "running": self._running,
            "scaler": checkpoint.scaler.state_dict() if checkpoint.scaler is not None else None,
        }
        beside = self.path / f".{CHECKPOINT}"
        torch.save(state, beside)
        os.replace(beside, self.path / CHECKPOINT)

    def log(self, step: int, losses: dict[str, Tensor], style_ids: Tensor) -> None:
        """Keeps a running mean of every loss, and of the style loss of every style, and writes it now and then."""
        for name, value in losses.items():
            if value.ndim == 0:
                self._smooth(name, float(value.detach()))
        for style, value in zip(style_ids.tolist(), losses["styles"].tolist(), strict=True):
            self._smooth(f"style/{self.styles[style]}", value)
        if self._writer is not None and step % LOG_EVERY == 0:
            for name, number in self._running.items():
                self._writer.add_scalar(name, number, step)

    def _smooth(self, name: str, value: float) -> None:
        previous = self._running.get(name, value)
        self._running[name] = previous + (value - previous) * 0.05

    @property
    def running_losses(self) -> dict[str, float]:
        """The running mean of every loss so far."""
        return dict(self._running)

    def sample(self, step: int, net: TransformNet) -> None:
        """A sheet: some content pictures side by side, and below them a row for each style."""
        if not self.main:
            return
        pictures = torch.stack(self._sample_pictures()).to(net.styles.device)
        with torch.no_grad():
            painted = [net(pictures, row.expand(len(pictures), -1)) for row in net.styles]
        rows = [torch.cat(list(row), dim=2) for row in (pictures, *painted)]
        sheet = (torch.cat(rows, dim=1).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
        Image.fromarray(np.ascontiguousarray(sheet)).save(self.path / "samples" / f"step_{step:06d}.png")

    def _sample_pictures(self) -> list[Tensor]:
        size = (SAMPLE_HEIGHT * 4 // 3, SAMPLE_HEIGHT)
        return [to_tensor(open_picture(path).resize(size, Image.Resampling.LANCZOS)) for path in self._pictures]
