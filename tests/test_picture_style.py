"""`--style FILE:PICTURE.jpg`: any picture is a style, where the net takes its statistics; elsewhere one clear line."""

import json
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from clips import write_clip
from PIL import Image
from small_styles import random_frame, write_small_style
from small_vae import random_vae, write_vae_style
from typer.testing import CliRunner

from engines.errors import BadFile, BadValue, FileMissing, UnknownStyle
from engines.style.picture_name import picture_in
from engines.style.styles import StyleFile
from realtime.commands.all_commands import app
from realtime.live.control.settings import LiveSettings, apply_command, beside, own_name
from realtime.live.look_book import LookBook
from realtime.painting import picture_style
from realtime.painting.opening import choose_style
from realtime.painting.options import StylizeOptions
from realtime.painting.picture_style import kept_vector, resolve


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a style file and two pictures, the first of which is as large as statistics are taken at."""
    folder = tmp_path_factory.mktemp("styles")
    write_vae_style(folder / "vae.onnx", random_vae("styled", styles=2))
    for name, size in (("sea.v2.png", (384, 512)), ("wood.jpg", (90, 160))):
        Image.fromarray(random_frame(*size)).save(folder / name)
    return folder


def vector_of(text: str) -> np.ndarray:
    file, name = resolve(text)
    return file.vector(name)


def test_a_picture_is_a_style_called_by_its_stem(folder: Path) -> None:
    file, name = resolve(f"{folder}/vae.onnx:{folder}/sea.v2.png")
    assert (name, file.card.names) == ("sea.v2", ("style0", "style1"))
    net = random_vae("styled", styles=2).half().float()
    picture = torch.tensor(np.array(Image.open(folder / "sea.v2.png"))).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        wanted = net.statistics(picture)[0].numpy()
    np.testing.assert_allclose(file.vector(name), wanted, atol=1e-4)
    assert np.abs(file.vector(name) - vector_of(f"{folder}/vae.onnx:{folder}/wood.jpg")).max() > 1e-3
    np.testing.assert_array_equal(vector_of(f"{folder}/vae.onnx:style1"), file.vector("style1"))


def test_a_transparent_picture_is_read_as_it_looks_on_paper(folder: Path, tmp_path: Path) -> None:
    """And not with the colours that it hides."""
    rgb = random_frame(64, 96)
    alpha = np.zeros((64, 96, 1), np.uint8)
    alpha[:, :48] = 255
    Image.fromarray(np.concatenate([rgb, alpha], axis=2)).save(tmp_path / "hole.png")
    rgb[:, 48:] = 255
    Image.fromarray(rgb).save(tmp_path / "paper.png")
    hole, paper = (vector_of(f"{folder}/vae.onnx:{tmp_path}/{name}.png") for name in ("hole", "paper"))
    np.testing.assert_allclose(hole, paper, atol=1e-5)


def test_a_picture_that_was_changed_is_read_again(folder: Path, tmp_path: Path) -> None:
    text, path = f"{folder}/vae.onnx:{tmp_path}/x.png", tmp_path / "x.png"
    Image.fromarray(random_frame(90, 160, 1)).save(path)
    before = vector_of(text)
    Image.fromarray(random_frame(90, 160, 1) // 2).save(path)
    os.utime(path, ns=(1, 1))
    assert np.abs(vector_of(text) - before).max() > 1e-3


def test_pictures_and_names_are_mixed(folder: Path) -> None:
    file, wood = f"{folder}/vae.onnx", f"{folder}/wood.jpg"
    mix = f"{file}:{wood}=0.25,style1=0.75"
    _, vector = choose_style(StylizeOptions(style=file, mix=mix))
    wanted = 0.25 * vector_of(f"{file}:{wood}") + 0.75 * vector_of(f"{file}:style1")
    np.testing.assert_allclose(vector, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("vae.onnx:a/b.jpg", ("vae.onnx", "a/b.jpg")), ("x:y/vae.onnx:c:/b.PNG", ("x:y/vae.onnx", "c:/b.PNG")),
        ("gallery:b.webp", ("gallery", "b.webp")), ("vae.onnx:udnie", None), ("vae.onnx", None),
        ("b.jpg", ("gallery", "b.jpg")), (":b.jpg", None),
    ],
)  # fmt: skip
def test_where_a_picture_is_named(text: str, found: tuple[str, str] | None) -> None:
    assert picture_in(text) == (None if found is None else (found[0], Path(found[1])))


def test_a_style_of_the_file_comes_before_a_picture(folder: Path, tmp_path: Path) -> None:
    style = write_small_style(tmp_path / "odd.onnx", names=("night.png", "day"))
    assert resolve(f"{style.path}:night.png")[1] == "night.png"


def test_mistakes_are_one_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    plain = write_vae_style(tmp_path / "plain.onnx", random_vae("plain"))
    small = write_small_style(tmp_path / "small.onnx")
    wrong: list[tuple[str, type[Exception], str]] = [
        (f"{folder}/vae.onnx:{tmp_path}/none.jpg", FileMissing, r"none\.jpg"),
        (f"{folder}/vae.onnx:{tmp_path}/broken.jpg", BadFile, r"broken\.jpg is not a picture"),
        (f"{folder}/vae.onnx:nobody", UnknownStyle, "nobody"),
        (
            f"{plain.path}:{folder}/wood.jpg",
            BadValue,
            r"plain\.onnx \(vae\) takes no pictures.*style0.*train",
        ),
        (f"{small.path}:{folder}/wood.jpg", BadValue, r"small\.onnx \(transform\) takes no pictures.*waves, night"),
    ]
    for text, kind, says in wrong:
        with pytest.raises(kind, match=says) as caught:
            resolve(text)
        assert "\n" not in str(caught.value)


# --- in the commands, and while it runs


def video(folder: Path) -> list[str]:
    return ["video", str(write_clip(folder / "in.mp4")), str(folder / "out.mp4")]


def image(folder: Path) -> list[str]:
    Image.fromarray(random_frame(48, 64)).save(folder / "in.png")
    return ["image", str(folder / "in.png"), str(folder / "out.png")]


def live(folder: Path) -> list[str]:
    return ["live", "pattern:64x48@25", "--to", "null:", "--frames", "4", "--no-control"]


@pytest.mark.parametrize("command", [video, image, live], ids=lambda command: str(command.__name__))
def test_a_command_takes_a_picture(folder: Path, tmp_path: Path, command: Callable[[Path], list[str]]) -> None:
    style = ["--style", f"{folder}/vae.onnx:{folder}/wood.jpg", "--engine", "openvino", "--precision", "fp32"]
    result = CliRunner().invoke(app, [*command(tmp_path), *style, "--json"])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)


NAMES = ("night", "day")


def test_keys_lead_from_a_picture_to_the_styles_of_its_file() -> None:
    settings = LiveSettings(style="vae.onnx:wood.jpg")
    assert own_name(settings.style, NAMES) == "wood"
    assert beside(settings.style, "day", NAMES) == "vae.onnx:day"
    assert apply_command(settings, "next", None, NAMES).style == "vae.onnx:night"
    assert apply_command(settings, "previous", None, NAMES).style == "vae.onnx:day"


def test_a_live_look_glides_from_a_picture_to_another(folder: Path) -> None:
    file, told = f"{folder}/vae.onnx", list[str]()
    book = LookBook(told.append, lambda names: None)
    first = book.look(LiveSettings(style=f"{file}:{folder}/wood.jpg"))
    mix = LiveSettings(style=f"{file}:{folder}/wood.jpg", mix_with=f"{file}:{folder}/sea.v2.png", mix=0.5)
    second = book.look(mix)
    ends = [vector_of(f"{file}:{folder}/{name}") for name in ("wood.jpg", "sea.v2.png")]
    np.testing.assert_allclose(first.vector, ends[0], atol=1e-6)
    np.testing.assert_allclose(second.vector, (ends[0] + ends[1]) / 2, atol=1e-6)
    assert first.file.sha256 == second.file.sha256
    assert not told
    assert isinstance(first.file, StyleFile)


# --- kept on disk


Read = Callable[[], np.ndarray]


def keep(read: Read, picture: bytes = b"picture", reader: str = "reader", size: int = 3) -> list[float]:
    return [float(value) for value in kept_vector(picture, reader, size, read)]


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Reads 1, 2, 3, … times three, one more each time that it is asked."""
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path))
    numbers = count(1)
    return lambda: np.full(3, next(numbers), np.float32)


