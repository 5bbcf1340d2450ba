"""What is drawn on the picture for the person at the window, at every size, and what their keys do."""

from collections.abc import Callable

import numpy as np
import pytest
from small_styles import random_frame

from realtime.frames.frame import Pixels
from realtime.live.control.board import ControlBoard
from realtime.live.control.commands import BY_NAME, COMMANDS
from realtime.live.control.settings import LiveSettings
from realtime.live.window import overlay
from realtime.live.window.lettering import fitted, width_of
from realtime.live.window.overlay import OverlayFigures
from realtime.live.window.viewer import FADE_SECONDS, TOAST_SECONDS, BoardViewer

SIZES = [(160, 90), (64, 48), (16, 16), (640, 360), (360, 640), (1280, 720), (3840, 2160)]
LONG = "camera:0 is gone; waiting for it to return, which may take as long as it takes: Ä → 日本 " * 4
FIGURES = OverlayFigures(
    painted_fps=27.4, captured_fps=30.02, latency_p50_ms=61.3, latency_p95_ms=88.0, net_ms=3.14159,
    size=(640, 360), engine="OpenVINO bf16 on a processor with a long name", dropped=12,
)  # fmt: skip
DRAWINGS: dict[str, Callable[[Pixels], Pixels]] = {
    "help": overlay.draw_help,
    "statistics": lambda pixels: overlay.draw_statistics(pixels, FIGURES),
    "notice": lambda pixels: overlay.draw_notice(pixels, LONG),
    "toast": lambda pixels: overlay.draw_toast(pixels, "style: night"),
    "fading": lambda pixels: overlay.draw_toast(pixels, LONG, 0.3),
    "recording": overlay.draw_recording,
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", DRAWINGS)
def test_a_new_picture_of_the_same_size(name: str, size: tuple[int, int]) -> None:
    picture = random_frame(size[1], size[0])
    before = picture.copy()
    drawn = DRAWINGS[name](picture)
    assert drawn is not picture
    assert drawn.shape == picture.shape
    assert drawn.dtype == np.uint8
    assert drawn.flags.c_contiguous
    assert (picture == before).all()
    assert (drawn != before).any() or size == (16, 16)  # where no letter has room


@pytest.mark.parametrize("brightness", [0, 128, 255])
@pytest.mark.parametrize("size", [(320, 180), (1280, 720), (360, 640)], ids=str)
def test_text_stands_out_from_any_picture(brightness: int, size: tuple[int, int]) -> None:
    picture = np.full((size[1], size[0], 3), brightness, np.uint8)
    drawn = overlay.draw_notice(picture, "camera:0 is gone").astype(int)
    changed = drawn[np.abs(drawn - brightness).max(axis=2) > 0]
    assert changed.max() - changed.min() > 140


@pytest.mark.parametrize("size", [(160, 90), (360, 640), (640, 360), (1920, 1080)], ids=str)
def test_the_help_keeps_off_the_edges(size: tuple[int, int]) -> None:
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    rows, columns = np.nonzero((overlay.draw_help(picture) != 90).any(axis=2))
    assert columns.min() >= 0
    assert size[0] > columns.max() - columns.min() > size[0] * 0.4
    assert rows.max() - rows.min() < size[1]
    assert abs((rows.min() + rows.max()) / 2 - size[1] / 2) <= 2


def test_the_rest_of_the_picture_is_left_alone() -> None:
    picture = random_frame(360, 640)
    assert (overlay.draw_statistics(picture, FIGURES)[200:] == picture[200:]).all()
    assert (overlay.draw_notice(picture, "gone")[:300] == picture[:300]).all()
    assert (overlay.draw_recording(picture)[:, :560] == picture[:, :560]).all()


def test_keys_as_they_are_printed() -> None:
    printed = {command.name: overlay.keys_of(command) for command in COMMANDS}
    assert printed["style"] == "1–9"
    assert printed["next"] == "n →"
    assert printed["strength"] == "- +"
    assert printed["fullscreen"] == "f F11"
    assert printed["freeze"] == "Space"
    assert printed["quit"] == "q Esc"
    assert printed["status"] == ""


def test_figures_as_they_are_printed() -> None:
    rows = dict(overlay.statistics_rows(FIGURES))
    assert rows["painted"] == "27.4 fps of 30.0"
    assert rows["latency"] == "61 ms, p95 88 ms"
    assert rows["net"] == "3.1 ms at 640×360"
    unknown = dict(overlay.statistics_rows(OverlayFigures(painted_fps=0, captured_fps=0)))
    assert unknown["net"] == "– ms at –"


def test_a_long_text_is_cut_where_it_fits() -> None:
    cut = fitted(LONG, 16, 200)
    assert cut.endswith("…")
    assert 150 < width_of(cut, 16) <= 200
    assert fitted("short", 16, 200) == "short"
    assert fitted("no room at all", 16, 2) == ""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def a_viewer(clock: Clock | None = None) -> tuple[BoardViewer, ControlBoard, list[str]]:
    quits: list[str] = []
    board = ControlBoard(
        LiveSettings(style="waves"),
        ("waves", "night"),
        on_snapshot=lambda: "picture.png",
        on_quit=lambda: quits.append("quit"),
    )
    return (BoardViewer(board, lambda: FIGURES, clock) if clock else BoardViewer(board, lambda: FIGURES)), board, quits


def test_keys_reach_the_board_and_others_are_let_pass() -> None:
    viewer, board, _ = a_viewer()
    for key in ("2", "c", "z", "f5"):
        viewer.press(key)
    assert (board.settings.style, board.settings.keep_colour) == ("night", 1.0)


def hold(viewer: BoardViewer, clock: Clock, key: str, times: int = 30) -> None:
    """As a window system repeats it, 25 times a second."""
    for _ in range(times):
        viewer.press(key)
        clock.now += 0.04


@pytest.mark.parametrize(("key", "setting"), [("space", "frozen"), ("r", "recording"), ("f", "fullscreen")])
def test_a_switch_that_is_held_down_is_turned_over_once(key: str, setting: str) -> None:
    clock = Clock()
    viewer, board, _ = a_viewer(clock)
    hold(viewer, clock, key)
    assert getattr(board.settings, setting) is True
    clock.now += 0.1
    viewer.press(key)
    assert getattr(board.settings, setting) is False


def test_a_held_key_saves_one_picture_however_long_that_takes() -> None:
    clock = Clock()
    saved: list[str] = []

    def save() -> str:
        clock.now += 0.5
        saved.append("picture.png")
        return saved[-1]

    board = ControlBoard(LiveSettings(), (), on_snapshot=save, on_quit=lambda: None)
    hold(BoardViewer(board, lambda: FIGURES, clock), clock, "s")
    assert len(saved) == 1


def test_steps_go_on_while_their_key_is_held_down() -> None:
    clock = Clock()
    viewer, board, _ = a_viewer(clock)
    hold(viewer, clock, "-", 5)
    assert board.settings.strength == 0.5
    hold(viewer, clock, "n", 3)
    assert board.settings.style == "night"


def test_a_mistake_is_shown() -> None:
    viewer, board, _ = a_viewer()
    viewer.press("7")
    assert board.said.text.startswith("there is no style 7")


def test_escape_leaves_what_was_entered_before_it_quits() -> None:
    viewer, board, quits = a_viewer()
    viewer.press("f")
    viewer.press("h")
    assert viewer.fullscreen
    viewer.press("escape")
    assert not board.settings.show_help
    assert viewer.fullscreen
    viewer.press("escape")
    assert not viewer.fullscreen
    assert not quits
    viewer.press("escape")
    viewer.leave()
    assert quits == ["quit", "quit"]


def test_nothing_asked_for_costs_nothing() -> None:
    viewer, _, _ = a_viewer()
    picture = random_frame(90, 160)
    assert viewer.decorate(picture) is picture


@pytest.mark.parametrize("command", ["help", "statistics", "record"])
def test_what_is_asked_for_is_drawn(command: str) -> None:
    clock = Clock()
    viewer, board, _ = a_viewer(clock)
    board.do(command, True)
    clock.now = board.said.at + TOAST_SECONDS + FADE_SECONDS
    picture = random_frame(360, 640)
    assert (viewer.decorate(picture) != picture).any()
    board.do(BY_NAME[command].name, False)
    clock.now = board.said.at + TOAST_SECONDS + FADE_SECONDS
    assert viewer.decorate(picture) is picture


def test_a_toast_fades() -> None:
    clock = Clock()
    viewer, board, _ = a_viewer(clock)
    viewer.press("n")
    picture = np.full((360, 640, 3), 255, np.uint8)
    darkest = []
    for seconds in (0.0, TOAST_SECONDS, TOAST_SECONDS + FADE_SECONDS / 2, TOAST_SECONDS + FADE_SECONDS):
        clock.now = board.said.at + seconds
        darkest.append(int(viewer.decorate(picture).min()))
    assert darkest[0] == darkest[1] < darkest[2] < darkest[3] == 255
