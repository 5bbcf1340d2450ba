"""Strokes that grow from another texture than the style's own, wherever a style is named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from small_styles import write_small_style

from engines.errors import BadValue, ImpastoError
from engines.networks.transform.config import TransformConfig
from engines.style.fine_net import fine_net_of
from engines.style.styles import StyleFile, load_style
from realtime.files.image import stylize_images
from realtime.files.options import ImageOptions, VideoOptions
from realtime.files.video import stylize_video
from realtime.live.control.board import ControlBoard
from realtime.live.control.settings import LiveSettings
from realtime.live.look_book import LookBook
from realtime.painting.opening import choose_style
from realtime.painting.options import OWN, StylizeOptions
from realtime.painting.other_texture import with_texture
from realtime.painting.style_painter import open_style

TEXTURES = ("curls", "facets", "panes")
SEVERAL = TransformConfig(
    widths=(4, 6), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3, seed_amplitude=0.05, textures=TEXTURES
)


@pytest.fixture
def several(tmp_path: Path) -> StyleFile:
    return load_style(str(write_small_style(tmp_path / "several.onnx", config=SEVERAL).path))


def shared(file: StyleFile, *shares: float) -> np.ndarray:
    """A style vector of the file that takes these shares of its textures."""
    vector = file.card.styles[0].vector.copy()
    vector[SEVERAL.shares_at] = shares
    return vector


def test_it_takes_the_place_of_all_and_is_as_strong(several: StyleFile) -> None:
    own = shared(several, 0.6, 0.0, -0.8)
    changed = with_texture(several, own, "facets")
    assert changed[SEVERAL.shares_at].tolist() == pytest.approx([0, 1, 0])
    np.testing.assert_array_equal(changed[: -len(TEXTURES)], own[: -len(TEXTURES)])
    assert own[SEVERAL.shares_at].tolist() == pytest.approx([0.6, 0, -0.8])
    assert with_texture(several, own, OWN) is own


def test_one_that_the_net_has_not_is_refused_with_those_that_it_has(several: StyleFile, small_style: Path) -> None:
    with pytest.raises(
        BadValue, match=r"several\.onnx has no texture 'dabs'; choose own or one of curls, facets, panes"
    ):
        with_texture(several, several.card.styles[0].vector, "dabs")
    one = load_style(str(small_style))
    with pytest.raises(BadValue, match=r"has no textures to choose from, so none is dabs; leave the texture out"):
        with_texture(one, one.card.styles[0].vector, "dabs")


@pytest.mark.parametrize("mix", [None, "waves=0.5,night=0.5"])
def test_files_are_painted_with_it(several: StyleFile, mix: str | None) -> None:
    own, panes = (
        choose_style(StylizeOptions(style=str(several.path), mix=mix, texture=texture))[1] for texture in (OWN, "panes")
    )
    np.testing.assert_array_equal(panes, with_texture(several, own, "panes"))
    assert not np.array_equal(panes, own)


@pytest.fixture
def beside_a_fine_net(several: StyleFile) -> StyleFile:
    """A style file whose fine net has one texture of the three less."""
    fewer = replace(SEVERAL, textures=("curls", "facets"))
    write_small_style(several.path.with_name("several.fine.onnx"), config=fewer)
    return several


def test_a_fine_net_without_it_leaves_the_painting_to_the_other(beside_a_fine_net: StyleFile) -> None:
    own = beside_a_fine_net
    for texture, painted_by in (("facets", "several.fine.onnx"), ("panes", "several.onnx")):
        options = StylizeOptions(style=str(own.path), texture=texture)
        assert choose_style(options, patient=True)[0].path.name == painted_by
    with pytest.raises(BadValue, match=r"several\.fine\.onnx has no texture 'panes'; choose --net auto or fast"):
        choose_style(StylizeOptions(style=str(own.path), texture="panes", net="fine"))


def test_live_too(beside_a_fine_net: StyleFile) -> None:
    lines: list[str] = []
    book = LookBook(lines.append, lambda names: None, fine_net_of)
    for texture, painted_by in (("facets", "several.fine.onnx"), ("panes", "several.onnx")):
        assert book.look(LiveSettings(style=str(beside_a_fine_net.path), texture=texture)).file.path.name == painted_by
    assert lines == ["several.fine.onnx has no texture 'panes': several.onnx paints it"]


def test_live_goes_through_those_of_the_net_that_paints(beside_a_fine_net: StyleFile, small_style: Path) -> None:
    book = LookBook(lambda line: None, lambda names: None, fine_net_of)
    board = ControlBoard(
        LiveSettings(style=str(beside_a_fine_net.path)),
        (),
        on_snapshot=str,
        on_quit=lambda: None,
        textures=book.textures,
    )

    def turned(value: str) -> str:
        texture = board.do("texture", value).texture
        book.look(board.settings)
        return texture

    book.look(board.settings)
    assert [turned("next") for _ in range(3)] == ["curls", "facets", OWN]  # as the fine net has them
    assert turned("panes") == "panes"  # which the other net paints
    assert [turned("next") for _ in range(2)] == [OWN, "curls"]
    board.do("style", f"{small_style}:waves")
    assert board.do("texture", "next").texture == "dabs"  # of all six: nobody has looked for its net yet
    book.look(board.settings)
    with pytest.raises(ImpastoError, match="the net that paints has no textures to choose from"):
        board.do("texture", "next")


def test_a_live_look_has_it(several: StyleFile) -> None:
    book = LookBook(lambda line: None, lambda names: None)
    look = book.look(LiveSettings(style=str(several.path), texture="facets"))
    np.testing.assert_array_equal(look.vector, with_texture(several, several.vector(several.default), "facets"))


def test_a_net_without_it_plays_on_with_its_own_and_says_so_once(small_style: Path) -> None:
    lines: list[str] = []
    book = LookBook(lines.append, lambda names: None)
    for style in ("waves", "night"):
        look = book.look(LiveSettings(style=f"{small_style}:{style}", texture="panes"))
        np.testing.assert_array_equal(look.vector, look.file.vector(style))
    assert len(lines) == 1
    assert lines[0].startswith("strokes are the style's own: ")
    book.look(LiveSettings(style=f"{small_style}:waves", texture="dabs"))
    assert len(lines) == 2


@pytest.mark.parametrize(("texture", "told"), [("panes", "panes"), (OWN, None)])
def test_reports_tell_which_one_painted(
    several: StyleFile, make_clip: Callable[[int], Path], tmp_path: Path, texture: str, told: str | None
) -> None:
    asked: dict[str, Any] = {"style": str(several.path), "texture": texture, "engine": "onnxruntime"}
    film = stylize_video(str(make_clip(2)), tmp_path / "painted.mkv", VideoOptions(**asked))
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((48, 64, 3), 128, np.uint8))
    picture = stylize_images([tmp_path / "photo.png"], tmp_path / "painted.png", ImageOptions(**asked))
    assert [report.as_dict()["texture"] for report in (film, picture)] == [told, told]


def test_the_library_paints_with_it(several: StyleFile) -> None:
    """A net of chance; its strokes are others all the same."""
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    paintings = []
    for texture in (OWN, "panes"):
        with open_style(str(several.path), height=48, width=64, texture=texture, engine="onnxruntime") as painter:
            paintings += [painter(picture), painter(picture, style="night")]
    own, own_night, panes, panes_night = paintings
    assert not np.array_equal(own, panes)
    assert not np.array_equal(own_night, panes_night)
