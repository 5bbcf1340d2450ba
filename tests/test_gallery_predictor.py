"""The bundled predictor: it is the gallery's own, reads any picture in no time, and needs no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from engines.loading.further_graphs import open_statistics
from engines.style.picture_name import PREDICTOR, picture_in
from engines.style.predictor import predictor_path, read_predictor
from engines.style.styles import list_gallery, load_style
from realtime.commands.all_commands import app
from realtime.painting.picture_style import resolve

MOST_BYTES = 3 * 2**19


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    strokes = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(strokes).resize((320, 240)).save(tmp_path / "my painting.JPG", quality=95)
    return tmp_path / "my painting.JPG"


def test_it_is_of_the_net_in_the_gallery_and_small() -> None:
    gallery = load_style("gallery")
    model = read_predictor(gallery)
    assert [value.name for value in model.graph.input] == ["frame"]
    assert predictor_path(gallery).stat().st_size < MOST_BYTES


def test_it_is_no_style_file_itself() -> None:
    assert not [file for file in list_gallery() if file.path.name.endswith(PREDICTOR)]


def test_a_picture_alone_is_a_style_of_the_gallery(painting: Path) -> None:
    file, name = resolve(str(painting))
    assert (file.card.name, name) == ("gallery", "my painting")
    vectors = np.stack([style.vector for style in file.card.styles])
    away = np.abs(vectors - file.vector(name)).mean(1)
    assert file.vector(name).shape == vectors[0].shape
    assert 1e-3 < away.min() < 5 * np.abs(vectors - vectors.mean(0)).mean()


def test_a_picture_that_is_called_like_a_style_leaves_it_alone(painting: Path) -> None:
    udnie = painting.with_name("udnie.jpg")
    painting.rename(udnie)
    file, name = resolve(str(udnie))
    assert name == "udnie.jpg"
    assert np.array_equal(file.vector("udnie"), load_style("gallery").vector("udnie"))
    assert not np.array_equal(file.vector("udnie"), file.vector(name))


def test_colons_in_paths_part_no_picture_from_its_folder(painting: Path) -> None:
    odd = painting.with_name("at 12:30.jpg")
    painting.rename(odd)
    assert resolve(str(odd))[1] == "at 12:30"
    assert picture_in("C:\\pictures\\a.jpg") == ("gallery", Path("C:\\pictures\\a.jpg"))


def test_what_it_tells_depends_on_the_picture_and_hardly_on_its_size() -> None:
    read = open_statistics(load_style("gallery"))
    rng = np.random.default_rng(6)
    pictures = [
        np.asarray(Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((512, 384)))
        for _ in range(2)
    ]
    first, second = (read(picture) for picture in pictures)
    cropped = read(np.ascontiguousarray(pictures[0][:, :480]))
    assert np.abs(first - second).mean() > 3 * np.abs(first - cropped).mean()


def test_it_paints_and_mixes(painting: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 96, 3), 120, np.uint8)).save(tmp_path / "in.png")
    painted: list[np.ndarray] = []
    for words in (["--style", str(painting)], ["--mix", f"{painting}=0.5,udnie=0.5"], ["--style", "udnie"]):
        out = tmp_path / f"{len(painted)}.png"
        result = CliRunner().invoke(app, ["image", str(tmp_path / "in.png"), str(out), "--precision", "fp32", *words])
        assert result.exit_code == 0, result.output
        with Image.open(out) as picture:
            painted.append(np.asarray(picture).astype(np.int16))
    assert np.abs(painted[0] - painted[2]).mean() > 5
    assert np.abs(painted[1] - painted[2]).mean() < np.abs(painted[0] - painted[2]).mean()


def test_a_picture_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 96, 3), 120, np.uint8)).save(tmp_path / "in.png")
    words = ["image", str(tmp_path / "in.png"), str(tmp_path / "out.png"), "--style", str(tmp_path / "none.jpg")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert "none.jpg" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_no_torch_is_loaded_for_it(painting: Path) -> None:
    program = (
        "import sys; from realtime.painting.picture_style import resolve; resolve(sys.argv[1]);"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(painting)], check=True, cwd=Path(__file__).parents[1])
