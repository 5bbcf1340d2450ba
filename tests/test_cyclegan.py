"""The recipe for two folders as an artist would see it: folders in, a style file out; resumed, interrupted, refused."""

import dataclasses
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_training import FULL_SHEETS, loss_network, sheets_of, tiny_preset

from engines.errors import BadFile, BadValue
from engines.style.styles import load_style
from trainers.cyclegan import learning_rate_factor, make_nets, train
from trainers.export.unpaired_export import write_style_files
from trainers.losses.unpaired_losses import encoded, encoder_layers, painters_losses
from trainers.settings.unpaired_options import CycleGanOptions


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tiny_preset(monkeypatch):
        yield


Rows = list[dict[str, float]]


@pytest.fixture
def options(tmp_path: Path) -> CycleGanOptions:
    """Blue and red pictures, of a net that is so small that a step takes a moment."""
    rng = np.random.default_rng(0)
    for folder, colour in (("photos", (40, 90, 200)), ("paintings", (210, 60, 30))):
        (tmp_path / folder).mkdir()
        for number in range(4):
            grain = rng.integers(-40, 40, (12, 16, 1)) + np.array(colour)
            picture = Image.fromarray(grain.clip(0, 255).astype(np.uint8)).resize((64, 48))
            picture.save(tmp_path / folder / f"{number}.png")
    (tmp_path / "photos" / "damaged.jpg").write_bytes(b"nothing")
    torch.save({"model": loss_network()}, tmp_path / "loss.pth")
    return CycleGanOptions(
        source=(tmp_path / "photos",), target=(tmp_path / "paintings",), out=tmp_path / "red.onnx", network="tiny",
        steps=4, batch=1, size=32, lines=32, judge_width=4, places=16, pool=2, loss_network=str(tmp_path / "loss.pth"),
        workers=0, save_every=2, sample_every=4,
    )  # fmt: skip


def run(options: CycleGanOptions) -> tuple[Rows, list[str]]:
    rows: Rows = []
    said: list[str] = []
    train(options, said.append, lambda _step, losses: rows.append(losses))
    return rows, said


METHODS = pytest.mark.parametrize("method", ["cycle", "contrast"])
NETWORKS = pytest.mark.parametrize("network", ["tiny", "resnet6"])


@METHODS
@NETWORKS
def test_folders_in_style_file_out(
    options: CycleGanOptions, method: str, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheets_of(FULL_SHEETS, monkeypatch)
    back = options.out.with_name("blue.onnx") if method == "cycle" else None
    options = dataclasses.replace(
        options, method=method, network=network, width=2, steps=2, sample_every=2, back_out=back
    )
    said: list[str] = []
    trained = train(options, said.append)
    write_style_files(options, trained)
    assert any("1 damaged" in line for line in said)
    assert any("KID" in line and "±" in line for line in said), said
    assert ("cycle_psnr_db" in trained.figures) == (method == "cycle")
    style = load_style(str(options.out))
    assert style.card.names == ("red",)
    assert style.card.training["recipe"] == "cyclegan"
    assert style.card.training["settings"]["source"] == ["photos"]
    assert {"kid", "kid_error", "kid_of_photos", "stability"} <= set(style.card.figures)
    if back is not None:
        assert load_style(str(back)).card.names == ("blue",)
    with Image.open(options.run_folder / "samples" / "step_000002.png") as sheet:
        assert sheet.size == (4 * 320, (6 if method == "cycle" else 2) * 240)


@METHODS
def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(options: CycleGanOptions, method: str) -> None:
    """The pool, both optimisers, the averages and every draw of chance go on where they were."""
    options = dataclasses.replace(options, method=method, stability_start=0.0, average_decay=0.5)
    whole, _ = run(dataclasses.replace(options, out=options.out.with_name("whole.onnx")))

    class Stop(Exception):
        pass

    def stop_after_two(step: int, _losses: dict[str, float]) -> None:
        if step == 3:
            raise Stop

    with pytest.raises(Stop):
        train(options, lambda _: None, stop_after_two)
    resumed, said = run(dataclasses.replace(options, resume=True))
    assert resumed == whole[2:]
    assert not any("other settings" in line for line in said)
    folders = (options.run_folder, options.out.with_name("whole.run"))
    ours, theirs = (torch.load(folder / "checkpoint.pt", weights_only=True) for folder in folders)
    for part in ("there", "there average", "judge"):
        torch.testing.assert_close(ours[part], theirs[part], rtol=0, atol=0)


def test_a_step_of_the_painters_leaves_the_judges_alone_and_the_other_way_round(options: CycleGanOptions) -> None:
    """Seen in gradients: the painters' loss reaches no frozen judge, and the judges' loss no painter."""
    nets = make_nets(options)
    for judge in nets.judges:
        judge.requires_grad_(False)
    photos, paintings = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    painted = painters_losses(
        nets, photos, paintings, options, chance=torch.Generator(), texture=torch.zeros(1, 1, 32, 32), moving=False
    )
    painted.losses["total"].backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None for net in nets.painters for p in net.parameters())
    assert all(p.grad is None for judge in nets.judges for p in judge.parameters())


