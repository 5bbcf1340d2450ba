"""What reads a picture and tells its style vector: trained, exported, and taken where a style is named."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from small_styles import one_thread_for_torch, write_small_style
from tiny_training import SMALL_SHEETS, sheets_of, tiny_preset
from typer.testing import CliRunner

from engines.errors import BadFile, BadValue
from engines.loading.further_graphs import open_statistics
from engines.style.file import StyleFile, read_style_file, save_style
from engines.style.predictor import net_checksum, predictor_path
from realtime.commands.all_commands import app
from realtime.painting.picture_style import resolve
from trainers import style_predictor
from trainers.data import to_tensor
from trainers.export.predictor_export import predictor_graph, write_predictor
from trainers.predictor import TrainedPredictor, train
from trainers.settings.options import READ_PX
from trainers.settings.predictor_options import PredictorOptions
from trainers.style_predictor import TRAINING_KEY, StylePredictor, begin_as, frozen_net, turned


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tiny_preset(monkeypatch):
        yield


def pictures(folder: Path, count: int, seed: int) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for number in range(count):
        grain = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(grain).resize((128, 96)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PredictorOptions:
    """Of a run whose paintings are read at half the usual size, a quarter of the work."""
    monkeypatch.setattr(style_predictor, "READ_PX", READ_PX // 2)
    return options_in(tmp_path)


def options_in(folder: Path) -> PredictorOptions:
    return PredictorOptions(
        net=write_small_style(folder / "small.onnx").path, paintings=(pictures(folder / "paintings", 4, 1),),
        content=(pictures(folder / "photos", 3, 0),), steps=4, batch=2, size=64, painting_size=96, width=8,
        save_every=2, sample_every=4, workers=0,
    )  # fmt: skip


def run(options: PredictorOptions) -> tuple[TrainedPredictor, list[dict[str, float]]]:
    rows: list[dict[str, float]] = []
    return train(options, lambda _: None, lambda _step, losses: rows.append(losses)), rows


def test_it_learns_and_leaves_the_net_alone(options: PredictorOptions) -> None:
    before = options.net.read_bytes()
    _, rows = run(dataclasses.replace(options, steps=30, learning_rate=3e-2, save_every=30, sample_every=30))
    assert rows[-1]["style"] < 0.9 * rows[0]["style"]
    assert options.net.read_bytes() == before


def test_a_net_of_one_style_learns_to_take_any_picture(options: PredictorOptions) -> None:
    file = read_style_file(options.net)
    save_style(options.net, file.model, dataclasses.replace(file.card, styles=file.card.styles[:1]))
    _, rows = run(dataclasses.replace(options, steps=1))
    assert np.isfinite(rows[0]["total"])


def test_crops_of_paintings_may_be_smaller_than_those_of_photos(options: PredictorOptions) -> None:
    """And have fewer octaves: of 96 pixels two, where photos of 208 have three."""
    _, rows = run(dataclasses.replace(options, steps=1, size=208, sample_every=9))
    assert np.isfinite(rows[0]["total"])


def test_one_painting_is_too_few_to_tell_how_paintings_differ(options: PredictorOptions) -> None:
    for number in (1, 2, 3):
        (options.paintings[0] / f"{number}.png").unlink()
    with pytest.raises(BadValue, match=r"0\.png is the only painting; give 2 or more"):
        run(options)


def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(options: PredictorOptions, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = write_small_style(tmp_path / "other" / "small.onnx").path
    _, whole = run(dataclasses.replace(options, net=other))

    class Stop(Exception):
        pass

    def stop(step: int, _losses: dict[str, float]) -> None:
        if step == 3:
            raise Stop

    with pytest.raises(Stop):
        train(options, lambda _: None, stop)
    assert run(dataclasses.replace(options, resume=True))[1] == whole[2:]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedPredictor:
    """Its style file has its predictor beside it; both are only read."""
    options = options_in(tmp_path_factory.mktemp("trained"))
    with one_thread_for_torch(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(style_predictor, "READ_PX", READ_PX // 2)
        sheets_of(SMALL_SHEETS, patch)
        trained, _ = run(options)
    write_predictor(options, trained)
    return trained


@pytest.fixture
def learnt(trained: TrainedPredictor, tmp_path: Path) -> StyleFile:
    """The style file with its predictor beside it, for this test alone."""
    for path in (trained.file.path, predictor_path(trained.file)):
        shutil.copy(path, tmp_path)
    return read_style_file(tmp_path / trained.file.path.name)


@pytest.fixture
def paintings(tmp_path: Path) -> Path:
    return pictures(tmp_path / "paintings", 4, 1)


def test_the_graph_tells_the_vectors_of_the_torch_net(learnt: StyleFile, trained: TrainedPredictor) -> None:
    """Weights are kept in half precision."""
    file = learnt
    picture = np.random.default_rng(3).integers(0, 256, (80, 112, 3), dtype=np.uint8)
    with torch.no_grad():
        wanted = frozen_net(file).levelled(trained.predictor(to_tensor(Image.fromarray(picture))[None]))[0].numpy()
    found = open_statistics(file)(picture)
    assert found.shape == wanted.shape == (file.card.style_size,)
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-3)


def test_its_file_tells_how_it_came_to_be_without_a_machine_s_paths(
    trained: TrainedPredictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained.file.path.parent
    monkeypatch.setattr("sys.argv", ["impasto", "train", "predictor", f"--content={folder}/photos", "--width", "8"])
    settings = {"paintings": [f"{folder}/paintings"], "net": str(trained.file.path)}
    resumed = dataclasses.replace(trained, history=[{"steps": 2, "settings": settings}])
    options = PredictorOptions(
        net=tmp_path / "small.onnx", paintings=(folder / "paintings",), content=(folder / "photos",), width=8
    )
    write_predictor(options, resumed)
    (text,) = [entry.value for entry in onnx.load(options.out).metadata_props if entry.key == TRAINING_KEY]
    assert str(folder) not in text
    assert str(tmp_path) not in text
    told = json.loads(text)
    assert told["command"] == "impasto train predictor --content=photos --width 8"
    assert told["earlier_runs"] == [{"steps": 2, "settings": {"paintings": ["paintings"], "net": "small.onnx"}}]
    assert told["settings"]["width"] == 8
    assert told["paintings"]["count"] == 4


def test_a_run_may_begin_as_an_earlier_predictor(
    options: PredictorOptions, trained: TrainedPredictor, tmp_path: Path
) -> None:
    """One step at next to no rate leaves the vectors what they were, and the run knows where they are from."""
    begun = dataclasses.replace(
        options, steps=1, learning_rate=1e-9, initial=predictor_path(trained.file), average_decay=0.0
    )
    again, _ = run(begun)
    picture = torch.rand(1, 3, 80, 112, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        torch.testing.assert_close(again.predictor(picture), trained.predictor(picture), rtol=2e-3, atol=2e-3)
    assert [earlier["steps"] for earlier in again.history] == [4]
    (no_predictor := tmp_path / "no.predictor.onnx").write_bytes(b"no graph")
    shutil.rmtree(options.run_folder)
    for initial in (options.net, no_predictor):
        with pytest.raises(BadFile, match="is no predictor that this one can begin as"):
            run(dataclasses.replace(begun, initial=initial))


def test_all_pictures_get_the_mean_shares_also_by_a_predictor_of_a_net_of_fewer_textures(
    trained: TrainedPredictor, tmp_path: Path
) -> None:
    """As strong as those of the named styles, and all else as it was told."""
    known, begun = trained.predictor, predictor_path(trained.file)
    picture = torch.rand(1, 3, 80, 112, generator=torch.Generator().manual_seed(5))
    for textures in (4, 6):
        shares = torch.zeros(2, textures)
        shares[0, 1], shares[1, 0] = 1.0, 0.6
        vectors = torch.cat([known.middle.expand(2, -1), shares], dim=1)
        further = StylePredictor(known.perceptual, vectors, 8, slice(known.middle.numel(), vectors.shape[1]))
        begin_as(begun, further)
        with torch.no_grad():
            told, expected = further(picture), known(picture)
        torch.testing.assert_close(told[:, :-textures], expected, rtol=4e-3, atol=4e-3)
        strength = 0.8 / (0.6**2 + 1) ** 0.5
        assert told[0, -textures:].tolist() == pytest.approx([0.6 * strength, strength, *[0] * (textures - 2)])
        begun = tmp_path / f"{textures}.predictor.onnx"
        begun.write_bytes(predictor_graph(TrainedPredictor(further, trained.file, [])).SerializeToString())


def test_a_picture_is_a_style_and_mixes_with_one(learnt: StyleFile, paintings: Path, tmp_path: Path) -> None:
    file, painting = learnt, paintings / "1.png"
    found, name = resolve(f"{file.path}:{painting}")
    assert name == "1"
    assert found.sha256 == file.sha256
    other, _ = resolve(f"{file.path}:{paintings / '2.png'}")
    assert not np.array_equal(found.vector(name), other.vector("2"))
    words = ["image", str(paintings / "0.png"), str(tmp_path / "out.png"), "--engine", "onnxruntime"]
    mix = f"{file.path}:{painting}=0.5,{file.card.names[0]}=0.5"
    result = CliRunner().invoke(app, [*words, "--style", str(file.path), "--mix", mix])
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "out.png") as painted:
        assert painted.size == (128, 96)


def test_another_nets_predictor_and_a_damaged_one_are_refused(learnt: StyleFile, paintings: Path) -> None:
    file, painting, model = learnt, paintings / "1.png", learnt.model
    weight = next(tensor for tensor in model.graph.initializer if tensor.name.endswith("blocks.0.conv1.weight"))
    weight.raw_data = bytes(reversed(weight.raw_data))
    save_style(file.path, model, file.card)
    with pytest.raises(BadFile, match=r"made for another net than small\.onnx has"):
        resolve(f"{file.path}:{painting}")
    predictor_path(file).write_bytes(b"no graph")
    with pytest.raises(BadFile, match="is damaged"):
        resolve(f"{file.path}:{painting}")


def test_styles_may_come_and_go_without_another_predictor(learnt: StyleFile, paintings: Path) -> None:
    before = net_checksum(learnt)
    save_style(learnt.path, learnt.model, dataclasses.replace(learnt.card, styles=learnt.card.styles[:1]))
    assert net_checksum(read_style_file(learnt.path)) == before
    assert resolve(f"{learnt.path}:{paintings / '1.png'}")[1] == "1"


def test_a_net_of_another_family_and_a_file_that_is_no_style_are_refused(
    options: PredictorOptions, tmp_path: Path
) -> None:
    file = read_style_file(options.net)
    card = dataclasses.replace(file.card, network={"name": "vae", "config": {}})
    save_style(tmp_path / "other.onnx", file.model, card)
    with pytest.raises(BadFile, match=r"other\.onnx has no transform net"):
        run(dataclasses.replace(options, net=tmp_path / "other.onnx"))
    with pytest.raises(BadValue, match=r"painting_size is 72, and at stroke 4 .*; give 80 or more"):
        dataclasses.replace(options, painting_size=72, stroke=4.0)
    with pytest.raises(BadValue, match="give a style file"):
        dataclasses.replace(options, net=tmp_path / "net.pt")


def test_turned_hues_keep_light_and_greys() -> None:
    paintings = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 0.2 + 0.4
    found = turned(paintings, 1.0, torch.Generator().manual_seed(2))
    luma = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    torch.testing.assert_close((found * luma).sum(1), (paintings * luma).sum(1), atol=1e-3, rtol=0)
    assert (found - paintings).abs().mean() > 0.01
    grey = torch.full((2, 3, 4, 4), 0.6)
    torch.testing.assert_close(turned(grey, 1.0, torch.Generator().manual_seed(2)), grey, atol=1e-3, rtol=0)
    assert torch.equal(turned(paintings, 0.0, torch.Generator()), turned(paintings, 0.0, torch.Generator()))
