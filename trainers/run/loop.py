"""What every recipe's loop does around its steps: one process or several, Ctrl-C, losses that are no numbers."""

import math
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from engines.errors import BadFile, BadValue, NotFinite
from engines.networks.transform.net import TransformNet
from trainers.data import find_pictures, readable_pictures
from trainers.motion import fresh_texture

WARM_UP_STEPS = 100
GRADIENT_NORM = 1.0

Report = Callable[[str], None]
OnStep = Callable[[int, dict[str, float]], None]
Losses = dict[str, Tensor]
# Pictures, style vectors and seed textures in, painted pictures out.
Paint = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def accelerator_for(precision: str) -> Accelerator:
    """All GPUs that the launcher gave this run, or the processor; `precision` is auto, no, bf16 or fp16.

    BadValue for fp16 on a processor, where accelerate would compute in float32 without a word.
    """
    if precision == "fp16" and not torch.cuda.is_available():
        raise BadValue("--precision fp16 needs a GPU; leave it out, or give bf16 or no")
    AcceleratorState._reset_state()  # else the first run of a process would settle the precision of all that follow
    return Accelerator(mixed_precision=_mixed_precision(precision), cpu=not torch.cuda.is_available())


def loss_precision(precision: str) -> torch.dtype | None:
    """What a loss network's convolutions are computed in; None for float32.

    bf16 where the run has it, and with auto also where the processor multiplies matrices of it (AMX): its rounding is
    small beside the chance in a step, and the convolutions take 0.6 of the time. The net stays in float32 there.
    """
    if precision == "auto" and not torch.cuda.is_available():
        # Older versions of torch do not tell.
        capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        return torch.bfloat16 if capabilities.get("amx_bf16") else None
    return torch.bfloat16 if _mixed_precision(precision) == "bf16" else None


def _mixed_precision(precision: str) -> str:
    """What a run computes in: with auto bf16 on a GPU that has it."""
    if precision != "auto":
        return precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"


def silent(_: str) -> None:
    """What processes other than the first report."""


def pictures_in(folders: Sequence[Path], what: str, report: Report) -> list[Path]:
    """The readable pictures of the folders; BadFile where there is none. `what` they are is told."""
    pictures, bad = readable_pictures(find_pictures(folders))
    if bad:
        report(f"skipped {len(bad)} damaged pictures, the first is {bad[0]}")
    if not pictures:
        raise BadFile(f"no readable picture in {', '.join(map(str, folders))}; give folders of {what}")
    return pictures


class StabilityOptions(Protocol):
    """What tells when the stability loss begins."""

    @property
    def steps(self) -> int: ...
    @property
    def stability_weight(self) -> float: ...
    @property
    def stability_start(self) -> float: ...


def learning_rate_factor(step: int, steps: int) -> float:
    """Rises in a straight line for WARM_UP_STEPS, then falls as a half cosine to a hundredth."""
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    return warm_up * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """For all its parameters."""
    for group in optimizer.param_groups:
        group["lr"] = value


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, decay: float, step: int) -> None:
    """The running average forgets faster in the beginning, when the weights still move far."""
    keep = min(decay, (1 + step) / (10 + step))
    for kept, new in zip(average.parameters(), net.parameters(), strict=True):
        kept.lerp_(new, 1 - keep)


def chance_of(seed: int, step: int, rank: int) -> torch.Generator:
    """What chance decides in one step of one process, from these numbers alone."""
    state = np.random.SeedSequence((seed, 4, rank, step)).generate_state(1)
    return torch.Generator().manual_seed(int(state[0]))


def texture_of(seed: int, step: int, rank: int, crops: torch.Size, wanted: Collection[str]) -> Tensor:
    """The seed textures of one step of one process, [B, K, P, P] for crops [B, 3, size, size]; see `fresh_texture`."""
    return fresh_texture(crops, np.random.default_rng((seed, 5, rank, step)), wanted)


def grown_from(*nets: nn.Module) -> set[str]:
    """The seed textures from which some of these nets grow their strokes."""
    grown = [net.config for net in nets if isinstance(net, TransformNet) and net.config.seed_amplitude]
    return {texture for config in grown for texture in config.textures}


def is_stable(step: int, options: StabilityOptions) -> bool:
    """Whether the second frames of synthetic motion are painted too, in the last part of a run."""
    return options.stability_weight > 0 and step >= options.stability_start * options.steps


def in_any_process(accelerator: Accelerator, here: bool) -> bool:
    """Whether it is so in one of the processes: they must stop together, or the others wait for ever."""
    if accelerator.num_processes == 1:
        return here
    flags: Tensor = accelerator.reduce(torch.tensor(float(here), device=accelerator.device), reduction="sum")
    return flags.item() > 0


def check_finite(losses: Losses, step: int, accelerator: Accelerator) -> None:
    """NotFinite where the total is not finite in one of the processes; nothing was learnt from it yet."""
    if in_any_process(accelerator, not bool(torch.isfinite(losses["total"]))):
        shown = ", ".join(f"{name} {value.item():.4g}" for name, value in losses.items() if value.ndim == 0)
        raise NotFinite(
            f"step {step}: a loss is not finite ({shown}); lower --learning-rate or use --precision no, then --resume, "
            "or begin anew where the checkpoint is lost too"
        )


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, so that a run stops between two steps; outside the main thread nothing is changed."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def note(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()

    previous = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, previous)
