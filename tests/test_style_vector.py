"""A picture's style learnt by its vector alone, and the style file that it is written into."""

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_styles import write_small_style
from tiny_training import few_places
from typer.testing import CliRunner

from engines.errors import BadFile, BadValue, FileMissing, FileTaken
from engines.networks.transform.config import TransformConfig
from engines.networks.transform.net import TransformNet
from engines.style.file import StyleFile, read_style_file
from engines.style.predictor import net_checksum
from realtime.commands.all_commands import app
from realtime.painting.style_learning import Told, built_in_views, learn_styles, starting_vectors
from trainers.losses.perceptual import load_perceptual
from trainers.run.initial_weights import trained_net
from trainers.run.pace import Pace
from trainers.settings.style_options import StyleOptions
from trainers.style_vector import Learner, StyledNet, StyleTask
from trainers.style_views import StyleViews

Step = Callable[[int, int | None, Callable[[], np.ndarray]], None]


def grain(seed: int, colour: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
    """A picture of soft patches in these colours, uint8 [96, 128, 3]."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (6, 8, 1)) * np.array(colour) // 255
    return np.asarray(Image.fromarray(patches.astype(np.uint8)).resize((128, 96)))


def views() -> list[np.ndarray]:
    return [grain(seed) for seed in range(10, 16)]


@pytest.fixture(autouse=True)
def _in_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets so small that threads would only wait for each other, and few places of a picture that are sorted."""
    torch.set_num_threads(1)
    few_places(monkeypatch)


@pytest.fixture
def options(tmp_path: Path) -> StyleOptions:
    for name, seed, colour in (("red", 1, (255, 40, 20)), ("blue", 2, (20, 60, 255))):
        Image.fromarray(grain(seed, colour)).save(tmp_path / f"{name}.png")
    net = write_small_style(tmp_path / "small.onnx").path
    return StyleOptions(
        pictures=(tmp_path / "red.png",), out=tmp_path / "mine.onnx", net=str(net), steps=6, size=64, stroke=0.25
    )


def learnt(options: StyleOptions, step: Step = lambda *_: None, stop: threading.Event | None = None) -> StyleFile:
    """With one photo of its own."""
    folder = Path(options.net).parent / "photos"
    folder.mkdir(exist_ok=True)
    Image.fromarray(grain(9)).save(folder / "photo.png")
    told = Told(lambda line: None, lambda text: None, step)
    written = learn_styles(dataclasses.replace(options, content=(folder,)), told, stop or threading.Event())
    assert written is not None
    return written


def test_the_vector_comes_nearer_and_the_net_stays(options: StyleOptions) -> None:
    net = read_style_file(Path(options.net))
    picture = options.pictures[0]
    learner = Learner(net, dataclasses.replace(options, steps=25), views)
    found = learner.learn(picture, starting_vectors(net, picture), threading.Event(), lambda *_: None)
    assert found.after < 0.9 * found.before
    file = learnt(options)
    assert net_checksum(file) == net_checksum(net)
    assert file.card.names == ("red",)
    assert np.isfinite(file.vector("red")).all()
    assert not any(np.allclose(file.vector("red"), style.vector, atol=1e-3) for style in net.card.styles)


def test_the_content_weight_is_what_photos_are_kept_by(options: StyleOptions) -> None:
    assert dataclasses.replace(options, content_weight=0.5).judged({"content_weight": 3.0}).content_weight == 0.5


def test_it_begins_with_the_nearest_style_of_the_file(options: StyleOptions) -> None:
    """Where no predictor lies beside it: the style whose own picture is asked for."""
    net = read_style_file(Path(options.net))
    starts = starting_vectors(net, options.pictures[0])
    assert [list(start) for start in starts] == [list(style.vector) for style in net.card.styles]
    learner = Learner(net, options, views)
    stopped = threading.Event()
    stopped.set()
    found = learner.learn(options.pictures[0], starts, stopped, lambda *_: None)
    alone = [learner.learn(options.pictures[0], [start], stopped, lambda *_: None) for start in starts]
    assert found.before == min(each.before for each in alone)
    assert found.steps == 0


def test_it_begins_with_the_texture_that_comes_nearest(options: StyleOptions, tmp_path: Path) -> None:
    config = TransformConfig(
        widths=(8, 12), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3, seed_amplitude=0.3,
        textures=("curls", "dabs"),
    )  # fmt: skip
    learner = Learner(write_small_style(tmp_path / "several.onnx", config=config), options, views)
    start = read_style_file(tmp_path / "several.onnx").card.styles[0].vector.copy()
    stopped = threading.Event()
    stopped.set()
    judged = []
    for shares in ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0)):
        start[config.shares_at] = shares
        judged.append(learner.learn(options.pictures[0], [start.copy()], stopped, lambda *_: None))
    assert judged[0].vector[config.shares_at].tolist() in ([1, 0], [0, 1])
    assert torch.equal(judged[0].vector, judged[1].vector)
    assert judged[0].before == judged[1].before >= judged[2].before


