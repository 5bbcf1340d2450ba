"""Training pictures: what is found, what is skipped, and that a sample depends on its number alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engines.errors import BadFile
from engines.style.picture_name import PICTURES
from realtime.media.picture_file import PICTURE_SUFFIXES
from trainers.data import (
    CropOptions,
    Crops,
    batches,
    evenly,
    find_pictures,
    misexposed,
    open_picture,
    random_crop,
    readable_pictures,
    style_picture,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(3):
        array = rng.integers(0, 256, (40 + number, 60, 3), dtype=np.uint8)
        Image.fromarray(array).save(tmp_path / f"{number}.png")
    (tmp_path / "below").mkdir()
    Image.fromarray(rng.integers(0, 256, (50, 50), dtype=np.uint8)).save(tmp_path / "below" / "grey.jpg")
    Image.fromarray(rng.integers(0, 256, (50, 50, 4), dtype=np.uint8)).save(tmp_path / "alpha.PNG")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    (tmp_path / "cut.png").write_bytes((tmp_path / "0.png").read_bytes()[:900])
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_pictures_are_found_and_damaged_ones_counted(folder: Path) -> None:
    good, bad = readable_pictures(find_pictures([folder]))
    assert [path.name for path in bad] == ["broken.jpg", "cut.png"]
    assert len(good) == 5
    assert all(open_picture(path).mode == "RGB" for path in good)


def test_the_sheets_of_runs_are_no_pictures(folder: Path) -> None:
    samples = folder / "mine.run" / "samples"
    samples.mkdir(parents=True)
    (samples / "step_000500.png").write_bytes((folder / "0.png").read_bytes())
    assert not [path for path in find_pictures([folder]) if path.name.startswith("step")]
    assert find_pictures([samples]) == [samples / "step_000500.png"]  # where they are asked for by name


@pytest.mark.parametrize(("count", "wanted"), [(3, [0, 1, 2]), (4, [0, 1, 2, 3]), (7, [0, 2, 4, 6]), (8, [1, 3, 5, 7])])
def test_some_of_many_are_spread_over_all_of_them(count: int, wanted: list[int]) -> None:
    assert evenly(range(count), 4) == wanted
    assert evenly(range(47), 24)[-1] == 46
    assert evenly([], 4) == []


def test_whatever_a_decoder_raises_the_file_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoders raise errors of every kind; that of AVIF has RuntimeErrors."""
    with pytest.raises(BadFile, match=r"cut\.png is no readable picture: .*truncated"):
        open_picture(folder / "cut.png")
    with pytest.raises(FileNotFoundError):
        open_picture(folder / "none.png")

    def decode(*_: object, **__: object) -> None:
        raise RuntimeError("Failed to decode image: Invalid ftyp")

    monkeypatch.setattr(Image, "open", decode)
    with pytest.raises(BadFile, match=r"0\.png is no readable picture: RuntimeError: Failed to decode image"):
        open_picture(folder / "0.png")
    assert readable_pictures([folder / "0.png"]) == ([], [folder / "0.png"])


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_pictures([tmp_path / "nowhere"])


def test_a_sample_depends_on_its_number_alone(folder: Path) -> None:
    paths, _ = readable_pictures(find_pictures([folder]))
    crops = Crops(paths, CropOptions(sizes=(24,)), seed=5, length=100)
    one = list(batches(crops, 2, start=0, stop=6, workers=0))
    rest = list(batches(crops, 2, start=4, stop=6, workers=2))
    torch.testing.assert_close(one[4:], rest, rtol=0, atol=0)
    both = [list(batches(crops, 1, start=0, stop=6, rank=r, processes=2, workers=0)) for r in range(2)]
    shared = [torch.cat(pair) for pair in zip(*both, strict=True)]
    torch.testing.assert_close(one, shared, rtol=0, atol=0)
    assert not torch.equal(one[0], one[1])
    assert one[0].shape == (2, 3, 24, 24)
    assert 0 <= one[0].min() <= one[0].max() <= 1


def test_a_step_has_one_of_the_sizes_in_all_processes(folder: Path) -> None:
    paths, _ = readable_pictures(find_pictures([folder]))
    crops = Crops(paths, CropOptions(sizes=(16, 24, 32)), seed=5, length=100)
    shapes = [batch.shape for batch in batches(crops, 2, start=0, stop=20, workers=0)]
    assert {shape[-1] for shape in shapes} == {16, 24, 32}
    other = [batch.shape for batch in batches(crops, 2, start=0, stop=20, rank=1, processes=2, workers=0)]
    assert shapes == other


