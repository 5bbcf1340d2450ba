"""The Johnson recipe as an artist would see it: folders in, a style file out; resumed, interrupted, and stopped."""

import dataclasses
import errno
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_training import FULL_SHEETS, loss_network, sheets_of, tiny_preset, warm_up_of
from torch import nn

from engines.errors import BadValue, FileTaken, ImpastoError, NotFinite
from engines.networks.transform.config import PRESETS
from engines.style.styles import load_style, save_style
from trainers import johnson
from trainers.export.style_export import centre_crop, write_style_file
from trainers.johnson import train
from trainers.losses.step import Step
from trainers.losses.training_losses import training_losses
from trainers.run.initial_weights import trained_net
from trainers.run.licence import of_both
from trainers.run.loop import WARM_UP_STEPS, accelerator_for, learning_rate_factor
from trainers.run.run_folder import SCALER, Checkpoint, RunFolder, RunLabel
from trainers.run.saved_state import read_saved
from trainers.settings.options import JohnsonOptions


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tiny_preset(monkeypatch):
        yield


@pytest.fixture
def options(tmp_path: Path) -> JohnsonOptions:
    """Two striped styles and three noisy contents, with a loss network of random weights in the distilled layout."""
    rng = np.random.default_rng(0)
    for folder in ("styles", "content"):
        (tmp_path / folder).mkdir()
    for name, colour in (("red", (230, 40, 20)), ("blue", (10, 60, 220))):
        stripes = np.zeros((48, 64, 3), np.uint8)
        stripes[::6] = colour
        Image.fromarray(stripes).save(tmp_path / "styles" / f"{name}.png")
    for number in range(3):
        noise = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((64, 64)).save(tmp_path / "content" / f"{number}.png")
    (tmp_path / "content" / "damaged.jpg").write_bytes(b"nothing")
    (tmp_path / "styles" / "credits.toml").write_text('[red]\ntitle = "Red stripes"\nartist = "A test"\n')
    torch.save({"model": loss_network()}, tmp_path / "loss.pth")
    return JohnsonOptions(
        styles=tmp_path / "styles", content=(tmp_path / "content",), out=tmp_path / "stripes.onnx", network="tiny",
        steps=6, batch=2, size=32, stroke=0.25, loss_network=str(tmp_path / "loss.pth"),
        content_layers=("relu2_1",), style_layers=("relu1_1", "relu2_1"), stability_start=0.5, workers=0,
        save_every=3, sample_every=6,
    )  # fmt: skip


Rows = list[dict[str, float]]


def run(options: JohnsonOptions) -> tuple[Rows, list[str]]:
    rows: Rows = []
    said: list[str] = []
    train(options, said.append, lambda _step, losses: rows.append(losses))
    return rows, said


