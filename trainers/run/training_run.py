"""The frame that the runs of all recipes share: begun or resumed, fed, followed from step to step, and ended well."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from engines.errors import Interrupted
from trainers.data import Crops, batches
from trainers.run.loop import (
    GRADIENT_NORM,
    Losses,
    OnStep,
    Report,
    accelerator_for,
    check_finite,
    in_any_process,
    interrupts,
    silent,
)
from trainers.run.run_folder import SCALER, Checkpoint, History, Part, RunFolder, RunLabel, RunOptions

Figures = Mapping[str, float]
Batch = TypeVar("Batch")


class TrainingOptions(RunOptions, Protocol):
    """What a run asks of a recipe's settings."""

    @property
    def batch(self) -> int: ...
    @property
    def workers(self) -> int: ...
    @property
    def precision(self) -> str: ...


def in_words(figures: Figures) -> str:
    """One line of losses or figures, without those of single parts (`kl/03`)."""
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items() if "/" not in name)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is to be seen of a run while it goes on, each asked for only when it is due.

    `sheet` paints the sample sheet [3, H, W] in 0..1; `measure` takes figures each time that a sheet is painted.
    """

    sheet: Callable[[], Tensor]
    losses_in_words: Callable[[Figures], str] = in_words
    measure: Callable[[], Figures] | None = None
    figures_in_words: Callable[[Figures], str] = in_words


class TrainingRun:
    """One run in its folder, in one process or several; only the first reports, saves and shows."""

    def __init__(self, options: TrainingOptions, report: Report, on_step: OnStep | None) -> None:
        """`on_step(done, running losses)` is called after every step."""
        self.accelerator = accelerator_for(options.precision)
        self.device: torch.device = self.accelerator.device
        self.rank: int = self.accelerator.process_index
        self.main: bool = self.accelerator.is_main_process
        self.report = report if self.main else silent
        self._start = 0
        self._options, self._on_step = options, on_step if self.main else None
        self._parts: dict[str, Part] = {}

    @property
    def length(self) -> int:
        """Samples of the whole run, in all its processes."""
        return self._options.steps * self._options.batch * int(self.accelerator.num_processes)

    def tell(self, pictures: str) -> None:
        """Of which pictures it learns, how many a step takes, and where what comes of it lies.

        A launcher may have started fewer processes than a person thinks.
        """
        processes, batch = int(self.accelerator.num_processes), self._options.batch
        each = "" if processes == 1 else f", {batch} in each of {processes} processes"
        where = f"checkpoints, sample sheets and logs in {self._options.run_folder}"
        self.report(f"{pictures}; a step takes {processes * batch}{each}; {where}")

    @property
    def history(self) -> History:
        """The runs before this one."""
        return self._folder.history

    @property
    def followed(self) -> str:
        """The licence of the net that this run follows, or did before it was resumed."""
        return self._folder.label.followed

    def begin(self, label: RunLabel, parts: Mapping[str, Part], begin: Callable[[], History]) -> None:
        """Loads the newest checkpoint into `parts`, if the run is to be resumed, or makes them new by `begin`."""
        scaler = {} if self.accelerator.scaler is None else {SCALER: self.accelerator.scaler}
        self._parts = {**parts, **scaler}
        self._folder = RunFolder(self._options, label, main=self.main)
        self._start = self._folder.restore(self._parts, begin)
        if self._folder.changed:
            self.report(f"resumed at step {self._start} with other settings: {self._folder.changed}")

    def prepare(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Brings both to the device, and together with the other processes."""
        model, optimizer = self.accelerator.prepare(model, optimizer)
        self.keep({"optimizer": optimizer})
        return model, optimizer

    def keep(self, parts: Mapping[str, Part]) -> None:
        """Saves these under their names from now on."""
        self._parts |= parts

    def fed(self, crops: Crops) -> Iterator[Tensor]:
        """This process's batches, to the run's end."""
        return batches(
            crops, self._options.batch, start=self._start, stop=self._options.steps, rank=self.rank,
            processes=self.accelerator.num_processes, workers=self._options.workers,
        )  # fmt: skip

    def descend(self, losses: Losses, step: int, optimizer: torch.optim.Optimizer, clipped: nn.Module | None) -> None:
        """One step of the optimiser; NotFinite where the total is not finite."""
        check_finite(losses, step, self.accelerator)
        optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(losses["total"])
        if clipped is not None:
            self.accelerator.clip_grad_norm_(clipped.parameters(), GRADIENT_NORM)
        optimizer.step()

    def follow(self, feed: Iterator[Batch], learn: Callable[[int, Batch], Figures], shown: Shown) -> None:
        """Lets `learn(step, batch)` make each step, which tells its losses, and keeps what is due after it.

        Raises Interrupted after a Ctrl-C, when the checkpoint is saved.
        """
        with interrupts() as interrupted, self._folder:
            for step, batch in enumerate(feed, start=self._start):
                self._folder.log(step, learn(step, batch))
                if self._on_step is not None:
                    self._on_step(step + 1, self._folder.running_losses)
                self._show(step + 1, shown, stopping=in_any_process(self.accelerator, interrupted.is_set()))
        self.accelerator.wait_for_everyone()  # a process that leaves first takes the others' connections with it
        self.accelerator.end_training()

    def _show(self, step: int, shown: Shown, *, stopping: bool) -> None:
        options, folder = self._options, self._folder
        saved = folder.keep(Checkpoint(step, self._parts), shown.sheet, stopping=stopping)
        if saved:
            self.report(f"step {step} of {options.steps}: {shown.losses_in_words(folder.running_losses)}")
        if self.main and shown.measure is not None and step % options.sample_every == 0:
            folder.note(step, figures := shown.measure())
            self.report(f"step {step}: {shown.figures_in_words(figures)}")
        if stopping:
            goes_on = "--resume goes on" if saved else "its weights are no numbers any more, and it is not saved"
            told = f"stopped at step {step} of {options.steps}; {goes_on}"
            raise Interrupted(told if self.main else "")  # one of several processes is enough to say so
