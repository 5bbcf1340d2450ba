"""What a training run leaves behind: checkpoints that resume, sample sheets, TensorBoard logs."""

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from engines.errors import BadFile, BadValue, FileMissing, FileTaken
from engines.failures import any_failure_as, on_failure
from engines.file_lock import hold_folder, let_go
from engines.networks.transform.config import TransformConfig
from engines.style.card import as_name
from engines.style.file import check_writable
from trainers.data import evenly, open_picture, to_tensor
from trainers.run.licence import of_both
from trainers.run.saved_state import damaged, read_saved, shown, write_saved

CHECKPOINT = "checkpoint.pt"
# Settings that say where and how a run is started and signed, not what it does.
STARTING = {"resume", "out", "workers", "save_every", "sample_every", "licence"}
# Settings that say which parts there are and how large; that of the network is compared apart.
SHAPING = ("method", "width", "judge_width")
SETTLED, TEXTURES = "settled", "textures"  # of a transform net's shape
FIRST_TEXTURES = TransformConfig().textures  # of nets that do not say
SCALER = "scaler"
SAMPLE_PICTURES = 4
SAMPLE_HEIGHT = 240
LOG_EVERY = 20
FIRST_RECIPE = "johnson"  # of checkpoints that do not say
History = list[dict[str, Any]]


class RunOptions(Protocol):
    """What a run folder asks of a recipe's settings."""

    @property
    def run_folder(self) -> Path: ...
    @property
    def out(self) -> Path: ...
    @property
    def steps(self) -> int: ...
    @property
    def network(self) -> str: ...
    @property
    def save_every(self) -> int: ...
    @property
    def sample_every(self) -> int: ...
    @property
    def resume(self) -> bool: ...
    def to_dict(self) -> dict[str, Any]: ...


class Part(Protocol):
    """Of a run: a net, an optimiser, a scaler, a pool of pictures."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: Any, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class RunLabel:
    """Which run it is: its recipe, its styles by name, and the `shape` of the net, where checkpoints are to say it.

    `followed` is the licence of a net whose pictures this one learns to paint, empty where there is none.
    """

    recipe: str
    styles: tuple[str, ...]
    shape: Mapping[str, Any] = field(default_factory=dict)
    followed: str = ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run after `step` steps. `parts` are all that goes on from there, by name."""

    step: int
    parts: Mapping[str, Part]


