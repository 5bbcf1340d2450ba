"""The built-in scene: pictures without holes, the same every time, and a flow that is exact."""

import re
from fractions import Fraction

import cv2
import numpy as np
import pytest

from engines.errors import ImpastoError
from realtime.scene import Scene
from realtime.scene.drawing.camera import (
    EYE_HEIGHT_M,
    FOCAL,
    Pose,
    Stage,
    ground_plane,
    pose_at,
    screen,
    translation,
    upright_plane,
)
from realtime.scene.drawing.canvas import Texture
from realtime.scene.drawing.layer import Layer, composite
from realtime.scene.motion import Motion, motion
from realtime.scene.people.cast import WALKERS
from realtime.scene.world import build_world
from realtime.sources.pattern import PatternSource

WIDTH, HEIGHT = 320, 180


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(WIDTH, HEIGHT)


def sampled(field: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """A field looked up where the flow points to."""
    x, y = np.meshgrid(np.arange(flow.shape[1]), np.arange(flow.shape[0]))
    place = (flow + np.stack([x, y], axis=-1)).astype(np.float32)
    return np.asarray(cv2.remap(field, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def psnr_db(first: np.ndarray, second: np.ndarray, where: np.ndarray) -> float:
    error = (first.astype(np.float64) - second)[where]
    return float(10 * np.log10(255**2 / np.mean(error**2)))


# --- pictures


def test_a_frame_is_a_picture(scene: Scene) -> None:
    frame = scene.frame(0)
    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous
    assert len(np.unique(frame.reshape(-1, 3), axis=0)) > 10_000
    assert frame.mean(axis=(0, 1)).min() > 60


def test_the_same_seed_gives_the_same_pictures_in_any_order(scene: Scene) -> None:
    build_world.cache_clear()  # or it would be the same world, and not one like it
    again = Scene(WIDTH, HEIGHT)
    later = again.frame(200)
    np.testing.assert_array_equal(again.frame(3), scene.frame(3))
    np.testing.assert_array_equal(scene.frame(200), later)


def test_another_seed_gives_another_world() -> None:
    assert (Scene(64, 48, seed=1).frame(0) != Scene(64, 48, seed=2).frame(0)).mean() > 0.3


def test_the_camera_and_the_people_move(scene: Scene) -> None:
    first, second = scene.frame(0).astype(int), scene.frame(15).astype(int)
    assert (np.abs(first - second).max(axis=2) > 8).mean() > 0.3


def test_a_frame_is_the_picture_at_its_moment() -> None:
    scene = Scene(64, 48, frame_rate=Fraction(24000, 1001))
    np.testing.assert_array_equal(scene.frame(24), scene.at(1.001))


@pytest.mark.parametrize("size", [(64, 48), (97, 61), (400, 64), (90, 160)])
def test_no_size_and_no_moment_has_a_hole(size: tuple[int, int]) -> None:
    layers = build_world(Stage(*size, seed=7))
    for seconds in (0.0, 3.3, 1234.5, 86_400.0, *np.linspace(0, 700, 40)):
        assert composite(layers, float(seconds), *size)[..., 3].min() == 255, seconds


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (0, 0)])
def test_a_size_that_is_too_small_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"at least 64x48.*{size[0]}x{size[1]}"):
        Scene(*size)


def test_a_frame_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="frame rate"):
        Scene(64, 48, frame_rate=Fraction(0))


# --- flow


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0), (30, 35), (100, 160), (0, 2000)])
def test_the_second_frame_warped_by_the_flow_is_the_first(scene: Scene, first: int, second: int) -> None:
    moved = scene.flow(first, second)
    warped = sampled(scene.frame(second), moved.flow)
    assert moved.certain.mean() > 0.3
    assert psnr_db(scene.frame(first), warped, moved.certain) > 35
    assert psnr_db(scene.frame(first), warped, ~moved.occluded) > 30


def test_without_the_flow_the_frames_differ(scene: Scene) -> None:
    moved = scene.flow(30, 35)
    assert psnr_db(scene.frame(30), scene.frame(35), moved.certain) < 22


def test_there_and_back_is_where_we_were(scene: Scene) -> None:
    there, back = scene.flow(40, 52), scene.flow(52, 40)
    inner = cv2.erode(there.certain.astype(np.uint8), np.ones((3, 3))) > 0
    returned = there.flow + sampled(back.flow, there.flow)
    assert inner.mean() > 0.4
    assert np.abs(returned[inner]).max() < 0.05


def test_a_frame_lies_where_it_is(scene: Scene) -> None:
    still = scene.flow(17, 17)
    assert np.abs(still.flow).max() < 1e-3
    assert not still.occluded[1:-1, 1:-1].any()


def test_what_leaves_the_picture_is_occluded(scene: Scene) -> None:
    moved = scene.flow(0, 60)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    gone = (x + moved.flow[..., 0] < -0.01) | (x + moved.flow[..., 0] > WIDTH - 0.99)
    gone |= (y + moved.flow[..., 1] < -0.01) | (y + moved.flow[..., 1] > HEIGHT - 0.99)
    assert gone.any()
    assert moved.occluded[gone].all()