def test_steps_make_it_repeatable(options: StyleOptions) -> None:
    first = learnt(options).vector("red")
    second = learnt(dataclasses.replace(options, out=options.out.with_name("other.onnx"))).vector("red")
    np.testing.assert_array_equal(first, second)


def test_styles_are_added_to_one_file_and_one_that_is_there_is_not_lost(options: StyleOptions) -> None:
    red = learnt(options).vector("red")
    with pytest.raises(FileTaken, match=r"has red already; --polish goes on"):
        learnt(options)
    file = learnt(dataclasses.replace(options, pictures=(options.out.with_name("blue.png"),)))
    assert file.card.names == ("red", "blue")
    np.testing.assert_array_equal(file.vector("red"), red)
    told = file.card.training
    assert [told["vectors"][name]["steps"] for name in file.card.names] == [6, 6]
    assert told["net"] == {"steps": 0}


def test_a_folder_is_learnt_into_one_file(options: StyleOptions, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a", "b"):
        Image.fromarray(grain(3)).save(folder / f"{name}.png")
    assert learnt(dataclasses.replace(options, pictures=(), styles=folder)).card.names == ("a", "b")


def test_a_credit_beside_the_picture_comes_on_the_card(options: StyleOptions) -> None:
    (options.out.parent / "credits.toml").write_text('[red]\nartist = "A. Painter"\nyear = "1901"\n')
    (style,) = learnt(options).card.styles
    assert (style.artist, style.year) == ("A. Painter", "1901")


def test_polish_goes_on_until_it_is_stopped_and_never_gets_worse(options: StyleOptions) -> None:
    before = learnt(options)
    stop = threading.Event()

    def until(steps: int, total: int | None, _vector: object) -> None:
        assert total is None
        if steps == 12:
            stop.set()

    after = learnt(dataclasses.replace(options, polish=True, steps=None), until, stop)
    assert after.card.names == ("red",)
    assert after.card.training["vectors"]["red"]["steps"] == 12
    assert after.card.figures["loss/red"] <= before.card.figures["loss/red"]
    with pytest.raises(BadValue, match="blue is none of them"):
        learnt(dataclasses.replace(options, polish=True, steps=None, pictures=(options.out.with_name("blue.png"),)))


def test_stopped_before_the_first_step_nothing_is_written(options: StyleOptions) -> None:
    stop = threading.Event()
    stop.set()
    told = Told(lambda line: None, lambda text: None, lambda *_: None)
    assert learn_styles(options, told, stop) is None
    assert not options.out.exists()


def test_stopped_in_the_first_picture_it_is_kept_and_the_second_is_left(options: StyleOptions) -> None:
    stop = threading.Event()
    both = dataclasses.replace(options, pictures=(*options.pictures, options.out.with_name("blue.png")))
    file = learnt(both, lambda *_: stop.set(), stop)
    assert file.card.names == ("red",)
    assert file.card.training["vectors"]["red"]["steps"] == 1


def test_what_another_run_wrote_meanwhile_is_kept(options: StyleOptions) -> None:
    blue = dataclasses.replace(options, pictures=(options.out.with_name("blue.png"),))

    def meanwhile(steps: int, *_: object) -> None:
        if steps == 1:
            learnt(blue)

    assert learnt(options, meanwhile).card.names == ("blue", "red")


def test_deep_makes_a_net_of_its_own(options: StyleOptions) -> None:
    file = learnt(dataclasses.replace(options, deep=True))
    assert net_checksum(file) != net_checksum(read_style_file(Path(options.net)))
    blue = dataclasses.replace(options, pictures=(options.out.with_name("blue.png"),))
    with pytest.raises(BadValue, match=r"another net than small\.onnx"):
        learnt(blue)
    with pytest.raises(BadValue, match="for one picture"):
        learnt(dataclasses.replace(blue, deep=True))


def test_deep_never_takes_the_place_of_other_styles(options: StyleOptions) -> None:
    learnt(dataclasses.replace(options, pictures=(*options.pictures, options.out.with_name("blue.png"))))
    with pytest.raises(BadValue, match="for one picture"):
        learnt(dataclasses.replace(options, deep=True, polish=True, steps=None))


def test_what_cannot_be_learnt_is_one_line(options: StyleOptions, tmp_path: Path) -> None:
    for name in ("empty", "folder.onnx"):
        (tmp_path / name).mkdir()
    with pytest.raises(BadValue, match="there is no picture in"):
        learnt(dataclasses.replace(options, pictures=(), styles=tmp_path / "empty"))
    with pytest.raises(BadValue, match="there is no picture; give one or more"):
        dataclasses.replace(options, pictures=())
    with pytest.raises(BadValue, match="several pictures are called red"):
        learnt(dataclasses.replace(options, styles=tmp_path))
    with pytest.raises(FileMissing, match=r"there is no folder .*nowhere to write mine"):
        learnt(dataclasses.replace(options, out=tmp_path / "nowhere" / "mine.onnx"))
    with pytest.raises(BadFile, match="is a folder"):
        learnt(dataclasses.replace(options, out=tmp_path / "folder.onnx"))
    with pytest.raises(BadValue, match=r"a style file is called \.onnx"):
        dataclasses.replace(options, out=tmp_path / "mine")
    with pytest.raises(BadValue, match=r"no readable picture in .*empty"):
        Learner(read_style_file(Path(options.net)), dataclasses.replace(options, content=(tmp_path / "empty",)), views)
    (tmp_path / "red.png").write_bytes(b"no picture")
    with pytest.raises(BadFile, match=r"red\.png is no readable picture"):
        learnt(options)
    assert not options.out.exists()


def test_the_command(options: StyleOptions) -> None:
    words = ["train", "style", str(options.pictures[0]), "--net", options.net, "--out", str(options.out)]
    few = ["--steps", "2", "--size", "64", "--stroke", "0.25", "--content", str(options.out.parent)]
    result = CliRunner().invoke(app, [*words, *few])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == f"{options.out}: red"
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 1
    assert "has red already" in again.stderr


def test_it_judges_by_the_same_views_whatever_joins(options: StyleOptions) -> None:
    """And learns on what joined: the same step has other losses than it had."""
    judged, perceptual = options.judged({}), load_perceptual("5se")
    came: list[np.ndarray] = []

    def arriving() -> list[np.ndarray]:
        found = list(came)
        came.clear()
        return found

    joined = StyleViews([Image.fromarray(view) for view in views()], judged, arriving)
    task = StyleTask.of(options.pictures[0], joined, perceptual, judged, torch.device("cpu"))
    net = trained_net(read_style_file(Path(options.net)))
    styled = StyledNet(net, net.styles[0], deep=False)
    before, of_photos = task.judge(styled), task.losses(styled, 1)["total"].item()
    came.append(grain(3, (255, 40, 20)))
    assert task.losses(styled, 1)["total"].item() != of_photos
    assert task.judge(styled) == before
    assert joined.joined == 1


def test_views_that_arrive_are_told_in_the_file(options: StyleOptions) -> None:
    told = Told(lambda line: None, lambda text: None, lambda *_: None)
    came = [[grain(1)], [], [grain(2), grain(3)]]
    file = learn_styles(options, told, threading.Event(), lambda: came.pop(0) if came else [])
    assert file is not None
    assert file.card.training["vectors"]["red"]["joined_views"] == 3
    alone = learnt(dataclasses.replace(options, out=options.out.with_name("other.onnx")))
    assert "joined_views" not in alone.card.training["vectors"]["red"]


def test_a_net_with_detail_paints_with_levelled_vectors() -> None:
    """Or a grid would lie on flat ground."""
    net = TransformNet(TransformConfig(widths=(4, 6), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3, detail=True))
    styled = StyledNet(net, torch.randn(net.styles.shape[1], generator=torch.Generator().manual_seed(0)), deep=False)
    by_colour = styled.vectors(2)[:, net.detail_style.scale_at].reshape(2, 3, 4)
    assert torch.allclose(by_colour, by_colour[:, :, :1].expand_as(by_colour), atol=1e-6)


def test_built_in_views_are_pictures_that_differ() -> None:
    found = built_in_views()
    assert all(view.dtype == np.uint8 and view.ndim == 3 and view.shape[2] == 3 for view in found)
    assert len({view.tobytes() for view in found}) == len(found) > 8


def test_the_pace_rises_falls_and_tells_how_long() -> None:
    pace = Pace(50.0, 100, endless=False)
    rates = [pace.rate(step, pace.share(step)) for step in range(100)]
    assert rates[0] < rates[7]
    assert rates[99] < 0.03 < rates[50] < rates[10]
    assert pace.total(3) == 100
    assert [pace.is_check(steps) for steps in (1, 16, 17, 18, 34)] == [False, False, True, False, True]
    endless = Pace(50.0, None, endless=True)
    assert endless.share(10_000) == 0
    assert endless.total(7) is None
    assert [steps for steps in range(1, 151) if endless.is_check(steps)] == [50, 100, 150]


def test_the_pace_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    pace = Pace(20.0, None, endless=False)
    now[0] = 105.0
    assert pace.share(50) == 0.25
    assert pace.total(50) == 200
    now[0] = 120.0
    assert pace.share(200) == 1.0
