"""Paintings that are held still: on pictures of known motion, painted by a net that flickers as it is told to."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from fakes import GivenSource, KeepingSink
from numpy.typing import NDArray

from engines.loading.engine import Controls, EngineSpec
from engines.spec import GateReport
from realtime.files.loop import run
from realtime.frames.frame import Frame, Pixels, Planes
from realtime.media.colour.rgb import BT709, from_rgb_matrix, to_rgb_matrix
from realtime.painting.full_size.coded import Coded, coded
from realtime.painting.full_size.join import Join, Painted
from realtime.painting.painter import FADE_SECONDS
from realtime.painting.steady.hand import SteadyHand, Watched
from realtime.painting.steady.held import Box, Buffers, Held
from realtime.painting.steady.stillness import Stillness
from realtime.painting.stylizer import Stylizer

WIDTH, HEIGHT = 320, 240
STYLE = np.zeros(1, np.float32)
NOISE = 2.0
FROM_RGB, TO_RGB = from_rgb_matrix(BT709, full=False), to_rgb_matrix(BT709, full=False)
IN_RGB_AND_CODES = pytest.mark.parametrize("codes", [False, True], ids=["rgb", "codes"])


@cache  # films ask for it frame by frame
def scene(seed: int = 3) -> Pixels:
    """Something to hold on to everywhere."""
    rng = np.random.default_rng(seed)
    rough = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH, 3)), (0, 0), 3)
    picture = np.asarray(np.clip(128 + 60 * rough / rough.std(), 0, 255), np.uint8)
    picture.flags.writeable = False
    return picture


def noisy(picture: NDArray[Any], rng: np.random.Generator, deviation: float = NOISE) -> Pixels:
    return np.asarray(np.clip(np.rint(picture + rng.normal(0, deviation, picture.shape)), 0, 255), np.uint8)


def still_film(count: int, rng: np.random.Generator) -> list[Pixels]:
    """One picture by a camera that has noise."""
    return [noisy(scene(), rng) for _ in range(count)]


def pan(count: int, rng: np.random.Generator, step: int = 3) -> list[Pixels]:
    wide = cv2.resize(scene(), (2 * WIDTH, HEIGHT))
    return [noisy(wide[:, step * number : step * number + WIDTH], rng) for number in range(count)]


def change(shown: Sequence[Pixels]) -> float:
    """Mean absolute difference of neighbours, in levels."""
    pairs = zip(shown[1:], shown, strict=False)
    return float(np.mean([np.abs(after.astype(np.int16) - before).mean() for after, before in pairs]))


def steadied(film: Sequence[Pixels], painted: Sequence[Pixels], amount: float, *, codes: bool = False) -> list[Pixels]:
    """In RGB, or in the codes of a film, seen in RGB."""
    hand = SteadyHand(amount)
    given = [of_frame(*both, at=number / 25) for number, both in enumerate(zip(film, painted, strict=True))]
    if not codes:
        return [hand(each).pixels for each in given]
    return [seen(hand(each, from_rgb=FROM_RGB).coded) for each in given]


def as_painted(painted: Sequence[Pixels], *, codes: bool) -> list[Pixels]:
    """The same without a hand."""
    return [seen(coded(each, each, FROM_RGB)) for each in painted] if codes else list(painted)


def seen(painting: Coded | None) -> Pixels:
    """The painting of codes in RGB."""
    assert painting is not None
    large = (cv2.resize(plane, painting.luma.shape[::-1]) for plane in painting.chroma)
    return np.asarray(cv2.transform(cv2.merge([painting.luma, *large]), TO_RGB), np.uint8)


def flickering(film: Sequence[Pixels], rng: np.random.Generator) -> list[Pixels]:
    """As by a net that paints noise five times as strong."""
    return [noisy(255 - frame, rng, 5 * NOISE) for frame in film]


@IN_RGB_AND_CODES
@pytest.mark.parametrize(("amount", "most"), [(0.7, 0.2), (1.0, 0.12)])
def test_what_stands_still_is_painted_still(amount: float, most: float, codes: bool) -> None:
    rng = np.random.default_rng(1)
    film = still_film(40, rng)
    painted = flickering(film, rng)
    shown, painted = steadied(film, painted, amount, codes=codes), as_painted(painted, codes=codes)
    assert change(shown[10:]) <= most * change(painted[10:])
    truth = as_painted([255 - scene()], codes=codes)[0].astype(float)
    assert np.abs(shown[-1] - truth).mean() < np.abs(painted[-1] - truth).mean() / 2


def test_without_steadiness_a_painting_is_what_it_was() -> None:
    rng = np.random.default_rng(1)
    film = still_film(5, rng)
    painted = flickering(film, rng)
    for frame, shown in zip(painted, steadied(film, painted, 0.0), strict=True):
        assert np.array_equal(frame, shown)
    hand = SteadyHand(0.0)
    given = of_frame(film[0], painted[0])
    assert hand(given) is given


@IN_RGB_AND_CODES
def test_a_picture_that_moves_leaves_no_ghost_and_keeps_its_strokes(codes: bool) -> None:
    """A pan, painted with strokes that go with it: nothing that was is to be seen, and it is as sharp."""
    rng = np.random.default_rng(1)
    film = pan(25, rng)
    painted = [255 - frame for frame in film]
    shown, painted = steadied(film, painted, 1.0, codes=codes), as_painted(painted, codes=codes)
    assert np.abs(shown[-1].astype(np.int16) - painted[-1]).mean() < 3
    assert shown[-1].std() > 0.97 * painted[-1].std()


@IN_RGB_AND_CODES
def test_flicker_of_what_moves_is_carried_along_and_halved(codes: bool) -> None:
    rng = np.random.default_rng(1)
    film = pan(25, rng)
    painted = flickering(film, rng)
    shown, painted = steadied(film, painted, 1.0, codes=codes), as_painted(painted, codes=codes)

    def unlike(frames: Sequence[Pixels]) -> float:
        """After the known motion is taken back, squared, within."""
        back = [np.roll(after, 3, axis=1)[8:-8, 16:-16].astype(float) for after in frames[11:]]
        return float(np.mean([np.square(a - b[8:-8, 16:-16]).mean() for a, b in zip(back, frames[10:], strict=False)]))

    assert unlike(shown) < unlike(painted) / 2


@IN_RGB_AND_CODES
def test_what_comes_into_a_still_picture_is_new_at_once_and_what_it_hid_too(codes: bool) -> None:
    """A dark square jumps across; where it is, and where it was, the painting of this frame is seen."""
    rng = np.random.default_rng(2)
    film = []
    for number in range(30):
        frame = scene().copy()
        left = 60 if number < 20 else 200
        frame[80:140, left : left + 60] = 20
        film.append(noisy(frame, rng))
    painted = [255 - frame for frame in film]
    shown, painted = steadied(film, painted, 1.0, codes=codes), as_painted(painted, codes=codes)
    for left in (60, 200):
        place = (slice(88, 132), slice(left + 8, left + 52))
        assert np.abs(shown[20][place].astype(np.int16) - painted[20][place]).mean() < 2


@IN_RGB_AND_CODES
def test_slow_light_is_followed(codes: bool) -> None:
    rng = np.random.default_rng(2)
    film = [noisy(scene() * (0.7 + 0.003 * min(number, 60)), rng) for number in range(140)]
    shown = steadied(film, [frame.copy() for frame in film], 0.7, codes=codes)
    late = [abs(float(ours.mean()) - float(frame.mean())) for ours, frame in zip(shown, film, strict=True)]
    assert max(late) < 8
    assert late[-1] < 1


def test_stillness_is_told_in_units_of_the_cameras_noise() -> None:
    """The same step is motion before a good camera, and noise before a bad one."""
    stills = {}
    for deviation in (0.3, 3.0):
        rng, stillness = np.random.default_rng(4), Stillness()
        for number in range(56):
            picture = np.full((60, 80, 3), 100.0)
            picture[:, 40:] += 2.5 if number >= 55 else 0.0
            compared = stillness(noisy(picture, rng, deviation))
        stills[deviation] = compared.still[20:40, 50:70].mean()
    assert stills[0.3] < 0.1 < 0.5 < stills[3.0]


def test_a_step_of_a_codec_is_no_motion() -> None:
    """Half a level, now and then, in blocks, of a film without any noise between."""
    stillness = Stillness()
    for number in range(20):
        picture = np.full((60, 80, 3), 100, np.uint8)
        picture[20:36, 20:36] += number % 5 == 0
        compared = stillness(picture)
    assert compared.still.min() > 0.9


def of_frame(small: Pixels, painted: Pixels, **times: float) -> Painted:
    return Painted(Frame(small, times.get("at", 0.0), 0.0), small, painted, Controls(STYLE))


def hold(hand: SteadyHand, count: int = 12) -> Painted:
    """A grey picture held for a while; gives the next one, painted 50 levels brighter."""
    grey = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for number in range(count):
        hand(of_frame(grey, grey.copy(), at=number / 25))
    return of_frame(grey, grey + np.uint8(50), at=count / 25)


def test_a_still_frame_is_held_against_its_net() -> None:
    hand = SteadyHand(1.0)
    after = hold(hand)
    assert hand(after).pixels.max() < 95


@pytest.mark.parametrize("how", ["cut", "wound", "back in time", "another style", "a changing look", "said so", "size"])
def test_what_does_not_go_on_is_shown_as_it_is(how: str) -> None:
    hand = SteadyHand(1.0)
    after = hold(hand)
    if how == "cut":
        after = of_frame(scene(), np.full((HEIGHT, WIDTH, 3), 140, np.uint8), at=1.0)
    elif how == "wound":
        after = replace(after, frame=replace(after.frame, take=1))
    elif how == "back in time":
        after = replace(after, frame=replace(after.frame, pts_seconds=0.0))
    elif how == "another style":
        after = replace(after, controls=Controls(STYLE + 1))
    elif how == "said so":
        hand.begin_anew()
    elif how == "size":
        after = replace(after, small=after.small[::2, ::2], pixels=after.pixels[::2, ::2])
    shown = hand(after, changes=how == "a changing look")
    assert np.array_equal(shown.pixels, after.pixels)


def test_a_film_is_joined_as_it_was_held() -> None:
    """Frames in planes: what is shown is the held painting in the film's codes, and without a hand it is the net's."""
    rng = np.random.default_rng(1)
    film = still_film(12, rng)
    painted = flickering(film, rng)
    shown: dict[float, list[Planes]] = {}
    for amount in (0.0, 1.0):
        stylizer = Stylizer(UnevenEngine(), Controls(STYLE), steady=amount)
        given = [in_planes(of_frame(*both, at=at / 25)) for at, both in enumerate(zip(film, painted, strict=True))]
        shown[amount] = [planes_of(stylizer.join(stylizer.steadied(each))) for each in given]
    for plain, small, painting in zip(shown[0.0], film, painted, strict=True):
        wanted = Join().planes(plain_planes(small), small, painting, Controls(STYLE))
        assert all(np.array_equal(a, b) for a, b in zip(codes_of(plain), codes_of(wanted), strict=True))
    for number in range(3):  # luma, and both of chroma
        held, flickers = ([codes_of(each)[number] for each in shown[amount][6:]] for amount in (1.0, 0.0))
        assert change(held) < change(flickers) / 4


def in_planes(painted: Painted) -> Painted:
    return replace(painted, frame=replace(painted.frame, planes=plain_planes(painted.small)))


def plain_planes(rgb: Pixels) -> Planes:
    given = coded(rgb, rgb, FROM_RGB)
    return Planes(given.luma, given.chroma, TO_RGB, FROM_RGB)


def planes_of(frame: Frame) -> Planes:
    assert frame.planes is not None
    return frame.planes


def codes_of(planes: Planes) -> tuple[Pixels, ...]:
    return planes.luma, *planes.chroma


def test_contrast_that_blending_takes_is_given_back_to_luma() -> None:
    """Two draws of the same noise, blended half and half; what has half the size is chroma, and stays as it is."""
    rng = np.random.default_rng(5)
    first, second = (noisy(np.full((HEIGHT, WIDTH), 128), rng, 30) for _ in range(2))
    everywhere = np.ones((HEIGHT // 4, WIDTH // 4), np.float32)
    held = Held([first, first[::2, ::2]], Buffers())
    held.mix([second, second[::2, ::2]], 0.5 * everywhere)
    luma, chroma = held.pixels()
    box = Box(0, 0, WIDTH // 4, HEIGHT // 4, everywhere.shape)
    rich, blended = held.as_rich([second, second[::2, ::2]], everywhere, box)
    assert luma.std() < 0.75 * second.std()
    assert rich.std() > 0.95 * second.std()
    assert np.array_equal(blended, chroma)


def test_what_is_made_richer_than_white_is_white() -> None:
    """And than black, black: codes end there."""
    dots = np.full((HEIGHT, WIDTH), 250, np.uint8)
    dots[::2] = 5
    held, everywhere = Held([dots], Buffers()), np.ones((HEIGHT // 4, WIDTH // 4), np.float32)
    box = Box(0, 0, WIDTH // 4, HEIGHT // 4, everywhere.shape)
    strokes = np.where(np.arange(WIDTH) // 3 % 2, 255, 0).astype(np.uint8) * np.ones((HEIGHT, 1), np.uint8)
    (rich,) = held.as_rich([strokes], everywhere, box)
    assert rich[8::2].max() == 0
    assert rich[9::2].min() == 255


@pytest.mark.parametrize("size", [(16, 16), (34, 20), (40, 44), (400, 60), (20, 400)])
def test_small_pictures_move_too(size: tuple[int, int]) -> None:
    """OpenCV's flow crashes on pictures of a few pixels."""
    width, height = size
    rng, hand = np.random.default_rng(1), SteadyHand(0.7)
    for number in range(6):
        frame = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        assert hand(of_frame(frame, 255 - frame, at=number / 25)).pixels.shape == frame.shape


