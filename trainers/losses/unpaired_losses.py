"""What nets are judged by that learn from two folders of pictures, no photo of which was ever painted.

Two methods: CycleGAN's pair of nets that undo each other (Zhu et al. 2017, arXiv 1703.10593, equations 1 to 4), and
CUT's single net, each place of whose picture keeps to the photo's (Park et al. 2020, arXiv 2007.15651). Beside the
papers' losses stand those that a moving picture needs: what is moved has to be painted moved, and no dots.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engines.networks.transform.net import TransformNet
from trainers.camera_noise import sensor_noise
from trainers.losses.adversarial import PatchContrast, PatchDiscriminator, painter_loss
from trainers.losses.terms import grid_loss
from trainers.motion import MotionOptions, carried, second_frame
from trainers.run.loop import Losses
from trainers.settings.unpaired_options import CycleGanOptions


class Painter(nn.Module):
    """A net of any family with its one style: pictures in, pictures out."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor, texture: Tensor | None = None) -> Tensor:
        """[B, 3, H, W], RGB 0..1 → the same; `texture` [B, K, P, P] is for nets whose strokes grow from one."""
        style: Tensor = self.net.styles[:1].expand(len(pictures), -1)  # type: ignore[index]
        more = (texture,) if isinstance(self.net, TransformNet) else ()
        painted: Tensor = self.net(pictures, style, *more)
        return painted

    def level(self) -> None:
        """Brings the weights to where flat ground comes out flat, in nets that write several pixels at once."""
        if isinstance(self.net, TransformNet):
            self.net.level()


def bare(painter: nn.Module) -> Painter:
    """The painter itself, without what several processes train it through."""
    inner = getattr(painter, "module", painter)
    assert isinstance(inner, Painter)
    return inner


@dataclass(frozen=True, slots=True)
class Nets:
    """All that learns: who paints, and who judges; `back` and `judge_back` or `contrast`, as the method is."""

    there: Painter
    judge: PatchDiscriminator
    back: Painter | None = None
    judge_back: PatchDiscriminator | None = None
    contrast: PatchContrast | None = None

    @property
    def painters(self) -> list[nn.Module]:
        """What learns to paint."""
        return [net for net in (self.there, self.back, self.contrast) if net is not None]

    @property
    def judges(self) -> list[nn.Module]:
        """What learns to judge."""
        return [net for net in (self.judge, self.judge_back) if net is not None]

    def named(self) -> dict[str, nn.Module]:
        """Those that there are, by name."""
        every = {"there": self.there, "back": self.back, "judge": self.judge, "judge_back": self.judge_back}
        return {name: net for name, net in {**every, "contrast": self.contrast}.items() if net is not None}


@dataclass(frozen=True, slots=True)
class Painted:
    """What came out of a step: pictures as of the target and, with a cycle, as of the source; and the losses."""

    there: Tensor
    back: Tensor | None
    losses: Losses


def painters_losses(
    nets: Nets,
    photos: Tensor,
    paintings: Tensor,
    options: CycleGanOptions,
    *,
    chance: torch.Generator,
    texture: Tensor,
    moving: bool,
) -> Painted:
    """photos and paintings [B, 3, H, W] → what the painters make small; the judges are to be frozen meanwhile."""
    seen = photos + sensor_noise(photos, options.sensor_noise, chance)
    by_method = _cycle if nets.back is not None else _contrast
    painted = by_method(nets, seen, paintings, texture, options, chance)
    losses = painted.losses
    first = painted.there
    losses["range"] = (first - first.clamp(0, 1)).square().mean()
    losses["grid"] = grid_loss(first).mean()
    total = losses["total"] + options.range_weight * losses["range"] + options.grid_weight * losses["grid"]
    if moving:
        losses["stability"] = _stability(nets.there, photos, first, texture, chance)
        total = total + options.stability_weight * losses["stability"]
    losses["total"] = total
    return painted


