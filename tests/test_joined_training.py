"""Training on what films show: the join in torch, its gradients, and the share of samples that are judged joined."""

from pathlib import Path

import numpy as np
import pytest
import torch
from joined_pictures import in_oils, landscape
from torch import Tensor
from torch.nn import functional

from engines.networks.join.tensors import box_mean, joined
from engines.spec import Controls
from realtime.painting.full_size.join import Join
from trainers.losses.objective import Objective, style_targets
from trainers.losses.perceptual import load_perceptual
from trainers.losses.step import PaintedStep, Step
from trainers.losses.training_losses import Paintings, as_shown, training_losses
from trainers.run.loop import loss_precision
from trainers.settings.options import JohnsonOptions

BROAD = 0.5 + 0.4 * torch.sin(torch.arange(96) * 0.5)
LAYERS = ("relu1_1", "relu2_1", "relu3_1")


def planes(picture: np.ndarray) -> Tensor:
    return torch.tensor(picture).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize(("window", "shape"), [(3, (2, 3, 20, 31)), (9, (1, 1, 40, 24)), (27, (1, 2, 60, 28))])
def test_means_over_a_window_are_those_of_torchs_pooling(window: int, shape: tuple[int, ...]) -> None:
    picture = torch.rand(shape, generator=torch.Generator().manual_seed(window)).double().requires_grad_()
    padded = functional.pad(picture, 4 * (window // 2,), mode="reflect")
    wanted, found = functional.avg_pool2d(padded, window, 1), box_mean(picture, window)
    torch.testing.assert_close(found, wanted)
    slopes = [torch.autograd.grad(means.square().sum(), picture)[0] for means in (wanted, found)]
    torch.testing.assert_close(*slopes)


def test_a_batch_is_joined_as_films_are() -> None:
    """Each sample for itself, and to the rounding of bytes as the frame loop does it."""
    smalls = [landscape((128, 72), seed) for seed in (0, 1)]
    paintings = [in_oils(small) for small in smalls]
    frames, painted = (torch.cat([planes(each) for each in group]) for group in (smalls, paintings))
    together = joined(frames, frames, painted)
    for number, (small, painting) in enumerate(zip(smalls, paintings, strict=True)):
        alone = joined(planes(small), planes(small), planes(painting))
        torch.testing.assert_close(together[[number]], alone)
        wanted = planes(Join().rgb(small, small, painting, Controls(np.zeros(1, np.float32))))
        assert (alone - wanted).abs().mean() < 0.6


def test_gradients_go_through_the_join() -> None:
    generator = torch.Generator().manual_seed(0)
    frame = 255 * torch.rand(1, 3, 8, 10, generator=generator, dtype=torch.float64)
    painted = (60 + 120 * torch.rand(1, 3, 8, 10, generator=generator, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda picture: joined(frame, frame, picture), (painted,), atol=1e-4)


def losses_with(
    share: float, seed: int, *, moving: bool = False, done: float = 1.0, stripes: Tensor = BROAD, weave: float = 0.7
) -> tuple[dict[str, Tensor], Tensor]:
    """Losses of a net that paints grey stripes, and their slope by what it paints; two samples."""
    perceptual = load_perceptual("5se")
    pictures = torch.cat([planes(landscape((96, 96), each)) for each in (0, 1)]) / 255
    targets = style_targets("gram", [pictures[[1]]], perceptual, LAYERS, 1, samples=64, slices=4)
    objective = Objective(perceptual, targets, ("relu3_1",), LAYERS, 1, 0.1)
    options = JohnsonOptions(
        styles=Path("s"),
        content=(Path("c"),),
        out=Path("o.onnx"),
        join_share=share,
        octaves=1,
        sensor_noise=0.0,
        weave_weight=weave,
    )
    stripes = stripes.expand(4 if moving else 2, 3, 96, 96).clone().requires_grad_()
    step = Step(
        lambda _frames, _vectors, _texture: stripes, pictures, torch.zeros(2, 4), torch.tensor([0, 0]),
        torch.Generator().manual_seed(seed), moving=moving, done=done,
    )  # fmt: skip
    losses = training_losses(step, paintings=Paintings(("a",), torch.ones(1), objective), options=options)
    losses["total"].backward()  # type: ignore[no-untyped-call]
    assert stripes.grad is not None
    return losses, stripes.grad


def test_a_weave_costs_by_its_weight() -> None:
    lattice = 0.5 + 0.2 * (torch.sin(torch.arange(96)) + torch.sin(torch.arange(96))[:, None])
    free, weighed = (losses_with(0.0, 0, stripes=lattice, weave=weight)[0] for weight in (0.0, 2.0))
    assert free["weave"] > 0.5 > losses_with(0.0, 0)[0]["weave"]
    torch.testing.assert_close(weighed["total"] - free["total"], 2 * free["weave"])


def test_the_finest_strokes_are_judged_as_they_were_painted() -> None:
    """The join takes a comb of two pixels out of a film; else a net would draw it stronger to make up for that."""
    frame = planes(landscape((96, 96))) / 255
    comb = (0.5 + 0.4 * (2.0 * (torch.arange(96) % 2) - 1)).expand_as(frame)
    shown = joined(255 * frame, 255 * frame, 255 * comb) / 255
    judged = as_shown(PaintedStep(frame, comb, 1), 1.0, torch.Generator())
    assert (shown - comb).abs().mean() > 0.3
    assert (judged - comb).abs().mean() < 0.15 * (shown - comb).abs().mean()


def test_broad_strokes_are_judged_as_the_join_leaves_them() -> None:
    """Halos beside the edges of a photo go, and what the net is asked for is what is left."""
    frame = planes(landscape((96, 96))) / 255
    broad = (0.5 + 0.3 * torch.sin(torch.arange(96) * 0.25)).expand_as(frame)
    shown = joined(255 * frame, 255 * frame, 255 * broad) / 255
    judged = as_shown(PaintedStep(frame, broad, 1), 1.0, torch.Generator())
    in_areas = [functional.avg_pool2d(each - shown, 8).abs().mean() for each in (broad, judged)]
    assert in_areas[1] < 0.25 * in_areas[0]


def test_the_share_grows_until_half_of_the_run_is_over() -> None:
    def told(done: float, seed: int = 0) -> Tensor:
        return losses_with(1.0, seed, done=done)[0]["styles"]

    bare, joined_ones = losses_with(0.0, 0)[0]["styles"], told(1.0)
    torch.testing.assert_close(told(0.0), bare)
    for done in (0.5, 0.75):
        torch.testing.assert_close(told(done), joined_ones)
    halfway = torch.stack([told(0.25, seed) for seed in range(8)])
    share = ((halfway - joined_ones).abs() < 1e-5).float().mean()
    assert 0.2 <= share <= 0.8


def test_combs_and_colours_out_of_range_count_as_they_were_painted() -> None:
    """The join would take both out before anybody sees them; another runtime shows them."""
    comb = 0.5 + 0.7 * (2.0 * (torch.arange(96) % 2) - 1)
    bare, joined_one = (losses_with(share, 0, stripes=comb)[0] for share in (0.0, 1.0))
    for name in ("comb", "range", "grid"):
        torch.testing.assert_close(joined_one[name], bare[name])
        assert bare[name] > 0


@pytest.mark.parametrize("moving", [False, True])
def test_a_share_of_the_samples_is_joined_and_all_of_them_learn(moving: bool) -> None:
    bare, joined_ones = (losses_with(share, 0)[0]["styles"] for share in (0.0, 1.0))
    found = [losses_with(0.5, seed, moving=moving) for seed in range(6)]
    for losses, slope in found:
        as_bare, as_joined = ((losses["styles"] - wanted).abs() < 1e-5 for wanted in (bare, joined_ones))
        assert (as_bare ^ as_joined).all()
        assert (slope.flatten(1).abs().sum(1) > 0).all()
    assert len({bool(losses["styles"][0] == bare[0]) for losses, _ in found}) == 2


def test_a_loss_network_in_half_precision_sees_the_same() -> None:
    perceptual = load_perceptual("5se")
    picture = planes(landscape((96, 64))) / 255
    exact = perceptual.features(picture, LAYERS)
    perceptual.precision = torch.bfloat16
    for layer, found in perceptual.features(picture, LAYERS).items():
        assert found.dtype == torch.float32
        assert (found - exact[layer]).square().mean() < 1e-4 * exact[layer].square().mean()
        assert not torch.equal(found, exact[layer])


def test_half_precision_is_taken_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for has, wanted in ((True, torch.bfloat16), (False, None)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=has: {"amx_bf16": has})
        assert loss_precision("auto") == wanted
    assert loss_precision("no") is None
    assert loss_precision("bf16") == torch.bfloat16