def test_strength_nought_begins_anew() -> None:
    """What was not painted says nothing of what is painted next."""
    hand = SteadyHand(1.0)
    after = hold(hand)
    unpainted = replace(after, pixels=after.small)
    assert hand(unpainted) is unpainted
    assert np.array_equal(hand(after).pixels, after.pixels)


def test_what_lies_on_a_device_comes_back_there() -> None:
    """On the processor, which torch has too."""
    rng = np.random.default_rng(1)
    film = still_film(6, rng)
    painted = flickering(film, rng)
    ours, theirs = SteadyHand(1.0), SteadyHand(1.0)
    for small, painting in zip(film, painted, strict=True):
        there = replace(of_frame(small, painting), small=torch.from_numpy(small), pixels=torch.from_numpy(painting))  # type: ignore[arg-type]
        wanted, found = ours(of_frame(small, painting)), theirs(there)
        assert isinstance(found.pixels, torch.Tensor)
        assert np.array_equal(np.asarray(found.pixels), wanted.pixels)
        assert np.array_equal(np.asarray(found.small), wanted.small)


class UnevenEngine:
    """Takes long for every other frame, so that frames leave the net out of order; paints its number."""

    gate: GateReport | None = None

    def __init__(self) -> None:
        self.spec = EngineSpec("uneven", "fp32", HEIGHT, WIDTH, "CPU", "0", requests=3)

    def __call__(self, frame: NDArray[Any], controls: Controls) -> NDArray[Any]:
        threading.Event().wait(0.03 if frame[0, 0, 0] % 2 else 0.0)
        return frame.copy()

    def close(self) -> None:
        pass


