"""Which frames of a stream become views that a style is learnt on, and who is held up by that."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

import numpy as np
import pytest
from PIL import Image

from engines.errors import ImpastoError
from realtime.live.stream_views import APART_SECONDS, MOST_VIEWS, VIEW_PX, StreamViews, ViewChoice, view_of


def place(number: int) -> np.ndarray:
    """A picture like no other, uint8 [120, 160, 3]."""
    patches = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(patches).resize((160, 120)))


def noisy(pixels: np.ndarray, seed: int) -> np.ndarray:
    """As a still webcam shows it."""
    noise = np.random.default_rng(seed).normal(0, 4, pixels.shape)
    return (pixels + noise).clip(0, 255).astype(np.uint8)


def test_a_still_camera_gives_one_view() -> None:
    choice = ViewChoice()
    taken = [choice.takes(noisy(place(1), second), float(second)) for second in range(60)]
    assert taken == [True, *[False] * 59]


def test_a_still_camera_in_which_something_happens_gives_another() -> None:
    choice = ViewChoice()
    assert choice.takes(place(1), 0.0)
    moved = place(1).copy()
    moved[:, :50] = place(2)[:, :50]
    assert choice.takes(moved, 10.0)
    assert not choice.takes(place(1), 20.0)


def test_views_are_some_seconds_apart() -> None:
    choice = ViewChoice()
    taken = [at for at in range(10) if choice.takes(place(at), at * APART_SECONDS / 3)]
    assert taken == [0, 3, 6, 9]


def test_there_are_no_more_than_are_of_use() -> None:
    choice = ViewChoice()
    taken = [choice.takes(place(at), at * APART_SECONDS) for at in range(MOST_VIEWS + 3)]
    assert taken == [True] * MOST_VIEWS + [False] * 3
    assert choice.full


def test_blank_pictures_are_no_views_and_cost_no_time() -> None:
    """A film begins with black, and so do some cameras."""
    choice = ViewChoice()
    assert not choice.takes(np.zeros((120, 160, 3), np.uint8), 0.0)
    assert not choice.takes(noisy(np.full((120, 160, 3), 30, np.uint8), 1), 0.1)
    assert choice.takes(place(1), 0.2)


@pytest.mark.parametrize(
    ("size", "small"),
    [((1920, 1080), (640, 360)), ((1080, 1920), (360, 640)), ((320, 240), (320, 240)), ((4000, 3), (640, 1))],
)
def test_views_are_small_copies(size: tuple[int, int], small: tuple[int, int]) -> None:
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    view = view_of(frame)
    assert view.shape[1::-1] == small
    assert max(small) <= VIEW_PX
    assert not np.shares_memory(view, frame)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.live.stream_views.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("realtime.live.stream_views.APART_SECONDS", 0.0)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "impasto-views"]


def all_end() -> bool:
    for thread in threads():
        thread.join(10)
    return not threads()


@pytest.mark.usefixtures("at_once")
def test_it_waits_for_the_first_frame_and_ends_with_the_last_view() -> None:
    frames = iter([None, None, *map(place, range(MOST_VIEWS + 5))])
    given: SimpleQueue[np.ndarray] = SimpleQueue()
    StreamViews(lambda: next(frames), given.put, pytest.fail)
    assert all_end()
    assert given.qsize() == MOST_VIEWS
    np.testing.assert_array_equal(given.get(), place(0))


@pytest.mark.usefixtures("at_once")
def test_who_takes_no_view_holds_nobody_up() -> None:
    asked, free = threading.Event(), threading.Event()

    def give(_view: np.ndarray) -> None:
        asked.set()
        free.wait(10)

    views = StreamViews(lambda: place(1), give, pytest.fail)
    assert asked.wait(10)
    views.end()
    assert threads()
    free.set()
    assert all_end()


@pytest.mark.usefixtures("at_once")
def test_nobody_who_learns_is_no_trouble_and_all_else_is_told() -> None:
    told: SimpleQueue[str] = SimpleQueue()

    def failing(error: Exception) -> Callable[[np.ndarray], None]:
        def give(_view: np.ndarray) -> None:
            raise error

        return give

    StreamViews(lambda: place(1), failing(ImpastoError("it hears no more")), told.put)
    assert all_end()
    assert told.empty()
    StreamViews(lambda: place(1), failing(RuntimeError("the pipe burst")), told.put)
    assert told.get(timeout=10) == "no more views of the stream are learnt on: RuntimeError: the pipe burst"