def test_cycle_and_identity_are_the_papers_sums(options: CycleGanOptions) -> None:
    options = dataclasses.replace(options, sensor_noise=0.0)
    nets = make_nets(options)
    x, y, texture = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    losses = painters_losses(nets, x, y, options, chance=torch.Generator(), texture=texture, moving=False).losses
    assert nets.back is not None
    there, back = partial(nets.there, texture=texture), partial(nets.back, texture=texture)
    cycle = (back(there(x)) - x).abs().mean() + (there(back(y)) - y).abs().mean()
    identity = (there(y) - y).abs().mean() + (back(x) - x).abs().mean()
    painter = (nets.judge(there(x)) - 1).square().mean()
    torch.testing.assert_close(losses["cycle"], cycle)
    torch.testing.assert_close(losses["identity"], identity)
    torch.testing.assert_close(losses["painter"], painter)
    expected = painter + losses["painter_back"] + 10 * cycle + 5 * identity
    torch.testing.assert_close(losses["total"], expected + 10 * losses["range"] + 100 * losses["grid"])


@NETWORKS
def test_what_is_encoded_is_what_the_whole_net_sees(options: CycleGanOptions, network: str) -> None:
    painter = make_nets(dataclasses.replace(options, network=network, width=2)).there
    layers = encoder_layers(painter.net)
    seen: list[torch.Tensor] = []
    hooks = [painter.net.get_submodule(name).register_forward_hook(lambda *a: seen.append(a[2])) for name in layers]
    picture, texture = torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    painter(picture, texture)
    for hook in hooks:
        hook.remove()
    assert len(seen) == len(layers) >= 3
    for ours, theirs in zip(encoded(painter, picture, texture, layers), seen, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_training_moves_colours_to_the_other_domain(options: CycleGanOptions) -> None:
    """From blue to red, which no loss but the judge's asks for."""
    options = dataclasses.replace(
        options, method="contrast", steps=40, sample_every=40, save_every=40, learning_rate=2e-3, contrast_weight=0.1,
        judge_width=8, average_decay=0.5,
    )  # fmt: skip
    nets = train(options, lambda _: None)
    photo = torch.tensor([40, 90, 200]).view(1, 3, 1, 1).expand(1, 3, 32, 32) / 255 + 0.05 * torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        red, _, blue = nets.there(photo).mean((0, 2, 3)).tolist()
    assert red > blue


def test_a_run_can_begin_with_a_style_of_the_gallery_s_kind(options: CycleGanOptions) -> None:
    options = dataclasses.replace(options, method="contrast", steps=2, licence="MIT")
    first = train(options, lambda _: None)
    write_style_files(options, first)
    begun = dataclasses.replace(options, out=options.out.with_name("next.onnx"), steps=2, learning_rate=0.0,
                                licence="", initial=Path(f"{options.out}:red"))  # fmt: skip
    trained = train(begun, lambda _: None)
    torch.testing.assert_close(trained.there.state_dict(), first.there.state_dict(), rtol=0, atol=2e-3)
    write_style_files(begun, trained)
    card = load_style(str(begun.out)).card
    (earlier,) = card.training["earlier_runs"]
    assert (earlier["recipe"], earlier["licence"], card.licence) == ("cyclegan", "MIT", "MIT")


def test_another_run_is_not_overwritten_and_that_of_another_recipe_not_resumed(options: CycleGanOptions) -> None:
    run(dataclasses.replace(options, steps=2))
    with pytest.raises(FileExistsError, match="--resume"):
        run(options)
    with pytest.raises(FileNotFoundError, match="leave out --resume"):
        run(dataclasses.replace(options, out=options.out.with_name("none.onnx"), resume=True))
    checkpoint = options.run_folder / "checkpoint.pt"
    torch.save({"step": 1, "styles": ["red"], "options": {"network": "tiny"}}, checkpoint)
    with pytest.raises(ValueError, match="of `impasto train johnson`"):
        run(dataclasses.replace(options, resume=True))


@pytest.mark.parametrize(
    ("change", "word"),
    [({"width": 4}, r"width 2 -> 4\); resume with --width 2"), ({"judge_width": 8}, r"judge_width 4 -> 8"),
     ({"method": "contrast"}, r"method cycle -> contrast\); resume with --method cycle")],
)  # fmt: skip
def test_a_run_of_another_shape_is_not_called_damaged(
    options: CycleGanOptions, change: dict[str, object], word: str
) -> None:
    options = dataclasses.replace(options, network="resnet6", width=2, steps=2, sample_every=9)
    run(options)
    with pytest.raises(BadValue, match=rf"checkpoint\.pt is of another shape \({word}") as told:
        run(dataclasses.replace(options, resume=True, **change))  # type: ignore[arg-type]
    assert not isinstance(told.value, BadFile)


def test_a_file_s_name_may_hold_what_a_style_s_may_not(options: CycleGanOptions) -> None:
    options = dataclasses.replace(options, steps=2, out=options.out.with_name("my,red.onnx"))
    write_style_files(options, train(options, lambda _: None))
    assert load_style(str(options.out)).card.names == ("my_red",)


@pytest.mark.parametrize("place", ["out", "back_out"])
def test_a_place_that_cannot_be_written_is_told_before_the_first_step(options: CycleGanOptions, place: str) -> None:
    (options.out.parent / "folder.onnx").mkdir()
    with pytest.raises(BadFile, match=r"folder\.onnx is a folder"):
        train(
            dataclasses.replace(options, **{place: options.out.with_name("folder.onnx")}),  # type: ignore[arg-type]
            lambda _: None,
            lambda *_: pytest.fail("it trained"),
        )


@pytest.mark.parametrize(
    ("change", "word"),
    [({"size": 64}, "--lines"), ({"stroke": 0.5}, "--lines"), ({"method": "magic"}, "magic"), ({"steps": 1}, "steps"),
     ({"network": "nope"}, "network is 'nope'; choose resnet9, resnet6, "), ({"seed": -1}, "seed"),
     ({"method": "contrast", "back_out": Path("x.onnx")}, "--back-out"),
     ({"out": Path("x.onnx"), "back_out": Path("x.onnx")}, "--back-out x.onnx is --out too")],
)  # fmt: skip
def test_impossible_options_are_refused(options: CycleGanOptions, change: dict[str, object], word: str) -> None:
    with pytest.raises(BadValue, match=word):
        dataclasses.replace(options, **change)  # type: ignore[arg-type]


def test_one_painting_has_no_distribution(options: CycleGanOptions, tmp_path: Path) -> None:
    """No figure stands on the card that is no number."""
    for number in (1, 2, 3):
        (tmp_path / "paintings" / f"{number}.png").unlink()
    trained = train(dataclasses.replace(options, steps=2, sample_every=2), lambda _: None)
    assert sorted(trained.figures) == ["cycle_psnr_db", "stability"]


def test_an_empty_folder_is_told(options: CycleGanOptions, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadValue, match=r"no readable picture in .*empty; give folders of paintings"):
        run(dataclasses.replace(options, target=(tmp_path / "empty",)))


def test_ctrl_c_saves(options: CycleGanOptions) -> None:
    def interrupt(step: int, _losses: dict[str, float]) -> None:
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(dataclasses.replace(options, steps=50), lambda _: None, interrupt)
    assert 1 <= torch.load(options.run_folder / "checkpoint.pt", weights_only=True)["step"] <= 3


def test_the_rate_falls_in_the_second_half() -> None:
    factors = [learning_rate_factor(step, 100) for step in range(100)]
    assert factors[:51] == [1.0] * 51
    assert factors[75] == pytest.approx(0.5)
    assert 0 < factors[-1] < 0.03


def test_an_empty_validation_folder_is_told_before_the_first_step(options: CycleGanOptions, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(BadValue, match=r"no readable picture in .*none; give folders of photos"):
        run(dataclasses.replace(options, validation=tmp_path / "none"))
    assert not options.run_folder.exists()
