"""A net that follows another: a fast transform net learns to paint what a slow one paints (Hinton et al. 2015).

The teacher may be of any family, imported ones too, for all that is asked of it is its pictures: what it makes of a
crop is the target, in pixels (L1) and in features of a loss network (Johnson 2016, equation 2, relative). The student
sees the crop with a sensor's noise and is to paint what the teacher painted without: so it flickers less than the one
that it follows. In the last part of a run it learns from synthetic motion too (trainers.motion).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from engines.style.card import style_name
from trainers.data import evenly
from trainers.export.style_export import centre_crop
from trainers.figures.psnr import psnr_db
from trainers.losses.following_losses import following_losses
from trainers.losses.perceptual import load_perceptual
from trainers.losses.step import Step, StepLosses
from trainers.motion import MotionOptions, second_frame
from trainers.run.loop import Losses, OnStep, Report, loss_precision
from trainers.run.run_folder import RunLabel
from trainers.run.transform_run import TrainedNet, train_net
from trainers.settings.distil_options import DistilOptions

RECIPE = "distil"
JUDGED = 24
# Pictures [B, 3, H, W], RGB in 0..1 and of the run's size, in; what the teacher paints of them out.
Teacher = Callable[[Tensor], Tensor]


def train(
    options: DistilOptions,
    teacher: Teacher,
    licence: str,
    report: Report = print,
    on_step: OnStep | None = None,
) -> TrainedNet:
    """As `train_net` does, with one style, the teacher's, which is under this licence."""

    def losses_on(device: torch.device) -> StepLosses:
        perceptual = load_perceptual(options.loss_network, loss_precision(options.precision)).to(device)

        def losses(step: Step) -> Losses:
            wanted = teacher(step.pictures).to(step.pictures)
            return following_losses(step, wanted, options=options, perceptual=perceptual)[0]

        return losses

    label = RunLabel(RECIPE, (style_name(options.out),), followed=licence)
    return train_net(options, label, losses_on, report, on_step)


@torch.no_grad()
def agreement(trained: TrainedNet, teacher: Teacher, options: DistilOptions) -> dict[str, float]:
    """How near the student comes, on photos of the run's size, and how steady both are.

    `agreement_db` is the PSNR of all their pixels; `stability` and `stability_of_teacher` are the mean absolute change
    (0..1) that synthetic motion leaves after the motion is taken back.
    """
    style, squares, ours, theirs = trained.net.styles[:1], [], [], []
    for number, path in enumerate(evenly(trained.measured, JUDGED)):
        photo = centre_crop(path, options.size)[None].to(style)
        second = second_frame(photo, MotionOptions(), torch.Generator().manual_seed(number))
        moved = second.frame.clamp(0, 1)
        painted, moved_painted = (trained.net(frame, style).clamp(0, 1) for frame in (photo, moved))
        wanted, moved_wanted = (teacher(frame).to(style) for frame in (photo, moved))
        squares.append((painted - wanted).square().mean())
        ours.append(second.instability(painted, moved_painted).mean())
        theirs.append(second.instability(wanted, moved_wanted).mean())
    return {
        "agreement_db": round(psnr_db(torch.stack(squares).mean()), 2),
        "stability": round(float(torch.stack(ours).mean()), 5),
        "stability_of_teacher": round(float(torch.stack(theirs).mean()), 5),
    }
