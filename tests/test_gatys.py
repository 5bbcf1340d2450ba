"""One picture by optimisation: the paper's formulas, masks, mixes, seeds, and runs that are stopped and resumed."""

import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from engines.errors import BadValue, ImpastoError
from trainers.gatys import (
    Painting,
    Pixels,
    Progress,
    paint,
    picture_loss,
    shared_places,
    weighed,
)
from trainers.losses import perceptual
from trainers.losses.objective import style_targets
from trainers.losses.perceptual import VGG_STAGES, PerceptualNet, load_perceptual, torch_device
from trainers.optimisation.picture_loss import PictureLoss
from trainers.optimisation.picture_run import PREVIEW, STATE, PictureRun
from trainers.settings.gatys_options import GatysOptions

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYERS = ("conv4_2",)
Array = NDArray[np.float64]


def picture(height: int = 48, width: int = 64, seed: int = 0) -> Pixels:
    """Soft blobs of colour."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture
def style(tmp_path: Path) -> Path:
    Image.fromarray(picture(80, 96, seed=3)).save(tmp_path / "style.png")
    return tmp_path / "style.png"


def options_for(style: Path, **changes: Any) -> GatysOptions:
    """A short run over two scales."""
    few = {
        "iterations": 6, "least_size": 48, "size": 96, "octaves": 2, "samples": 256, "slices": 4, "stroke": 0.75,
        "style_layers": ("relu1_1", "relu2_1", "relu3_1"),
    }  # fmt: skip
    return GatysOptions(style_images=((style, 1.0),), **{**few, **changes})


def painted(photo: Pixels, options: GatysOptions, folder: Path, **more: Any) -> Painting:
    run = PictureRun(folder, options, photo)
    result = paint(photo, options, run, **more)
    if not result.stopped:
        run.path.unlink(missing_ok=True)
    return result


@pytest.fixture(scope="module")
def narrow_vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights in torchvision's layout of VGG-19, with few channels."""
    generator, tensors, index, channels = torch.Generator().manual_seed(0), {}, 0, 3
    for width, convolutions in zip((4, 5, 6, 7, 8), VGG_STAGES["vgg19"], strict=True):
        for _ in range(convolutions):
            weight = torch.randn(width, channels, 3, 3, generator=generator) * (2 / (9 * channels)) ** 0.5
            tensors[f"features.{index}.weight"] = weight
            tensors[f"features.{index}.bias"] = torch.randn(width, generator=generator) * 0.1
            index, channels = index + 2, width
        index += 1
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(tensors, path)
    return path


def features_of(net: PerceptualNet, picture: Tensor, layers: tuple[str, ...]) -> dict[str, Array]:
    """Each layer's F [N, M] of the paper."""
    with torch.no_grad():
        found = net.features(picture, layers)
    return {layer: values[0].flatten(1).numpy() for layer, values in found.items()}


def test_the_papers_losses(narrow_vgg: Path) -> None:
    """Equations 1, 3, 4, 5 and 7 of Gatys 2016 in numpy and float64."""
    net = load_perceptual(str(narrow_vgg)).double()
    photo, painting, x = (torch.rand(1, 3, 64, 48, dtype=torch.float64) for _ in range(3))
    options = papers_own(narrow_vgg, content_weight=1e-3, style_weight=1.0)
    targets = style_targets("gram", [painting], net, STYLE_LAYERS, 1, samples=1, slices=1, paper=True)
    parts = PictureLoss(photo, net, targets, [None], [1.0], options)(x, (0, 0))

    of_x, of_painting = (features_of(net, p, STYLE_LAYERS) for p in (x, painting))
    style = sum(
        ((f @ f.T - a @ a.T) ** 2).sum() / (4 * f.shape[0] ** 2 * f.shape[1] ** 2) / len(STYLE_LAYERS)
        for f, a in ((of_x[layer], of_painting[layer]) for layer in STYLE_LAYERS)
    )
    kept, found = (features_of(net, p, CONTENT_LAYERS)["conv4_2"] for p in (photo, x))
    content = 0.5 * ((found - kept) ** 2).sum()
    assert float(parts["style"]) == pytest.approx(style, rel=1e-12)
    assert float(parts["content"]) == pytest.approx(content, rel=1e-12)
    assert float(weighed(parts, options)) == pytest.approx(1e-3 * content + style, rel=1e-12)


