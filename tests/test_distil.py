"""A net that follows another: it comes near its teacher, resumes exactly, and says on its card whom it followed."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_styles import write_small_style
from tiny_training import loss_network, precisions_of_loss_networks, tiny_preset
from torch import Tensor

from engines.errors import BadValue
from engines.style.styles import load_style
from realtime.painting.teacher import open_teacher
from trainers.distil import train
from trainers.export.distil_export import write_student
from trainers.settings.distil_options import DistilOptions


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tiny_preset(monkeypatch):
        yield


@pytest.fixture
def options(tmp_path: Path) -> DistilOptions:
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(3):
        grain = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(grain).resize((64, 48)).save(tmp_path / "photos" / f"{number}.png")
    torch.save({"model": loss_network()}, tmp_path / "loss.pth")
    return DistilOptions(
        teacher="unused", content=(tmp_path / "photos",), out=tmp_path / "student.onnx", network="tiny", steps=6,
        batch=2, size=32, feature_layers=("relu1_1", "relu2_1"), loss_network=str(tmp_path / "loss.pth"), workers=0,
        save_every=3, sample_every=6, stability_start=0.5,
    )  # fmt: skip


def negative(pictures: Tensor) -> Tensor:
    """A teacher that is easily followed."""
    return 1 - pictures


Rows = list[dict[str, float]]


def run(options: DistilOptions) -> Rows:
    rows: Rows = []
    train(options, negative, "MIT", lambda _: None, lambda _step, losses: rows.append(losses))
    return rows


def test_it_comes_near_its_teacher(options: DistilOptions) -> None:
    rows = run(
        dataclasses.replace(options, steps=60, learning_rate=2e-2, sample_every=60, save_every=60, stability_start=1.0)
    )
    assert rows[-1]["pixels"] < 0.75 * rows[0]["pixels"]


def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(options: DistilOptions) -> None:
    other = options.out.with_name("other")
    other.mkdir()
    whole = run(dataclasses.replace(options, out=other / options.out.name))

    class Stop(Exception):
        pass

    def stop(step: int, _losses: dict[str, float]) -> None:
        if step == 4:
            raise Stop

    with pytest.raises(Stop):
        train(options, negative, "MIT", lambda _: None, stop)
    assert run(dataclasses.replace(options, resume=True)) == whole[3:]


def test_the_card_says_whom_it_followed_and_how_near_it_came(options: DistilOptions, tmp_path: Path) -> None:
    """Through a real engine, of a style with names and a licence of its own."""
    file = write_small_style(tmp_path / "teacher.onnx")
    style = file.card.styles[1]
    with open_teacher(file, style.name, options.size, lambda _: None) as teacher:
        trained = train(options, teacher, file.card.licence, lambda _: None)
        figures = write_student(options, trained, teacher, file, style.name)
    card = load_style(str(options.out)).card
    assert card.names == ("student",)
    assert card.training["teacher"]["file"] == "teacher.onnx"
    assert card.training["teacher"]["sha256"] == file.sha256
    assert card.licence == file.card.licence
    assert card.styles[0].title == style.title
    assert set(figures) == {"agreement_db", "stability", "stability_of_teacher"} == set(card.figures)


def test_a_teacher_paints_a_batch_as_it_paints_each(tmp_path: Path) -> None:
    file = write_small_style(tmp_path / "teacher.onnx")
    pictures = torch.rand(2, 3, 32, 32)
    with open_teacher(file, file.default, 32, lambda _: None) as teacher:
        both, one = teacher(pictures), teacher(pictures[1:])
    assert both.shape == pictures.shape
    assert torch.equal(both[1:], one)
    assert 0 <= float(both.min()) <= float(both.max()) <= 1


def test_the_total_is_the_weighed_sum(options: DistilOptions) -> None:
    """The loss in pixels is the mean distance in pixels of the student's picture from the teacher's."""
    rows = run(dataclasses.replace(options, steps=1, sensor_noise=0.0, stability_weight=0.0))
    assert rows[0]["total"] == pytest.approx(
        10 * rows[0]["pixels"] + 2 * rows[0]["features"] + 10 * rows[0]["range"] + 100 * rows[0]["grid"], rel=1e-4
    )


def test_an_empty_validation_folder_is_told_before_the_first_step(options: DistilOptions, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(BadValue, match=r"no readable picture in .*none; give folders of photos"):
        run(dataclasses.replace(options, validation=tmp_path / "none"))
    assert not options.run_folder.exists()


def test_the_loss_network_has_the_precision_of_the_run(options: DistilOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = precisions_of_loss_networks("distil", monkeypatch)
    run(dataclasses.replace(options, steps=1))
    assert loaded == [torch.bfloat16]