def _cycle(
    nets: Nets, photos: Tensor, paintings: Tensor, texture: Tensor, options: CycleGanOptions, chance: torch.Generator
) -> Painted:
    """CycleGAN, equation 3, and the identity loss of section 5.2."""
    assert nets.back is not None
    assert nets.judge_back is not None
    there, back = nets.there(photos, texture), nets.back(paintings, texture)
    losses = {
        "painter": painter_loss(nets.judge(there)),
        "painter_back": painter_loss(nets.judge_back(back)),
        "cycle": _distance(nets.back(there, texture), photos) + _distance(nets.there(back, texture), paintings),
    }
    total = losses["painter"] + losses["painter_back"] + options.cycle_weight * losses["cycle"]
    if options.identity_weight:
        same = _distance(nets.there(paintings, texture), paintings) + _distance(nets.back(photos, texture), photos)
        losses["identity"] = same
        total = total + options.identity_weight * same
    return Painted(there, back, losses | {"total": total})


def _contrast(
    nets: Nets, photos: Tensor, paintings: Tensor, texture: Tensor, options: CycleGanOptions, chance: torch.Generator
) -> Painted:
    """CUT, equation 5, with both weights alike: a painting that is painted again is to keep its places as well."""
    assert nets.contrast is not None
    both = torch.cat([photos, paintings])
    textures = texture.repeat(2, 1, 1, 1)
    painter = bare(nets.there)
    layers = encoder_layers(painter.net)
    with Watched(painter.net, layers) as before:
        painted = nets.there(both, textures)
    after = encoded(painter, painted, textures, layers)
    count = len(photos)
    photo, painting = (
        nets.contrast([each[part] for each in after], [each[part] for each in before], options.places, chance)
        for part in (slice(count), slice(count, None))
    )
    losses = {"painter": painter_loss(nets.judge(painted[:count])), "contrast": photo, "identity": painting}
    total = losses["painter"] + options.contrast_weight * (photo + painting) / 2
    return Painted(painted[:count], None, losses | {"total": total})


def _distance(ours: Tensor, theirs: Tensor) -> Tensor:
    return (ours - theirs).abs().mean()


def _stability(there: Painter, photos: Tensor, first: Tensor, texture: Tensor, chance: torch.Generator) -> Tensor:
    second = second_frame(photos, MotionOptions(), chance)
    return second.instability(first, there(second.frame, carried(texture, second.flow))).mean()


def encoder_layers(net: nn.Module) -> list[str]:
    """Names of the layers whose features tell a place: the convolutions downwards, the first and the middle block."""
    names = dict(net.named_modules())
    down = [name for name in names if name.startswith("down.") and name.count(".") == 1]
    blocks = [name for name in names if name.startswith("blocks.") and name.count(".") == 1]
    return [*down, *dict.fromkeys((blocks[0], blocks[len(blocks) // 2]))]


class Reached(Exception):
    """The last layer that is watched has been reached, and nobody wants what comes after it."""


class Watched:
    """Collects what the named layers of a net give while it runs, in their order; with `last`, no more is run."""

    def __init__(self, net: nn.Module, layers: Sequence[str], *, last: bool = False) -> None:
        self._modules = [net.get_submodule(name) for name in layers]
        self._last, self._found, self._hooks = last, list[Tensor](), list[Any]()

    def __enter__(self) -> list[Tensor]:
        self._hooks = [module.register_forward_hook(self._keep) for module in self._modules]
        return self._found

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        for hook in self._hooks:
            hook.remove()
        return kind is Reached

    def _keep(self, _module: nn.Module, _given: Any, found: Tensor) -> None:
        self._found.append(found)
        if self._last and len(self._found) == len(self._modules):
            raise Reached


def encoded(painter: Painter, pictures: Tensor, texture: Tensor, layers: Sequence[str]) -> list[Tensor]:
    """What these layers make of the pictures; the rest of the net does not run."""
    with Watched(painter.net, layers, last=True) as found:
        painter(pictures, texture)
    return found