def test_every_picture_comes_once_a_round(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, _ = readable_pictures(find_pictures([folder]))
    seen: list[Path] = []

    def opened(path: Path) -> Image.Image:
        seen.append(path)
        return open_picture(path)

    monkeypatch.setattr("trainers.data.open_picture", opened)
    crops = Crops(paths, CropOptions(sizes=(16,)), seed=1, length=10)
    for number in range(10):
        crops[number, 16]
    assert sorted(seen[:5]) == sorted(seen[5:]) == sorted(paths)
    assert seen[:5] != seen[5:]


def test_misexposed_photos_have_less_or_more_light(folder: Path) -> None:
    """In light, not in the numbers of the file; none of them where none are wanted."""
    assert misexposed(torch.full((3, 1, 1), 0.8), -1.0).flatten().tolist() == pytest.approx(
        [(0.8**2.2 / 2) ** (1 / 2.2)] * 3
    )
    assert misexposed(torch.tensor([0.0, 0.9, 1.0]), 1.0).tolist() == [0.0, 1.0, 1.0]
    paths, _ = readable_pictures(find_pictures([folder]))
    plain, other = (Crops(paths, CropOptions((24,), misexposed=share), seed=5, length=60) for share in (0.0, 1.0))
    stops = [float(((other.crop(n, 24).mean() + 1e-6) / (plain.crop(n, 24).mean() + 1e-6)).log2()) for n in range(60)]
    darker = sum(change < 0 for change in stops)
    assert 30 < darker < 50
    assert darker + sum(change > 0 for change in stops) == 60


def test_the_long_side_of_a_style_picture_is_set(folder: Path) -> None:
    assert style_picture(folder / "2.png", 120).shape == (1, 3, 84, 120)
    assert style_picture(folder / "2.png", 80).shape == (1, 3, 64, 80)  # loss networks need that much


def test_the_smallest_scale_fits_every_size() -> None:
    options = CropOptions(max_scale=1.0)
    for width in range(193, 400, 3):
        random_crop(Image.new("RGB", (width, 431 - width % 7)), 192, options, np.random.default_rng(width))
    with pytest.raises(ValueError, match=r"max_scale is 0\.5"):
        CropOptions(max_scale=0.5)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_a_picture_lies_on_white_where_it_is_transparent(tmp_path: Path, mode: str) -> None:
    """Whatever colour it hides there; a mask asks for black."""
    picture = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    picture.paste((200, 200, 200, 255), (0, 0, 2, 2))
    if mode == "RGB":
        picture.convert("RGB").save(tmp_path / "hole.png", transparency=(0, 0, 0))
    else:
        picture.convert(mode).save(tmp_path / "hole.png")
    assert np.asarray(open_picture(tmp_path / "hole.png"))[0, :, 1].tolist() == [200, 200, 255, 255]
    assert np.asarray(open_picture(tmp_path / "hole.png", under="black"))[0, :, 1].tolist() == [200, 200, 0, 0]


def test_a_picture_of_16_bits_keeps_its_greys(tmp_path: Path) -> None:
    """Pillow alone would make all of it white."""
    greys = np.linspace(0, 65_535, 64 * 80).reshape(64, 80)
    Image.fromarray(greys.astype(np.uint16)).save(tmp_path / "deep.png")
    found = np.asarray(open_picture(tmp_path / "deep.png"))
    assert found.shape == (64, 80, 3)
    assert np.abs(found[:, :, 0] - greys / 257).max() <= 1


def test_floats_are_from_0_to_1(tmp_path: Path) -> None:
    values = np.array([[0.0, 0.5, 1.0, 1.5, np.nan]], np.float32)
    Image.fromarray(values).save(tmp_path / "float.tif")
    assert np.asarray(open_picture(tmp_path / "float.tif"))[0, :, 0].tolist() == [0, 128, 255, 255, 0]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_that_is_damaged_meanwhile_is_told_in_a_line(folder: Path, workers: int) -> None:
    paths, _ = readable_pictures(find_pictures([folder]))
    crops = Crops(paths, CropOptions((16,)), seed=1, length=40)
    for path in paths:
        path.write_bytes(b"")
    told = r"is no readable picture.*it was whole when the run began: bring it back, then --resume"
    with pytest.raises(BadFile, match=told) as caught:
        list(batches(crops, 2, start=0, stop=20, workers=workers))
    assert "Traceback" not in str(caught.value)


def test_pictures_that_can_be_styles_can_be_learnt_from(tmp_path: Path) -> None:
    for suffix in PICTURES:
        Image.new("RGB", (8, 8)).save(tmp_path / f"a{suffix}")
    assert {path.suffix for path in find_pictures([tmp_path])} == set(PICTURES) == PICTURE_SUFFIXES
