"""Whether a run on two folders gets better: distances of what is painted from the paintings, on photos held apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from trainers.data import evenly, open_picture, to_tensor
from trainers.figures.kid import KernelDistance, features_of, kernel_distance
from trainers.figures.psnr import psnr_db
from trainers.losses.perceptual import load_perceptual
from trainers.losses.unpaired_losses import Nets
from trainers.motion import MotionOptions, second_frame
from trainers.settings.unpaired_options import CycleGanOptions

MOST_PICTURES, LEAST_COMPARED, MOVED_PICTURES = 40, 2, 8
SIZE_MULTIPLE = 8


def figures_in_words(figures: Mapping[str, float]) -> str:
    """One line of a `Jury`'s figures."""
    told = []
    if "kid" in figures:
        kid = KernelDistance(figures["kid"], figures["kid_error"])
        told.append(f"KID {kid} (the photos themselves {figures['kid_of_photos']:.3f})")
    if "cycle_psnr_db" in figures:
        told.append(f"cycle PSNR {figures['cycle_psnr_db']:.1f} dB")
    return ", ".join([*told, f"stability {figures['stability']:.4f}"])


class Jury:
    """Looks at the same photos and paintings every time."""

    def __init__(
        self, options: CycleGanOptions, photos: list[Path], paintings: list[Path], device: torch.device
    ) -> None:
        self._network = load_perceptual(options.loss_network).to(device)
        self._photos = [_scaled(path, options.lines).to(device) for path in evenly(photos, MOST_PICTURES)]
        lines = round(options.stroke * options.lines)
        aim = [_scaled(path, lines).to(device) for path in evenly(paintings, MOST_PICTURES)]
        self._paintings = features_of(aim, self._network)
        self._unpainted = self._distance(self._photos)

    @torch.no_grad()
    def figures(self, nets: Nets) -> dict[str, float]:
        """KID of the painted photos and its standard error, of the photos themselves, PSNR, and flicker.

        No KID where there are fewer than two pictures of a kind, which have no distribution.
        `cycle_psnr_db` is of photos painted and brought back, where there is a net that does. `stability` is the mean
        absolute change (0..1) that synthetic motion leaves after the motion is taken back.
        """
        painted = [nets.there(photo[None]).clamp(0, 1)[0] for photo in self._photos]
        found = {}
        if self._unpainted is not None and (distance := self._distance(painted)) is not None:
            found = {"kid": distance.mean, "kid_error": distance.error, "kid_of_photos": self._unpainted.mean}
        if nets.back is not None:
            squares = [
                (nets.back(ours[None])[0] - photo).square().mean()
                for ours, photo in zip(painted, self._photos, strict=True)
            ]
            found["cycle_psnr_db"] = psnr_db(torch.stack(squares).mean())
        return {**found, "stability": self._stability(nets)}

    def _distance(self, pictures: Sequence[Tensor]) -> KernelDistance | None:
        if min(len(pictures), len(self._paintings)) < LEAST_COMPARED:
            return None
        return kernel_distance(features_of(pictures, self._network), self._paintings)

    def _stability(self, nets: Nets) -> float:
        changes = []
        for number, photo in enumerate(evenly(self._photos, MOVED_PICTURES)):
            after = second_frame(photo[None], MotionOptions(), torch.Generator().manual_seed(number))
            first, second = nets.there(photo[None]).clamp(0, 1), nets.there(after.frame).clamp(0, 1)
            changes.append(after.instability(first, second).mean())
        return float(torch.stack(changes).mean())


def _scaled(path: Path, lines: int) -> Tensor:
    """[3, H, W], its short side of so many lines, both sides such as nets take."""
    picture = open_picture(path)
    scale = lines / min(picture.size)
    width, height = (max(1, round(side * scale / SIZE_MULTIPLE)) * SIZE_MULTIPLE for side in picture.size)
    return to_tensor(picture.resize((width, height), Image.Resampling.LANCZOS))