def test_the_papers_gradients() -> None:
    """Equations 2 and 6: of the content loss F − P, of a layer's style loss (G − A) F / (N² M²)."""
    x, p = (torch.rand(1, 5, 6, 4, dtype=torch.float64) for _ in range(2))
    net = PerceptualNet("identity", [("input", torch.nn.Identity())])
    options = replace(papers_own(Path("none")), content_layers=("input",), style_layers=("input",))
    targets = style_targets("gram", [p], net, ("input",), 1, samples=1, slices=1, paper=True)
    loss = PictureLoss(p, net, targets, [None], [1.0], options)
    moved = x.clone().requires_grad_()
    (content,) = torch.autograd.grad(loss(moved, (0, 0))["content"], moved)
    torch.testing.assert_close(content, x - p, rtol=1e-12, atol=1e-14)
    (style,) = torch.autograd.grad(loss(moved, (0, 0))["style"], moved)
    f, s = x[0].flatten(1), p[0].flatten(1)
    by_hand = (f @ f.T - s @ s.T) @ f / (f.shape[0] ** 2 * f.shape[1] ** 2)
    torch.testing.assert_close(style[0].flatten(1), by_hand, rtol=1e-12, atol=1e-14)


def papers_own(network: Path, **changes: Any) -> GatysOptions:
    """What docs/pictures.md gives as Gatys' own recipe."""
    plain = {
        "loss": "gram", "paper_factors": True, "optimiser": "lbfgs", "levels": 1, "octaves": 1, "detail_floor": 1.0,
        "content_layers": CONTENT_LAYERS, "style_layers": STYLE_LAYERS, "tv_weight": 0.0, "range_weight": 0.0,
        "loss_network": str(network), "stroke": 0.667,
    }  # fmt: skip
    return GatysOptions(style_images=((Path("style.png"), 1.0),), **{**plain, **changes})


def test_the_papers_own_recipe_descends(narrow_vgg: Path, style: Path, tmp_path: Path) -> None:
    options = replace(
        papers_own(narrow_vgg, content_weight=1e-4, style_weight=1.0),
        style_images=((style, 1.0),), start="noise", iterations=8, size=64,
    )  # fmt: skip
    totals: list[float] = []
    painted(picture(), options, tmp_path / "run", on_step=lambda now: totals.append(now.losses["total"]))
    assert len(totals) == 8
    assert totals[-1] < 0.3 * totals[0]
    assert all(later <= earlier for earlier, later in pairwise(totals))


@pytest.mark.parametrize("loss", ["wasserstein", "gram"])
def test_the_style_comes_near(loss: str, style: Path, tmp_path: Path) -> None:
    found: list[Progress] = []
    options = options_for(style, loss=loss, iterations=12, least_size=96, content_weight=0.0)
    result = painted(picture(), options, tmp_path / "run", on_step=found.append)
    assert found[-1].losses["style"] < 0.7 * found[0].losses["style"]
    assert result.rgb.shape == (72, 96, 3)
    assert found[-1].pixels == found[-1].all_pixels