def flat(name: str, size: tuple[int, int], at: tuple[float, float], velocity: tuple[float, float]) -> Layer:
    """A noisy opaque rectangle whose corner is at pixel `at` of a 64x48 screen at second 0."""
    pixels = np.random.default_rng(3).integers(0, 255, (size[1], size[0], 4), np.uint8)
    pixels[..., 3] = 255

    def place(pose: Pose, seconds: float) -> np.ndarray:
        moved = translation(at[0] + velocity[0] * seconds, at[1] + velocity[1] * seconds)
        return np.linalg.inv(screen(pose_at(seconds), 64, 48)) @ moved

    return Layer(name, Texture(pixels, np.eye(3)), place)


def test_a_known_translation_is_told_exactly() -> None:
    moved = motion([flat("wall", (200, 200), (-60, -60), (3, -2))], 0.0, 1.0, 64, 48)
    np.testing.assert_allclose(moved.flow, np.broadcast_to([3.0, -2.0], (48, 64, 2)), atol=1e-4)
    leaves = np.ones((48, 64), bool)
    leaves[2:, :61] = False
    np.testing.assert_array_equal(moved.occluded, leaves)


def test_a_thing_hides_what_it_moves_over() -> None:
    layers = [flat("wall", (200, 200), (-60, -60), (0, 0)), flat("card", (10, 8), (20, 10), (5, 0))]
    moved: Motion = motion(layers, 0.0, 1.0, 64, 48)
    hidden = np.zeros((48, 64), bool)
    hidden[10:18, 30:35] = True  # the card covers columns 20..29 and then 25..34
    np.testing.assert_array_equal(moved.occluded, hidden)
    np.testing.assert_allclose(moved.flow[10:18, 20:30], np.broadcast_to([5.0, 0.0], (8, 10, 2)), atol=1e-4)
    assert np.abs(moved.flow[:10]).max() < 1e-4


# --- the camera


@pytest.mark.parametrize("pose", [Pose(), Pose(right=0.4, up=-0.1, forward=0.3), Pose(right=-1, forward=-2)])
def test_planes_move_as_a_pinhole_camera_sees_them(pose: Pose) -> None:
    """Against the projection x f / z of single points of the ground and of an upright plane, in float64."""
    for x, y, z in ((-2.0, 0.0, 4.0), (3.0, 0.0, 9.0), (0.3, 1.7, 6.0)):
        away = z - pose.forward
        seen = FOCAL * np.array([(x - pose.right) / away, (EYE_HEIGHT_M + pose.up - y) / away])
        upright = upright_plane(pose, x, z) @ [0.0, y, 1.0]
        np.testing.assert_allclose(upright[:2], seen, atol=1e-12)
        if y == 0.0:
            ground = ground_plane(pose) @ [FOCAL * x / z, FOCAL * EYE_HEIGHT_M / z, 1.0]
            np.testing.assert_allclose(ground[:2] / ground[2], seen, atol=1e-12)


def test_walkers_never_leave_for_good() -> None:
    for walker in WALKERS:
        places = np.array([walker.x_at(seconds) for seconds in np.linspace(0, 300, 2000)])
        assert np.abs(places).max() <= walker.half_track_m
        assert (np.abs(places) < 2).any()


# --- the source


def test_the_source_gives_every_frame_once_at_its_time() -> None:
    source = PatternSource(64, 48, frame_rate=Fraction(25), frames=3)
    frames = list(iter(source.read, None))
    assert [frame.pts for frame in frames] == [0, 1, 2]
    assert [frame.pts_seconds for frame in frames] == [0.0, 0.04, 0.08]
    assert frames[0].time_base == Fraction(1, 25)
    assert source.size == frames[0].size == (64, 48)
    np.testing.assert_array_equal(frames[2].data, source.scene.frame(2))
    assert source.read() is None


def test_a_source_without_a_length_goes_on_until_it_is_closed() -> None:
    source = PatternSource(64, 48)
    assert all(source.read() is not None for _ in range(20))
    source.close()
    assert source.read() is None


def test_fewer_frames_than_none_are_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        PatternSource(64, 48, frames=-1)


@pytest.mark.parametrize(
    ("text", "size", "rate"),
    [
        ("pattern:64x48", (64, 48), Fraction(30)),
        ("pattern:70x50@24", (70, 50), Fraction(24)),
        ("pattern:64x48@30000/1001", (64, 48), Fraction(30000, 1001)),
    ],
)
def test_a_source_is_written_in_a_word(text: str, size: tuple[int, int], rate: Fraction) -> None:
    source = PatternSource.from_text(text)
    assert (source.size, source.frame_rate) == (size, rate)


@pytest.mark.parametrize("text", ["pattern", "pattern:12", "pattern:64x48@0", "pattern:64x48@1/0", "pattern:9x9"])
def test_a_word_that_is_no_pattern_is_told(text: str) -> None:
    with pytest.raises(ImpastoError, match=re.escape(repr(text))):
        PatternSource.from_text(text)