class RunFolder:
    """The folder of one run. Only the first of several processes writes.

    `history` holds the steps and settings of the runs whose weights this one began with, the first one first, and of
    its own steps before it was resumed with other settings. `changed` tells those settings. `label` knows, too, what
    the run followed before it was resumed.
    """

    def __init__(self, options: RunOptions, label: RunLabel, *, main: bool = True) -> None:
        self.path = options.run_folder
        self.options = options
        self.label = label
        self.main = main
        self.changed = ""
        self._start = 0
        self.history: History = []
        self._running: dict[str, float] = {}
        self._writer: SummaryWriter | None = None
        self._let_go: Callable[[], object] = lambda: None
        if main:
            check_writable(options.out)
            (self.path / "samples").mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        if self.main:
            self._writer = SummaryWriter(str(self.path), purge_step=self._start)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()
        self._let_go()

    def restore(self, parts: Mapping[str, Part], begin: Callable[[], History]) -> int:
        """Loads the newest checkpoint into a run that is to be resumed; returns the step to go on with.

        A run that is new is begun by `begin`, which tells the runs that its weights come from. FileTaken where another
        run has the folder; from here on this one has it.
        """
        if self.main:
            self._hold()
        with on_failure(self._let_go):
            return self._restored(parts, begin)

    def _hold(self) -> None:
        try:
            held = hold_folder(self.path)
        except BlockingIOError:
            line = f"{self.path} is of a run that still goes on; wait for its end, or give another --out"
            raise FileTaken(line) from None
        if held is not None:
            self._let_go = weakref.finalize(self, let_go, held)  # also where it comes to no step

    def _restored(self, parts: Mapping[str, Part], begin: Callable[[], History]) -> int:
        path = self.path / CHECKPOINT
        if self.options.resume:
            return self._load(path, parts)
        if path.exists():
            raise FileTaken(f"{path} is there from another run; --resume goes on with it, or delete {self.path}")
        self.history = begin()
        return 0

    def _load(self, path: Path, parts: Mapping[str, Part]) -> int:
        if not path.exists():
            raise FileMissing(f"no checkpoint {path} to resume; leave out --resume to begin")
        with any_failure_as(BadFile, partial(damaged, path), but=(BadValue, OSError)):
            return self._take(path, read_saved(path), parts)

    def _take(self, path: Path, saved: dict[str, Any], parts: Mapping[str, Part]) -> int:
        recipe = saved.get("recipe", FIRST_RECIPE)
        if recipe != self.label.recipe:
            raise BadValue(f"{path} is of `impasto train {shown(recipe)}`; resume with that, or choose another --out")
        names = [as_name(name) for name in saved["styles"]]  # which were not always such as styles may have
        if (
            names != [as_name(name) for name in self.label.styles]
            or saved["options"]["network"] != self.options.network
        ):
            styles, network = shown(saved["styles"]), shown(saved["options"]["network"])
            raise BadValue(f"{path} is of styles {styles} in {network}; resume with those")
        shapes = self.label.shape, saved.get("shape", {})
        now, before = (shape.get(SETTLED, False) for shape in shapes)
        textures, earlier = (tuple(shape.get(TEXTURES, FIRST_TEXTURES)) for shape in shapes)
        if now != before or textures != earlier:  # with other norms weights fit all the same
            other = "norms" if now != before else "textures"
            how = "begin with it by --initial and another --out" if "average" in saved else "choose another --out"
            raise BadValue(f"{path} is of a net with other {other}; {how}")
        try:
            for name, part in parts.items():
                if name in saved or name != SCALER:  # a run that goes on in fp16 begins with a scaler of its own
                    part.load_state_dict(saved[name])
        except (RuntimeError, KeyError):
            self._refuse_shapes(path, saved["options"])
            raise
        self.history, self._running, self._start = saved["history"], saved["running"], int(saved["step"])
        self.label = replace(self.label, followed=of_both(saved.get("followed", ""), self.label.followed))
        if self._start > self.options.steps:
            raise BadValue(f"{path} has made {self._start} steps already; give --steps of as many or more")
        self._note_changes(saved["options"])
        return self._start

    def _refuse_shapes(self, path: Path, earlier: dict[str, Any]) -> None:
        """BadValue where the settings tell why the parts do not fit."""
        now = self.options.to_dict()
        if names := [name for name in SHAPING if name in earlier and name in now and earlier[name] != now[name]]:
            changes = ", ".join(f"{name} {shown(earlier[name])} -> {now[name]}" for name in names)
            typed = " ".join(f"--{name.replace('_', '-')} {shown(earlier[name])}" for name in names)
            raise BadValue(f"{path} is of another shape ({changes}); resume with {typed}, or choose another --out")

    def _note_changes(self, earlier: dict[str, Any]) -> None:
        now = self.options.to_dict()
        names = [name for name in now if name not in STARTING and earlier.get(name) != now[name]]
        changes = [f"{name} {shown(earlier.get(name))} -> {now[name]}" for name in names]
        self.changed = ", ".join(changes)
        if changes or (earlier.get("licence") and not now.get("licence")):  # which is not to be forgotten
            self.history = [*self.history, {"steps": self._start, "settings": earlier}]

    def keep(self, checkpoint: Checkpoint, sheet: Callable[[], Tensor], *, stopping: bool) -> bool:
        """Saves and paints when it is time to, and saves when the run stops here; tells whether it saved.

        `sheet` paints the sample sheet, [3, H, W] in 0..1; it is asked only when one is due.
        """
        last = checkpoint.step == self.options.steps
        saving = stopping or last or checkpoint.step % self.options.save_every == 0
        if saving and self.main:
            saving = self._save(checkpoint)
        if self.main and (last or checkpoint.step % self.options.sample_every == 0):
            self._show(checkpoint.step, sheet())
        return saving

    def _save(self, checkpoint: Checkpoint) -> bool:
        """Whether it is saved: where numbers are lost the checkpoint before stays, and the next loss ends the run."""
        parts = {name: part.state_dict() for name, part in checkpoint.parts.items()}
        if not _is_finite(parts):
            return False
        state = {
            "step": checkpoint.step,
            **parts,
            "recipe": self.label.recipe,
            "shape": dict(self.label.shape),
            "styles": list(self.label.styles),
            "followed": self.label.followed,
            "options": self.options.to_dict(),
            "history": self.history,
            "running": self._running,
        }
        write_saved(self.path / CHECKPOINT, state)
        return True

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Keeps a running mean of every value, and writes it now and then.

        What is not told any more is dropped, but for single parts (`style/udnie`), of which a step has some.
        """
        self._running = {name: value for name, value in self._running.items() if name in values or "/" in name}
        for name, value in values.items():
            previous = self._running.get(name, value)
            self._running[name] = previous + (value - previous) * 0.05
        if self._writer is not None and step % LOG_EVERY == 0:
            for name, number in self._running.items():
                self._writer.add_scalar(name, number, step)

    def note(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures that are measured now and then, for TensorBoard."""
        if self._writer is not None:
            for name, number in figures.items():
                self._writer.add_scalar(name, number, step)

    @property
    def running_losses(self) -> dict[str, float]:
        """The running mean of every loss so far."""
        return dict(self._running)

    def _show(self, step: int, sheet: Tensor) -> None:
        pixels = (sheet.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        picture.save(self.path / "samples" / f"step_{step:06d}.png", compress_level=1)  # more would take half a second


def _is_finite(state: Any) -> bool:
    """Of all tensors in what a part saves."""
    if isinstance(state, Tensor):
        return bool(torch.isfinite(state).all())
    if isinstance(state, Mapping):
        state = state.values()
    return all(map(_is_finite, state)) if isinstance(state, Iterable) and not isinstance(state, str | bytes) else True


def sample_pictures(paths: Sequence[Path], most: int = SAMPLE_PICTURES) -> Tensor:
    """Some of the pictures, [N, 3, 240, 320] in 0..1; by itself as many as the sheets of a run show."""
    size = (SAMPLE_HEIGHT * 4 // 3, SAMPLE_HEIGHT)
    chosen = [open_picture(path).resize(size, Image.Resampling.LANCZOS) for path in evenly(paths, most)]
    return torch.stack([to_tensor(picture) for picture in chosen])


def sheet_of(rows: Sequence[Tensor]) -> Tensor:
    """Rows of pictures [N, 3, H, W], one below the other, as one picture."""
    return torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
