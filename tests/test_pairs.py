"""A net for a shot, learnt from some of its frames and what was painted of them."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_training import TINY, plain_textures, precisions_of_loss_networks, tiny_preset
from typer.testing import CliRunner

from engines.errors import BadValue, FileTaken
from engines.networks.transform.config import TransformConfig
from engines.style.file import read_style_file
from realtime.commands.all_commands import app
from trainers.data import CropOptions
from trainers.export.pairs_export import agreement, write_pairs_net
from trainers.pairs import PairCrops, find_pairs, train
from trainers.run.transform_run import TrainedNet
from trainers.settings.pairs_options import PairsOptions


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tiny_preset(monkeypatch):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two frames of which the reds are painted blue, and one of which nothing is painted."""
    folder = tmp_path / "shot"
    folder.mkdir()
    for number in range(3):
        patches = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        frame = Image.fromarray(patches).resize((128, 96))
        frame.save(folder / f"{number}.png")
        if number:
            painted = Image.fromarray(np.ascontiguousarray(np.asarray(frame)[:, :, ::-1]))
            painted.resize((256, 192)).save(folder / f"{number}-painted.jpg", quality=95)
    return folder


@pytest.fixture
def options(folder: Path, tmp_path: Path) -> PairsOptions:
    return PairsOptions(
        folder, tmp_path / "shot.onnx", network="tiny", steps=4, size=64, lines=96, save_every=2, sample_every=4
    )


def run(options: PairsOptions) -> tuple[TrainedNet, list[dict[str, float]]]:
    rows: list[dict[str, float]] = []
    return train(
        options, find_pairs(options.folder), None, lambda _: None, lambda _step, losses: rows.append(losses)
    ), rows


def test_a_frame_and_its_painting_are_a_pair(folder: Path) -> None:
    Image.new("RGB", (128, 96)).save(folder / "7_painted.png")
    assert [(pair.frame.name, pair.painted.name) for pair in find_pairs(folder)] == [
        ("1.png", "1-painted.jpg"), ("2.png", "2-painted.jpg"),
    ]  # fmt: skip


def test_a_frame_that_is_painted_twice_is_told(folder: Path) -> None:
    Image.new("RGB", (128, 96)).save(folder / "1_painted.png")
    Image.new("RGB", (8, 8)).save(folder / "3.jpg")
    Image.new("RGB", (8, 8)).save(folder / "3.png")
    with pytest.raises(BadValue, match=r"3\.jpg and 3\.png have one name; keep one"):
        find_pairs(folder)
    (folder / "3.png").unlink()
    with pytest.raises(BadValue, match=r"1-painted\.jpg and 1_painted\.png are both of 1\.png; keep one"):
        find_pairs(folder)


def test_both_are_cropped_alike(folder: Path) -> None:
    """The painting is the frame with red and blue exchanged, at another size."""
    scale = 96 / 48
    crops = PairCrops(find_pairs(folder), CropOptions((48,), scale, min_scale=scale, jitter=0.0), 0, 8)
    for number in range(8):
        frame, painted = crops.crop(number, 48).chunk(2)
        assert frame.shape == (3, 48, 48)
        assert (frame.flip(0) - painted).abs().mean() < 0.03
        assert (frame - painted).abs().mean() > 0.1


def test_it_comes_nearer_to_what_was_painted(options: PairsOptions) -> None:
    longer = dataclasses.replace(options, steps=30, learning_rate=3e-2, save_every=30, sample_every=30)
    trained, rows = run(longer)
    assert rows[-1]["pixels"] < 0.8 * rows[0]["pixels"]
    assert agreement(longer, find_pairs(longer.folder), trained) > 10


def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(options: PairsOptions, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _, whole = run(dataclasses.replace(options, out=tmp_path / "other" / options.out.name))

    class Stop(Exception):
        pass

    def stop(step: int, _losses: dict[str, float]) -> None:
        if step == 3:
            raise Stop

    with pytest.raises(Stop):
        train(options, find_pairs(options.folder), None, lambda _: None, stop)
    assert run(dataclasses.replace(options, resume=True))[1] == whole[2:]


def test_a_vector_is_what_it_begins_with(options: PairsOptions) -> None:
    vector = torch.linspace(0.5, 1.5, run(options)[0].net.styles.shape[1])
    still = dataclasses.replace(options, out=options.out.with_name("still.onnx"), learning_rate=0.0)
    trained = train(still, find_pairs(still.folder), vector, lambda _: None)
    torch.testing.assert_close(trained.net.styles[0].detach(), vector)


def test_the_style_file_tells_how_near_it_came(options: PairsOptions) -> None:
    trained, _ = run(options)
    figures = write_pairs_net(options, find_pairs(options.folder), trained)
    file = read_style_file(options.out)
    assert file.card.names == ("shot",)
    assert file.card.training["recipe"] == "pairs"
    assert file.card.training["settings"]["folder"] == options.folder.name
    assert file.card.figures == figures
    assert TransformConfig.from_dict(file.card.network["config"]) == TINY


def test_what_cannot_be_learnt_is_one_line(options: PairsOptions, folder: Path) -> None:
    with pytest.raises(BadValue, match="give a size that fits"):
        dataclasses.replace(options, size=128)
    Image.new("RGB", (96, 96)).save(folder / "0-painted.png")
    with pytest.raises(BadValue, match=r"0-painted\.png is 96x96 and 0\.png 128x96; paint the whole frame"):
        run(options)
    for path in folder.glob("*-painted.*"):
        path.unlink()
    with pytest.raises(BadValue, match="no painted frame in"):
        run(options)
    assert not options.run_folder.exists()


def test_the_command(options: PairsOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_textures(monkeypatch)
    words = ["train", "pairs", str(options.folder), "--out", str(options.out), "--steps", "2", "--size", "64"]
    result = CliRunner().invoke(app, [*words, "--lines", "96"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{options.out}: agreement_db")
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 1
    assert "--resume goes on with it" in again.stderr
    assert FileTaken.__name__ not in again.stderr


def test_the_loss_network_has_the_precision_of_the_run(options: PairsOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = precisions_of_loss_networks("pairs", monkeypatch)
    run(dataclasses.replace(options, steps=1))
    assert loaded == [torch.bfloat16]