def test_folders_in_style_file_out(options: JohnsonOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    sheets_of(FULL_SHEETS, monkeypatch)
    said: list[str] = []
    trained = train(options, said.append)
    figures = write_style_file(options, trained)
    assert any("1 damaged" in line for line in said)
    assert any("step 6 of 6" in line and "(style: " in line and "red " in line for line in said), said
    style = load_style(str(options.out))
    assert [named.name for named in style.card.styles] == ["blue", "red"]
    assert style.card.styles[1].title == "Red stripes"
    assert style.card.training["settings"]["steps"] == style.card.training["steps"] == 6
    assert style.card.training["style_pictures"]["names"] == ["blue.png", "red.png"]
    assert str(options.styles) not in json.dumps(style.card.training)
    assert {"content", "style", "style/red", "stability", "stability_of_input"} <= set(figures)
    with Image.open(options.run_folder / "samples" / "step_000006.png") as sheet:
        assert sheet.size == (3 * 320, 3 * 240)
    assert list(options.run_folder.glob("events.out.tfevents.*"))


def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(options: JohnsonOptions) -> None:
    whole, _ = run(dataclasses.replace(options, out=options.out.with_name("whole.onnx"), average_decay=0.5))

    class Stop(Exception):
        pass

    def stop_after_four(step: int, _losses: dict[str, float]) -> None:
        if step == 4:
            raise Stop

    with pytest.raises(Stop):
        train(dataclasses.replace(options, average_decay=0.5), lambda _: None, stop_after_four)
    resumed, said = run(dataclasses.replace(options, average_decay=0.5, resume=True))
    assert resumed == whole[3:]
    assert not any("other settings" in line for line in said)
    saved = [torch.load(folder / "checkpoint.pt", weights_only=True) for folder in run_folders(options, "whole")]
    assert saved[0]["step"] == saved[1]["step"] == 6
    for part in ("net", "average"):
        for name in saved[0][part]:
            torch.testing.assert_close(saved[0][part][name], saved[1][part][name], rtol=0, atol=0)


def test_other_settings_are_told_when_a_run_is_resumed(options: JohnsonOptions) -> None:
    run(options)
    said: list[str] = []
    trained = train(dataclasses.replace(options, resume=True, steps=7, tv_weight=0.5), said.append)
    assert any("at step 6 with other settings: steps 6 -> 7, tv_weight 2.0 -> 0.5" in line for line in said)
    assert [(run["steps"], run["settings"]["tv_weight"]) for run in trained.history] == [(6, 2.0)]


def test_a_run_from_before_there_were_several_textures_goes_on_with_one_alone(
    options: JohnsonOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(dataclasses.replace(options, steps=1))
    checkpoint = options.run_folder / "checkpoint.pt"
    saved = torch.load(checkpoint, weights_only=True)
    del saved["shape"]["textures"]
    torch.save(saved, checkpoint)
    several = dataclasses.replace(PRESETS[options.network], textures=("curls", "dabs"))
    resumed = dataclasses.replace(options, steps=2, resume=True)
    with monkeypatch.context() as patched:
        patched.setitem(PRESETS, options.network, several)
        with pytest.raises(BadValue, match="other textures; begin with it by --initial"):
            run(resumed)
    assert len(run(resumed)[0]) == 1


def test_a_run_may_go_on_in_fp16(options: JohnsonOptions) -> None:
    """Which has a scaler that the checkpoint of other precisions lacks."""
    run(dataclasses.replace(options, steps=1))
    folder = RunFolder(dataclasses.replace(options, resume=True), RunLabel("johnson", ("blue", "red")))
    assert folder.restore({SCALER: torch.amp.GradScaler("cpu")}, list) == 1


def run_folders(options: JohnsonOptions, other: str) -> list[Path]:
    return [options.run_folder, options.out.with_name(f"{other}.run")]


def test_each_step_is_told_how_much_of_the_run_is_over(
    options: JohnsonOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []

    def spying(step: Step, **named: Any) -> Any:
        told.append(step.done)
        return training_losses(step, **named)

    monkeypatch.setattr("trainers.johnson.training_losses", spying)
    run(dataclasses.replace(options, steps=4, stability_start=1.0, save_every=4, sample_every=4))
    assert told == [0.0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize(
    ("loss", "steps", "patch_weight", "falling"),
    [("wasserstein", 40, 0.0, "style"), ("gram", 30, 0.0, "style"), ("wasserstein", 30, 8.0, "patches")],
)
def test_training_brings_the_losses_down(
    options: JohnsonOptions, loss: str, steps: int, patch_weight: float, falling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patches of paintings as flat as these count so much beside the features that each is looked at by itself."""
    warm_up_of(10, monkeypatch)
    whole = dataclasses.replace(
        options, loss=loss, patch_weight=patch_weight, steps=steps, learning_rate=1e-2, stability_start=1.0,
        save_every=steps, sample_every=steps,
    )  # fmt: skip
    rows, _ = run(whole)
    assert rows[-1][falling] < 0.5 * rows[0][falling]


def test_what_comes_out_is_level(options: JohnsonOptions) -> None:
    """And so is the running average, that began with random weights."""
    net = train(options).net
    before = net.head.weight.clone()
    net.level()
    torch.testing.assert_close(net.head.weight, before)


def test_the_stability_loss_joins_late(options: JohnsonOptions) -> None:
    rows, _ = run(options)
    assert ["stability" in row for row in rows] == [False, False, False, True, True, True]


def test_another_run_is_not_overwritten(options: JohnsonOptions) -> None:
    run(dataclasses.replace(options, steps=1))
    with pytest.raises(FileExistsError, match="--resume"):
        run(options)
    with pytest.raises(ValueError, match="resume with those"):
        run(dataclasses.replace(options, network="ultra", resume=True))
    with pytest.raises(FileNotFoundError, match="leave out --resume"):
        run(dataclasses.replace(options, out=options.out.with_name("none.onnx"), resume=True))


def test_a_full_disk_is_told_and_costs_no_checkpoint(options: JohnsonOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    run(dataclasses.replace(options, steps=1))
    checkpoint = options.run_folder / "checkpoint.pt"
    before = checkpoint.read_bytes()

    def full(path: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left on device") as failed:
        run(dataclasses.replace(options, steps=2, resume=True))
    assert failed.value.filename == str(checkpoint)
    assert checkpoint.read_bytes() == before
    assert not list(options.run_folder.glob(".*"))


def test_a_run_can_begin_with_the_weights_of_another(options: JohnsonOptions) -> None:
    run(options)
    begun = dataclasses.replace(options, out=options.out.with_name("next.onnx"), steps=1, learning_rate=1e-9,
                                initial=options.run_folder / "checkpoint.pt")  # fmt: skip
    trained = train(begun, lambda _: None)
    saved = torch.load(options.run_folder / "checkpoint.pt", weights_only=True)["average"]
    torch.testing.assert_close(trained.net.state_dict(), saved, rtol=0, atol=1e-6)
    write_style_file(begun, trained)
    (earlier,) = load_style(str(begun.out)).card.training["earlier_runs"]
    assert earlier["steps"] == 6
    assert earlier["settings"]["content"] == ["content"]


def test_weights_of_another_net_are_refused(options: JohnsonOptions) -> None:
    run(dataclasses.replace(options, steps=1))
    other = dataclasses.replace(options, out=options.out.with_name("next.onnx"), network="ultra",
                                initial=options.run_folder / "checkpoint.pt")  # fmt: skip
    with pytest.raises(ValueError, match="same --network"):
        run(other)
    torch.save({"a": 1}, options.out.with_name("foreign.pt"))
    with pytest.raises(ValueError, match="is no checkpoint"):
        run(dataclasses.replace(other, network="tiny", initial=options.out.with_name("foreign.pt")))


@pytest.fixture
def teacher(options: JohnsonOptions) -> Path:
    """A net of both styles that has hardly learnt anything, and paints both all flat; it names them the other way."""
    first = dataclasses.replace(options, out=options.out.with_name("teacher.onnx"), seed=1)
    write_style_file(first, train(first, lambda _: None))
    file = load_style(str(first.out))
    blue, red = file.card.styles
    shifts = np.eye(len(red.vector), dtype=np.float32)[-4:]  # of the last norm
    flat = [
        dataclasses.replace(red, vector=2 * shifts[:2].sum(0)),
        dataclasses.replace(blue, vector=2 * shifts[2:].sum(0)),
    ]
    save_style(first.out, file.model, dataclasses.replace(file.card, styles=tuple(flat)))
    return first.out


def test_a_net_comes_near_to_the_one_that_it_follows_style_by_style(
    options: JohnsonOptions, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm_up_of(10, monkeypatch)
    followed = dataclasses.replace(
        options, steps=80, follow=teacher, follow_until=1.0, stability_start=1.0, average_decay=0.9,
        learning_rate=0.01, save_every=80, sample_every=80,
    )  # fmt: skip
    net = train(followed, lambda _: None).net
    wanted = trained_net(load_style(str(teacher)))
    photo = centre_crop(options.content[0] / "0.png", 32)[None]
    with torch.no_grad():
        ours = [net(photo, row[None]) for row in net.styles]
        theirs = [wanted(photo, row[None]).clamp(0, 1) for row in wanted.styles.flip(0)]
    unlike = torch.tensor([[(mine - yours).abs().mean() for yours in theirs] for mine in ours])
    assert unlike.diagonal().max() < 0.5 * unlike.flip(0).diagonal().min(), unlike


def test_a_net_that_followed_is_then_judged_by_the_paintings(options: JohnsonOptions, teacher: Path) -> None:
    followed = dataclasses.replace(options, follow=teacher, follow_until=0.5)
    rows, _ = run(followed)
    assert [("pixels" in row, "content" in row) for row in rows[2:4]] == [(True, False), (False, True)]
    resumed = run(dataclasses.replace(followed, resume=True, steps=7))[1]
    assert not any("follow " in line for line in resumed)
    write_style_file(followed, train(dataclasses.replace(followed, resume=True, steps=7), lambda _: None))
    settings = load_style(str(options.out)).card.training["settings"]
    assert settings["follow"] == "teacher.onnx"


def test_weights_of_somebody_else_keep_their_licence(options: JohnsonOptions, teacher: Path) -> None:
    """Those of a net to begin with, of one that is or was followed, and those of a checkpoint in between."""
    file = load_style(str(teacher))
    save_style(teacher, file.model, dataclasses.replace(file.card, licence="CC BY-NC 4.0"))
    short = dataclasses.replace(options, steps=1, loss="gram", patch_weight=0.0)
    runs = [
        dataclasses.replace(short, out=options.out.with_name(f"{name}.onnx"), **how)  # type: ignore[arg-type]
        for name, how in {
            "begun": {"initial": teacher},
            "followed": {"follow": teacher},
            "said": {"initial": teacher, "licence": "MIT"},
            "of_checkpoint": {"initial": options.out.with_name("begun.run") / "checkpoint.pt"},
            "of_follower": {"initial": options.out.with_name("followed.run") / "checkpoint.pt"},
            "of_said": {"initial": options.out.with_name("said.run") / "checkpoint.pt"},
            "ours": {},
        }.items()
    ]
    runs.append(dataclasses.replace(runs[1], follow=None, resume=True, steps=2))
    licences = []
    for each in runs:
        write_style_file(each, train(each, lambda _: None))
        licences.append(load_style(str(each.out)).card.licence)
    theirs = "CC BY-NC 4.0"
    assert licences == [theirs, theirs, "MIT", theirs, theirs, "MIT", "CC0-1.0", theirs]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("MIT", "CC BY 4.0", "MIT and CC BY 4.0"),
        ("MIT and CC BY 4.0", "CC BY 4.0", "MIT and CC BY 4.0"),
        ("CC0-1.0", "MIT", "MIT"),
        ("CC0-1.0", "", ""),
    ],
)
def test_of_two_licences_both_hold_once(one: str, other: str, both: str) -> None:
    assert of_both(one, other) == both


def test_a_run_from_before_licences_were_looked_up_goes_on(options: JohnsonOptions) -> None:
    """They said CC0-1.0 where nothing else was said, which is no other setting now."""
    run(dataclasses.replace(options, steps=1, licence="CC0-1.0"))
    _, said = run(dataclasses.replace(options, steps=1, resume=True))
    assert not any("other settings" in line for line in said)


def test_a_style_that_the_followed_net_lacks_is_named(options: JohnsonOptions, teacher: Path) -> None:
    (options.styles / "red.png").rename(options.styles / "green.png")
    with pytest.raises(BadValue, match=r"--follow .*teacher\.onnx has no style 'green'; leave that painting out"):
        train(dataclasses.replace(options, follow=teacher), lambda _: None)


def test_a_run_cannot_go_on_to_fewer_steps(options: JohnsonOptions) -> None:
    """Its card would tell fewer than its net has learnt."""
    run(dataclasses.replace(options, steps=2))
    with pytest.raises(BadValue, match=r"checkpoint\.pt has made 2 steps already; give --steps of as many or more"):
        run(dataclasses.replace(options, steps=1, resume=True))


def test_two_runs_do_not_share_a_folder(options: JohnsonOptions) -> None:
    label = RunLabel("johnson", ("blue", "red"))
    first = RunFolder(options, label)
    first.restore({}, list)
    with first, pytest.raises(FileTaken, match="is of a run that still goes on"):
        run(options)
    assert len(run(dataclasses.replace(options, steps=1))[0]) == 1


def test_a_run_that_failed_can_be_resumed_at_once(options: JohnsonOptions) -> None:
    """Though its workers, which have what it had open, may take a moment longer to end."""
    held = dataclasses.replace(options, workers=1, steps=3, save_every=1)

    def stop(step: int, _losses: dict[str, float]) -> None:
        if step == 2:
            raise RuntimeError("something else")

    try:
        train(held, lambda _: None, stop)
    except RuntimeError:
        assert train(dataclasses.replace(held, resume=True), lambda _: None).styles == ("blue", "red")


def test_a_place_that_cannot_be_written_is_told_before_a_folder_is_made(options: JohnsonOptions) -> None:
    for out, says in (
        ("none/mine.onnx", "there is no folder"),
        ("mine.run", r"call it mine\.run\.onnx"),
    ):
        with pytest.raises(ImpastoError, match=says):
            run(dataclasses.replace(options, out=options.out.parent / out))
    assert not options.out.with_name("none").exists()
    assert not options.out.with_name("mine.run").exists()


def test_a_checkpoint_of_weights_that_are_lost_is_not_saved(options: JohnsonOptions) -> None:
    net = nn.Linear(2, 2)
    with RunFolder(options, RunLabel("johnson", ("blue", "red"))) as folder:
        for step, bias in ((1, 0.5), (2, math.nan)):
            nn.init.constant_(net.bias, bias)
            checkpoint = Checkpoint(step, {"net": net})
            assert folder.keep(checkpoint, lambda: torch.zeros(3, 8, 8), stopping=True) is (step == 1)
    saved = read_saved(options.run_folder / "checkpoint.pt")
    assert (saved["step"], saved["net"]["bias"].tolist()) == (1, [0.5, 0.5])


def test_several_runs_of_one_process_each_have_their_precision(options: JohnsonOptions) -> None:
    for precision in ("no", "bf16"):
        assert accelerator_for(precision).mixed_precision == precision
    with pytest.raises(BadValue, match="--precision fp16 needs a GPU"):
        run(dataclasses.replace(options, precision="fp16"))


def test_a_loss_that_is_not_finite_stops_the_run_with_a_word(options: JohnsonOptions) -> None:
    with pytest.raises(NotFinite, match=r"step \d+: a loss is not finite .*--learning-rate"):
        run(dataclasses.replace(options, style_weight=1e39))  # beyond float32


def test_a_picture_s_name_may_hold_what_a_style_s_may_not(options: JohnsonOptions) -> None:
    (options.styles / "red.png").rename(options.styles / "Red, 'light': a=b.png")
    (options.styles / "credits.toml").write_text('["Red, \'light\': a=b"]\ntitle = "Red stripes"\n')
    short = dataclasses.replace(options, steps=1, out=options.out.with_name("my,stripes.onnx"))
    write_style_file(short, train(short, lambda _: None))
    card = load_style(str(short.out)).card
    assert (card.name, card.names) == ("my_stripes", ("Red_ _light__ a_b", "blue"))
    assert card.styles[0].title == "Red stripes"


def test_all_in_one_folder(options: JohnsonOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's own sample sheets are no pictures, and what was trained is measured though the folder changes."""
    for path in (*options.styles.iterdir(), *options.content[0].iterdir()):
        path.rename(options.out.with_name(path.name))
    monkeypatch.chdir(options.out.parent)
    here = dataclasses.replace(
        options, styles=Path("."), content=(Path("."),), out=Path("mine.onnx"), steps=1, sample_every=1, loss="gram",
        patch_weight=0.0,
    )  # fmt: skip
    trained = train(here, lambda _: None)
    Path("new.png").write_bytes(Path("red.png").read_bytes())
    write_style_file(here, trained)
    card = load_style("mine.onnx").card
    assert card.names == ("0", "1", "2", "blue", "red")
    assert card.training["style_pictures"]["names"] == [f"{name}.png" for name in card.names]
    Path("new.png").unlink()
    assert train(dataclasses.replace(here, resume=True, steps=2), lambda _: None).styles == card.names


def test_a_run_whose_styles_were_called_like_their_files_goes_on(options: JohnsonOptions) -> None:
    """As they were before their names were looked at."""
    (options.styles / "red.png").rename(options.styles / "a,b.png")
    run(dataclasses.replace(options, steps=1))
    checkpoint = options.run_folder / "checkpoint.pt"
    saved = torch.load(checkpoint, weights_only=True)
    torch.save({**saved, "styles": ["a,b", "blue"]}, checkpoint)
    rows, _ = run(dataclasses.replace(options, steps=2, resume=True))
    assert len(rows) == 1


def test_damaged_style_pictures_are_told(options: JohnsonOptions) -> None:
    (options.styles / "green.png").write_bytes(b"nothing")
    _, said = run(dataclasses.replace(options, steps=1))
    assert any("skipped 1 damaged pictures, the first is" in line and "green.png" in line for line in said), said


def test_two_pictures_of_one_name_are_refused_before_the_first_step(options: JohnsonOptions) -> None:
    (options.styles / "more").mkdir()
    shutil.copy(options.styles / "red.png", options.styles / "more")
    with pytest.raises(BadValue, match=r"several pictures are called red \(.*red\.png and .*red\.png\).* rename one"):
        train(options, lambda _: None, lambda *_: pytest.fail("it trained"))


@pytest.mark.parametrize(
    ("change", "word"),
    [({"style_weights": (("green", 2.0),)}, "green"), ({"textures": (("green", "dabs"),), "network": "fast"}, "green"),
     ({"styles": Path("content_only")}, "content_only"),
     ({"content_layers": ("relu7_1",)}, "relu7_1")],
)  # fmt: skip
def test_wrong_settings_are_named(options: JohnsonOptions, change: dict[str, object], word: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=word):
        run(dataclasses.replace(options, **change))  # type: ignore[arg-type]


def test_impossible_options_are_refused(options: JohnsonOptions) -> None:
    for change in ({"steps": 0}, {"stability_start": 2.0}, {"precision": "int3"}, {"loss": "mean"}, {"stroke": 9.0},
                   {"detail_floor": 2.0}, {"other_sizes": (8,)}, {"sensor_noise": -1.0},
                   {"network": "nope"}, {"seed": -1}):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(change))):
            dataclasses.replace(options, **change)


def test_ctrl_c_saves(options: JohnsonOptions) -> None:
    def interrupt(step: int, _losses: dict[str, float]) -> None:
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(dataclasses.replace(options, steps=50), lambda _: None, interrupt)
    step = torch.load(options.run_folder / "checkpoint.pt", weights_only=True)["step"]
    assert 1 <= step <= 3


def test_learning_rate_rises_then_falls() -> None:
    factors = [learning_rate_factor(step, 1000) for step in range(1000)]
    assert factors[0] < 0.02
    assert max(factors) == factors[WARM_UP_STEPS - 1]
    assert 0.009 < factors[-1] < 0.011


PROCESSES = """
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
import torch._dynamo
from engines.networks.transform import config as transform_config
from trainers.johnson import train
from trainers.run.run_folder import RunFolder
from trainers.settings.options import JohnsonOptions
tiny = transform_config.TransformConfig(widths=(4, 6), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3)
transform_config.PRESETS["tiny"] = tiny
folder = Path(sys.argv[1])
other = os.fork()  # torch is loaded once for both, with what its optimizers load
os.environ["RANK"] = os.environ["LOCAL_RANK"] = "0" if other else "1"
train(JohnsonOptions(styles=folder / "styles", content=(folder / "content",), out=folder / "two.onnx", network="tiny",
      steps=4, batch=1, size=32, stroke=0.25, loss_network=str(folder / "loss.pth"), content_layers=("relu2_1",),
      style_layers=("relu1_1", "relu2_1"), stability_start=0.5, workers=0, save_every=4, sample_every=4),
      lambda line: print(line, file=(folder / "told").open("a")))
if other:
    assert os.waitpid(other, 0)[1] == 0
os._exit(0)  # to take all of torch down again would take seconds, in both
"""


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_two_processes_train_one_net(options: JohnsonOptions, tmp_path: Path) -> None:
    """Through the launcher's own environment variables, over gloo on the CPU."""
    (tmp_path / "run.py").write_text(PROCESSES)
    launched = {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(Path(johnson.__file__).parents[1]),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(tmp_path / "run.py"), str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | launched,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "content pictures; a step takes 2, 1 in each of 2 processes; checkpoints" in (tmp_path / "told").read_text()
    saved = torch.load(tmp_path / "two.run" / "checkpoint.pt", weights_only=True)
    assert saved["step"] == 4
    assert all(torch.isfinite(value).all() for value in saved["net"].values())
    assert len(list((tmp_path / "two.run").glob("events.out.tfevents.*"))) == 1
    alone = dataclasses.replace(options, out=tmp_path / "one.onnx", steps=4, batch=1, save_every=4, sample_every=4)
    train(alone, lambda _: None)
    single = torch.load(tmp_path / "one.run" / "checkpoint.pt", weights_only=True)
    assert not torch.equal(saved["net"]["head.weight"], single["net"]["head.weight"])


def test_an_empty_validation_folder_is_told_before_the_first_step(options: JohnsonOptions, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(BadValue, match=r"no readable picture in .*none; give folders of photos"):
        run(dataclasses.replace(options, validation=tmp_path / "none"))
    assert not options.run_folder.exists()


def test_a_run_may_settle_the_norms_of_the_net_that_it_begins_with(
    options: JohnsonOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(options)
    settled = dataclasses.replace(PRESETS["tiny"], settled=True)
    monkeypatch.setitem(PRESETS, "tiny", settled)
    with pytest.raises(BadValue, match=r"checkpoint.pt is of a net with other norms; begin with it by --initial"):
        train(dataclasses.replace(options, resume=True), lambda _: None)
    initial = options.run_folder / "checkpoint.pt"
    onward = options.out.with_name("on.onnx")
    begun = dataclasses.replace(options, out=onward, initial=initial, steps=1, learning_rate=0.0)
    trained = train(begun, lambda _: None)
    assert trained.net.config == settled
    before = torch.load(initial, weights_only=True)["average"]["blocks.0.conv1.weight"]
    factors = (trained.net.state_dict()["blocks.0.conv1.weight"] / before).flatten(1)
    torch.testing.assert_close(factors, factors.mean(1, keepdim=True).expand_as(factors))
    assert factors.min() > 2  # what the norm behind it divided by, less what a settled one divides by
    resumed = train(dataclasses.replace(begun, resume=True, steps=2), lambda _: None)
    assert resumed.net.config == settled