def test_a_seed_repeats_a_picture(style: Path, tmp_path: Path) -> None:
    first, again, other = (
        painted(picture(), options_for(style, start="noise", seed=seed), tmp_path / "run").rgb for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("optimiser", ["adam", "lbfgs"])
@pytest.mark.parametrize("after", [1, 4, 5])
def test_a_resumed_run_gives_the_same_picture(optimiser: str, after: int, style: Path, tmp_path: Path) -> None:
    options = options_for(style, optimiser=optimiser)
    whole = painted(picture(), options, tmp_path / "whole")
    stop = threading.Event()
    told: list[Progress] = []

    def on_step(now: Progress) -> None:
        told.append(now)
        if len(told) == after:
            stop.set()

    stopped = painted(picture(), options, tmp_path / "run", on_step=on_step, stop=stop)
    assert stopped.stopped
    assert (tmp_path / "run" / STATE).exists()
    resumed = painted(picture(), replace(options, resume=True), tmp_path / "run", on_step=told.append)
    assert not resumed.stopped
    assert len(told) == options.iterations
    assert np.array_equal(resumed.rgb, whole.rgb)


def test_a_state_of_another_run_is_refused(style: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    options = options_for(style)
    painted(picture(), options, tmp_path, stop=stop)
    with pytest.raises(FileExistsError, match="--resume"):
        PictureRun(tmp_path, options, picture())
    with pytest.raises(ValueError, match=r"stroke 0\.75 -> 2\.0"):
        PictureRun(tmp_path, replace(options, resume=True, stroke=2.0), picture())
    with pytest.raises(ValueError, match="another photo"):
        PictureRun(tmp_path, replace(options, resume=True), picture(seed=1))
    elsewhere = replace(options, resume=True, preview_every=3, device="cpu")
    assert PictureRun(tmp_path, elsewhere, picture()).resumed is not None


def test_a_preview_is_painted_meanwhile(style: Path, tmp_path: Path) -> None:
    painted(picture(), options_for(style, preview_every=2), tmp_path)
    with Image.open(tmp_path / PREVIEW) as preview:
        assert preview.size == (96, 72)


def test_masks_keep_styles_apart(tmp_path: Path) -> None:
    """Red on the left and blue on the right, of a grey photo."""
    for name, colour in (("red", (220, 30, 30)), ("blue", (30, 30, 220))):
        noise = np.random.default_rng(0).integers(-25, 26, (64, 64, 1))
        Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(tmp_path / f"{name}.png")
    for name, side in (("left", slice(0, 48)), ("right", slice(48, 96))):
        mask = np.zeros((72, 96), np.uint8)
        mask[:, side] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    white = Image.new("RGBA", (96, 72), "white")  # as masks are painted in layers: transparent where there is nothing
    white.putalpha(Image.open(tmp_path / "right.png"))
    white.save(tmp_path / "right.png")
    options = replace(
        options_for(tmp_path / "red.png", iterations=24, detail_floor=0.0),
        style_images=((tmp_path / "red.png", 1.0), (tmp_path / "blue.png", 1.0)),
        masks=(tmp_path / "left.png", tmp_path / "right.png"),
    )
    photo = np.full((72, 96, 3), 128, np.uint8)
    for loss in ("wasserstein", "gram"):
        rgb = painted(photo, replace(options, loss=loss), tmp_path / "run").rgb.astype(float)
        redness = rgb[..., 0] - rgb[..., 2]
        assert redness[:, :40].mean() > 30, loss
        assert redness[:, 56:].mean() < -30, loss


def test_masks_that_are_all_black_leave_nothing_to_paint(style: Path, tmp_path: Path) -> None:
    Image.new("L", (96, 72)).save(tmp_path / "black.png")
    with pytest.raises(BadValue, match="all masks are black"):
        painted(picture(), options_for(style, masks=(tmp_path / "black.png",)), tmp_path / "run")


def test_overlapping_masks_share_the_place_by_weight() -> None:
    everywhere, left = torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    left[..., :2] = 1
    (first, second), weights = shared_places([everywhere, left], [1.0, 3.0])
    assert weights == [1.0, 1.0]
    assert first is not None
    assert second is not None
    assert first[0, 0, 0].tolist() == pytest.approx([0.25, 0.25, 1, 1])
    assert second[0, 0, 0].tolist() == pytest.approx([0.75, 0.75, 0, 0])
    assert shared_places([], [1.0, 3.0]) == ([None, None], [0.25, 0.75])


def test_a_mix_is_judged_by_its_weights(style: Path, tmp_path: Path) -> None:
    Image.fromarray(picture(80, 96, seed=9)).save(tmp_path / "other.png")
    net, content = load_perceptual("5se"), torch.rand(1, 3, 48, 64)

    def style_loss(*weighed_styles: tuple[Path, float]) -> float:
        mixed = replace(options_for(style, loss="gram"), style_images=weighed_styles)
        with torch.no_grad():
            return float(picture_loss(content, net, mixed, 0)(content, (0, 0))["style"])

    alone = [style_loss((path, 1.0)) for path in (style, tmp_path / "other.png")]
    both = style_loss((style, 1.0), (tmp_path / "other.png", 3.0))
    assert both == pytest.approx(0.25 * alone[0] + 0.75 * alone[1], rel=1e-5)


def test_a_net_may_begin(style: Path, tmp_path: Path) -> None:
    options = options_for(style, start="net", iterations=2)
    result = painted(picture(), options, tmp_path / "run", begun=picture(seed=8))
    assert result.rgb.shape == (72, 96, 3)
    with pytest.raises(ValueError, match="no picture of a net"):
        painted(picture(), options, tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"style_images": ()}, "--style-image"),
        ({"style_images": ((Path("a"), 0.0),)}, "above 0"),
        ({"masks": (Path("m"), Path("n"))}, "2 masks for 1 style images"),
        ({"loss": "l2"}, "wasserstein or gram"),
        ({"start": "black"}, "content, noise or net"),
        ({"optimiser": "sgd"}, "adam or lbfgs"),
        ({"device": "gpu"}, "auto, cpu or cuda"),
        ({"iterations": 0}, "iterations is 0"),
        ({"stroke": 9.0}, "0.25 to 4"),
        ({"size": 8}, "size is 8"),
        ({"paper_factors": True}, "--loss gram"),
        ({"tv_weight": -1.0}, "tv_weight is -1.0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_settings_get_one_line(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        GatysOptions(**{"style_images": ((Path("a"), 1.0),), **changes})
    assert "\n" not in str(caught.value)


def test_more_octaves_than_a_painting_has_room_for(style: Path, tmp_path: Path) -> None:
    says = r"octave 6 compares paintings at \d+x\d pixels, too few for the loss network; give --octaves 5 at most"
    with pytest.raises(BadValue, match=says):
        painted(picture(), options_for(style, octaves=9, style_layers=("relu2_1",)), tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_the_run(narrow_vgg: Path, style: Path, tmp_path: Path) -> None:
    huge = {name: 1e9 * tensor for name, tensor in torch.load(narrow_vgg, weights_only=True).items()}
    torch.save(huge, tmp_path / "huge.pth")
    options = options_for(style, loss_network=str(tmp_path / "huge.pth"))
    with pytest.raises(FloatingPointError, match="--learning-rate"):
        painted(picture(), options, tmp_path / "run")


@pytest.mark.parametrize(
    ("there", "choice", "taken"), [(True, "auto", "cuda"), (False, "auto", "cpu"), (True, "cpu", "cpu")]
)
def test_a_gpu_is_taken_where_there_is_one(
    there: bool, choice: str, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(perceptual, "_gpu_computes", lambda: there)
    assert torch_device(choice) == torch.device(taken)


def test_a_gpu_that_is_not_there_is_told(style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="--device cpu"):
        painted(picture(), options_for(style, device="cuda"), tmp_path / "run")


def test_a_gpu_that_torch_was_not_built_for_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_kernel(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", no_kernel)
    assert torch_device() == torch.device("cpu")


def test_a_gpu_with_too_little_memory_is_told(style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(PictureLoss, "__call__", full)
    with pytest.raises(ImpastoError, match="--device cpu, or a smaller --size"):
        painted(picture(), options_for(style), tmp_path / "run")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
@pytest.mark.parametrize("loss", ["gram", "wasserstein"])
def test_a_gpu_paints_as_the_processor_does(loss: str, style: Path, tmp_path: Path) -> None:
    """The same choices by chance; sums in another order."""
    mask = tmp_path / "mask.png"
    Image.fromarray(np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))).save(mask)
    options = options_for(style, loss=loss, masks=(mask,), start="noise")
    here, there = (
        painted(picture(), replace(options, device=device), tmp_path / device).rgb for device in ("cpu", "cuda")
    )
    assert np.abs(here.astype(int) - there).mean() < 1