def test_a_vector_is_read_once_for_each_picture_and_reader(counted: Read) -> None:
    assert [keep(counted), keep(counted)] == [[1, 1, 1]] * 2
    assert keep(counted, picture=b"another") == [2, 2, 2]
    assert keep(counted, reader="another") == [3, 3, 3]
    assert keep(counted) == [1, 1, 1]


@pytest.mark.parametrize("content", [b"", b"12345", np.full(3, np.nan, "<f4").tobytes(), np.zeros(2, "<f4").tobytes()])
def test_a_damaged_vector_is_read_anew(counted: Read, tmp_path: Path, content: bytes) -> None:
    keep(counted)
    (path,) = (tmp_path / "vectors").iterdir()
    path.write_bytes(content)
    assert keep(counted) == [2, 2, 2]
    assert keep(counted) == [2, 2, 2]


def test_where_nothing_can_be_kept_it_is_read_every_time(counted: Read, tmp_path: Path) -> None:
    (tmp_path / "vectors").write_text("no folder")
    assert [keep(counted), keep(counted)] == [[1, 1, 1], [2, 2, 2]]


def test_the_oldest_go(counted: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_style, "MOST_KEPT", 2)
    for age, picture in enumerate((b"first", b"second", b"third")):
        keep(counted, picture=picture)
        newest = max((tmp_path / "vectors").iterdir(), key=lambda path: path.stat().st_mtime)
        os.utime(newest, (1000 + age, 1000 + age))
    assert len(list((tmp_path / "vectors").iterdir())) == 2
    assert keep(counted, picture=b"third") == [3, 3, 3]
    assert keep(counted, picture=b"first") == [4, 4, 4]


def test_what_a_killed_writer_left_goes(counted: Read, tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    folder.mkdir()
    left, being_written = folder / ".a.vector.123.part", folder / ".b.vector.124.part"
    for path in (left, being_written):
        path.touch()
    os.utime(left, (1000, 1000))
    keep(counted)
    assert (left.exists(), being_written.exists()) == (False, True)


def test_another_start_reads_no_picture(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path))
    before = vector_of(f"{folder}/vae.onnx:{folder}/wood.jpg")
    picture_style._vector.cache_clear()
    before = vector_of(f"{folder}/vae.onnx:{folder}/wood.jpg")
    picture_style._vector.cache_clear()
    monkeypatch.setattr(picture_style, "open_statistics", lambda file: pytest.fail("it was read again"))
    np.testing.assert_array_equal(vector_of(f"{folder}/vae.onnx:{folder}/wood.jpg"), before)