def numbered(count: int) -> GivenSource:
    """Frames that tell their number in their colour."""
    pixels = (np.full((HEIGHT, WIDTH, 3), number, np.uint8) for number in range(count))
    return GivenSource([Frame(each, number / 25, 0.0) for number, each in enumerate(pixels)])


class WatchedHand(Stylizer):
    """Notes in which order paintings are steadied."""

    def __init__(self, broken_at: int | None = None) -> None:
        super().__init__(UnevenEngine(), Controls(STYLE), steady=0.5)
        self.order: list[int] = []
        self._broken_at = broken_at

    def steadied(self, painted: Painted, watched: Watched | None = None) -> Painted:
        number = int(painted.small[0, 0, 0])
        self.order.append(number)
        if number == self._broken_at:
            raise RuntimeError("the hand slipped")
        return painted


def test_paintings_are_steadied_in_order_however_they_leave_the_net() -> None:
    stylizer, sink = WatchedHand(), KeepingSink()
    stats = run(numbered(24), stylizer, [sink])
    assert stylizer.order == [pixels[0, 0, 0] for pixels in sink.pixels] == list(range(24))
    assert stats.stage_ms["steady"] > 0


def test_an_error_there_ends_the_run() -> None:
    with pytest.raises(RuntimeError, match="slipped"):
        run(numbered(24), WatchedHand(broken_at=5), [KeepingSink()])


def test_a_fade_is_longer_than_nothing() -> None:
    """What a glide asks of the hand: a style vector that differs from frame to frame is never held."""
    hand = SteadyHand(1.0)
    grey = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for number in range(round(25 * FADE_SECONDS)):
        bright = np.full_like(grey, 60 + 5 * number)
        given = replace(of_frame(grey, bright, at=number / 25), controls=Controls(STYLE + number))
        assert np.array_equal(hand(given).pixels, bright)
