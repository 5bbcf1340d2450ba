"""Key frames carried through shots, and `impasto video --keyframes` as a person meets it."""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import write_clip
from PIL import Image
from tiny_training import plain_textures
from typer.testing import CliRunner, Result

from engines.errors import BadValue
from realtime.commands.all_commands import app
from realtime.commands.console.terminal import Bar
from realtime.files.options import VideoOptions
from realtime.files.video import stylize_video
from realtime.frames.frame import Frame, Pixels
from realtime.painting.cuts import Sight, is_cut
from realtime.painting.keyframes.carried import Carried, Key, with_colours_of
from realtime.painting.keyframes.optimiser import Pace
from realtime.painting.keyframes.palette import Palette
from realtime.painting.keyframes.stylizer import KeyframeStylizer
from realtime.painting.motion import MotionMeter, camera_motion, enlarged, filled, grid, measured
from realtime.painting.stylizer import Unfinished
from trainers.settings.gatys_options import GatysOptions

SIZE = (160, 120)
METER = MotionMeter()


def textured(seed: int, size: tuple[int, int] = SIZE, coarseness: int = 8) -> Pixels:
    """A picture with something to hold on to everywhere."""
    small = (size[0] // coarseness, size[1] // coarseness)
    noise = np.random.default_rng(seed).integers(0, 256, (small[1], small[0], 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def window(world: Pixels, x: int, y: int = 40, scale: float = 1.0) -> Pixels:
    """What a camera sees of a world: SIZE pixels from (x, y), enlarged about their middle."""
    width, height = SIZE
    middle = np.array([x + width / 2 - 0.5, y + height / 2 - 0.5])
    at = (grid((height, width)) - np.array([width / 2 - 0.5, height / 2 - 0.5])) / scale + middle
    return np.asarray(cv2.remap(world, at.astype(np.float32), None, cv2.INTER_LINEAR), np.uint8)  # type: ignore[call-overload]


def inverted(photo: Pixels) -> Pixels:
    """A painting of which it is known what it should be on every frame."""
    return 255 - photo


def carry(frames: list[Pixels], paint: Callable[[Pixels], Pixels] = inverted) -> tuple[Carried, Pixels]:
    carried = Carried(Key.of(frames[0], paint(frames[0])), METER)
    for before, now in pairwise(frames):
        small = measured(now)
        carried.follow(METER.between(measured(before).luma, small.luma), small)
    return carried, carried.paint(frames[-1])


def psnr(a: Pixels, b: Pixels) -> float:
    error = float(((a.astype(np.float64) - b) ** 2).mean())
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def test_a_picture_that_stands_still_is_carried_to_the_bit() -> None:
    noise = np.random.default_rng(5)
    photo = textured(0)
    noisy = [np.clip(photo + noise.normal(0, 2, photo.shape), 0, 255).astype(np.uint8) for _ in range(4)]
    carried, painted = carry(noisy, lambda first: textured(9))
    assert carried.known_share > 0.99
    assert np.abs(painted.astype(int) - textured(9)).max() <= 3


@pytest.mark.parametrize("step", [1, 4])
def test_a_pan_carries_the_painting_with_the_ground(step: int) -> None:
    world = textured(1, (400, 240))
    frames = [window(world, 100 + step * n) for n in range(6)]
    carried, painted = carry(frames)
    seen = (slice(8, -8), slice(8, SIZE[0] - 5 * step - 8))
    assert psnr(painted[seen], inverted(frames[-1])[seen]) > 30
    assert carried.known_share == pytest.approx(1 - 5 * step / SIZE[0], abs=0.06)


def test_a_zoom_carries_the_painting_with_the_ground() -> None:
    world = textured(2, (400, 240))
    frames = [window(world, 120, scale=1 + 0.02 * n) for n in range(6)]
    carried, painted = carry(frames)
    assert psnr(painted[8:-8, 8:-8], inverted(frames[-1])[8:-8, 8:-8]) > 28
    assert carried.known_share > 0.95


def test_many_frames_leave_no_blur_and_no_drift() -> None:
    """Thirty steps to the right and back: the painting is sampled once, however long its way was."""
    world = textured(3, (400, 240), coarseness=4)
    frames = [window(world, 100 + abs(15 - abs(n - 15)) // 2) for n in range(31)]
    _, painted = carry(frames)
    middle = (slice(16, -16), slice(24, -24))
    assert psnr(painted[middle], inverted(frames[-1])[middle]) > 32


def test_new_ground_is_told_in_the_colours_of_the_painting() -> None:
    """A disc leaves: where it was there is no hole and no ghost of it, but the wall's paint."""
    wall = np.clip(np.full((120, 160, 3), 170.0) + textured(4) / 16.0, 0, 255).astype(np.uint8)

    def frame(x: int) -> Pixels:
        return np.asarray(cv2.circle(wall.copy(), (x, 60), 20, (40, 30, 30), -1), np.uint8)

    carried, painted = carry([frame(60 + 6 * n) for n in range(7)])
    uncovered = painted[50:70, 45:62].astype(float)
    assert np.abs(uncovered.mean((0, 1)) - inverted(wall)[50:70, 45:62].mean((0, 1))).max() < 12
    assert carried.known_share < 0.99


def test_a_painting_gone_over_keeps_its_broad_colours() -> None:
    shown, painting = np.full((60, 80, 3), (200, 180, 60), np.uint8), textured(2, (80, 60)) // 2
    kept = with_colours_of(shown, painting)
    assert np.abs(kept.mean((0, 1)) - shown[0, 0]).max() < 12
    fine = [picture - cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 2.0) for picture in (kept, painting)]
    assert np.corrcoef(fine[0].ravel(), fine[1].ravel())[0, 1] > 0.9


def test_light_that_falls_is_followed() -> None:
    photo = textured(6)
    darker = (photo * 0.7).astype(np.uint8)
    _, painted = carry([photo, darker], lambda first: first)
    assert abs(painted.mean() - darker.mean()) < 6


def test_a_hole_is_filled_from_around_it() -> None:
    field = np.full((40, 50, 2), 3.0, np.float32)
    field[10:30, 10:30] = 99
    weight = np.ones((40, 50), np.float32)
    weight[10:30, 10:30] = 0
    assert np.abs(filled(field, weight) - 3).max() < 1e-3


def test_places_grow_with_the_picture() -> None:
    places = grid((10, 20)) + np.array([2, -1], np.float32)
    grown = enlarged(places, (40, 20)) - grid((20, 40))
    assert np.abs(grown - np.array([4, -2])).max() < 1e-4


def test_the_camera_stands_still_or_moves() -> None:
    trusted = np.ones((96, 128), np.bool_)
    still = camera_motion(np.zeros((96, 128, 2), np.float32) + 0.05, trusted)
    assert not still.any()
    assert np.abs(camera_motion(np.full((96, 128, 2), 2.5, np.float32), trusted) - 2.5).max() < 1e-2


def cuts_in(frames: list[Pixels]) -> list[int]:
    found = []
    for number, (before, now) in enumerate(pairwise(frames), start=1):
        motion = METER.between(measured(before).luma, measured(now).luma)
        if is_cut(Sight(before), Sight(now), motion):
            found.append(number)
    return found


def test_cuts_are_found_and_nothing_else_is_taken_for_one() -> None:
    here, there = textured(7, (400, 240)), (textured(8, (400, 240)) * 0.6).astype(np.uint8)
    pan = [window(here, 60 + 6 * n) for n in range(5)]
    flash = [np.clip(window(here, 90) * 1.6 + 40, 0, 255).astype(np.uint8), window(here, 90)]
    other = [window(there, 100 + n) for n in range(4)]
    assert cuts_in([*pan, *flash, *other]) == [7]


def test_a_colour_that_the_photo_had_not_is_told_apart() -> None:
    photo = np.repeat(np.arange(60, 188, dtype=np.uint8)[None, :, None], 64, 0).repeat(3, 2)
    palette = Palette(photo, inverted(photo))
    assert np.abs(palette(photo) - inverted(photo)).mean() < 4
    red, grey = palette(np.array([[[200, 20, 20], [74, 74, 74]]], np.uint8))[0]
    assert red[0] - red[2] > 50
    assert abs(float(grey[0] - grey[2])) < 10


def test_the_time_left_is_told_by_the_scale_at_hand() -> None:
    """Ten iterations of 10 pixels at 1 s, ten of 90 pixels at 3 s, and 5 s between the scales for something else."""
    pace, told = Pace(), dict[int, float | None]()
    for step in range(1, 21):
        fine = max(0, step - 10)
        pixels, now = 10 * min(step, 10) + 90 * fine, min(step, 10) + (5.0 if fine else 0.0) + 3 * fine
        told[step] = pace.seconds_left(fine > 0, pixels, 1000, now)
    assert told[1] is None
    assert told[9] == pytest.approx(91.0)  # one more second, and the fine scale as if its pixels took as long
    assert told[11] is None
    assert told[12] == pytest.approx(24.0)
    assert told[20] == 0


class StandInOptimiser:
    """Paints at once, by inverting; counts, and remembers what it was given to begin with."""

    def __init__(self, *_: object) -> None:
        self.begun: list[bool] = []

    def paint(self, photo: Pixels, name: str, begun: Pixels | None = None) -> Pixels | None:
        self.begun.append(begun is not None)
        return inverted(photo)


@pytest.fixture
def stylizer(monkeypatch: pytest.MonkeyPatch) -> KeyframeStylizer:
    monkeypatch.setattr("realtime.painting.keyframes.stylizer.KeyframeOptimiser", StandInOptimiser)
    recipe = GatysOptions(style_images=((Path("any.png"), 1.0),))
    return KeyframeStylizer(SIZE, recipe, report=print, label=lambda text: None, stop=threading.Event())


def run_through(stylizer: KeyframeStylizer, frames: list[Pixels]) -> list[Pixels]:
    return [stylizer(Frame(data, number / 25, 0.0)).data for number, data in enumerate(frames)]


def test_every_shot_begins_with_a_key_frame(stylizer: KeyframeStylizer) -> None:
    here, there = textured(7, (400, 240)), (textured(8, (400, 240)) * 0.6).astype(np.uint8)
    frames = [*(window(here, 60 + 2 * n) for n in range(4)), *(window(there, 100 + n) for n in range(3))]
    painted = run_through(stylizer, frames)
    assert [(key.number, key.shot, key.at_seconds) for key in stylizer.keys] == [(1, 1, 0.0), (2, 2, 0.16)]
    assert np.array_equal(painted[4], inverted(frames[4]))
    assert str(stylizer.facts).startswith("2 key frames in 2 shots, ")


def test_a_long_way_gets_another_key_frame_that_goes_on_from_the_first(stylizer: KeyframeStylizer) -> None:
    world = textured(1, (800, 240))
    frames = [window(world, 20 + 4 * n) for n in range(60)]
    painted = run_through(stylizer, frames)
    assert [key.shot for key in stylizer.keys] == [1] * len(stylizer.keys)
    assert 2 <= len(stylizer.keys) <= 5
    optimiser: Any = stylizer._optimiser
    assert optimiser.begun == [False] + [True] * (len(stylizer.keys) - 1)
    steps = [np.abs(a.astype(int) - b).mean() for a, b in pairwise(painted)]
    assert max(steps) < 1.5 * float(np.median(steps))  # nothing jumps where a key frame comes in


def test_a_stop_leaves_out_what_has_no_key_frame(stylizer: KeyframeStylizer) -> None:
    stylizer._stop.set()
    with pytest.raises(Unfinished):
        stylizer(Frame(textured(0), 0.0, 0.0))


def two_shots() -> list[Pixels]:
    """Of 20 frames and of 3."""
    here, there = textured(7, (400, 240)), (textured(8, (400, 240)) * 0.6).astype(np.uint8)
    return [*(window(here, 60 + 2 * n) for n in range(20)), *(window(there, 100 + n) for n in range(3))]


class LearntPainter:
    """In the place of a net that learnt a shot: paints flat in the shot's number, and counts what was closed."""

    closed = 0

    def __init__(self, shot: int) -> None:
        self._shot = shot
        self.engine = self

    def __call__(self, frame: Frame) -> Frame:
        return replace(frame, data=np.full_like(frame.data, self._shot))

    def close(self) -> None:
        LearntPainter.closed += 1


@pytest.fixture
def learning(monkeypatch: pytest.MonkeyPatch) -> KeyframeStylizer:
    def learn(photo: Pixels, painting: Pixels, steps: int, *, name: str, **_: object) -> LearntPainter:
        assert steps == 7
        assert np.array_equal(painting, inverted(photo))
        return LearntPainter(int(name.removeprefix("shot ")))

    monkeypatch.setattr(LearntPainter, "closed", 0)
    monkeypatch.setattr("realtime.painting.keyframes.stylizer.learn_shot", learn)
    monkeypatch.setattr("realtime.painting.keyframes.stylizer.KeyframeOptimiser", StandInOptimiser)
    recipe = GatysOptions(style_images=((Path("any.png"), 1.0),))
    return KeyframeStylizer(SIZE, recipe, learn=7, report=print, label=lambda text: None, stop=threading.Event())


def test_a_key_frame_gives_way_to_the_net_that_learnt_it(learning: KeyframeStylizer) -> None:
    frames = two_shots()
    painted = run_through(learning, frames)
    assert [key.shot for key in learning.keys] == [1, 2]
    assert np.array_equal(painted[0], inverted(frames[0]))
    distances = [float(np.abs(each.astype(int) - 1).mean()) for each in painted[:20]]
    assert distances[12:] == [0.0] * 8
    assert all(after < before for before, after in pairwise(distances[:13]))
    assert np.array_equal(painted[20], inverted(frames[20]))
    assert LearntPainter.closed == 1
    learning.engine.close()
    assert LearntPainter.closed == 2


def test_key_frames_are_kept_and_taken_from_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("realtime.painting.keyframes.stylizer.KeyframeOptimiser", StandInOptimiser)
    recipe = GatysOptions(style_images=((Path("any.png"), 1.0),))
    frames, folder = two_shots(), tmp_path / "keys"

    def opened() -> KeyframeStylizer:
        return KeyframeStylizer(
            SIZE, recipe, folder=folder, report=print, label=lambda text: None, stop=threading.Event()
        )

    run_through(opened(), frames)
    kept = sorted(path.name for path in folder.iterdir())
    assert kept == ["shot-1-painted.png", "shot-1.png", "shot-2-painted.png", "shot-2.png"]
    by_hand = Image.new("RGB", (2 * SIZE[0], 2 * SIZE[1]), (10, 200, 30))
    by_hand.save(folder / "shot-1-painted.jpg", quality=95)
    os.utime(folder / "shot-1-painted.png", (1, 1))  # what was painted last is taken
    again = opened()
    painted = run_through(again, frames)
    assert again.keys == []
    assert np.abs(painted[0].astype(int) - (10, 200, 30)).max() < 4
    assert np.array_equal(painted[20], inverted(frames[20]))
    Image.new("RGB", (50, 50)).save(folder / "shot-1-painted.png")
    os.utime(folder / "shot-1-painted.jpg", (1, 1))
    with pytest.raises(BadValue, match=r"shot-1-painted\.png is 50x50 and the video 160x120; paint the whole frame"):
        run_through(opened(), frames)


SHORT = ("--iterations", "3")


def impasto_video(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["video", *map(str, arguments)], env={"COLUMNS": "240"})


@pytest.fixture
def style(tmp_path: Path) -> Path:
    Image.fromarray(textured(1, (72, 72))).save(tmp_path / "style.png")
    return tmp_path / "style.png"


def test_a_video_keeps_its_frames_times_and_sound(style: Path, tmp_path: Path) -> None:
    times = (0, 512, 1024, 2048, 2560, 3584)
    clip = write_clip(tmp_path / "in.mkv", pts=times, sounds=("aac",))
    out = tmp_path / "out.mkv"
    done = impasto_video(clip, out, "--keyframes", "auto", "--style-image", style, *SHORT, "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["frames"], document["engine"]) == (6, "keyframes")
    assert [key["shot"] for key in document["keyframes"]] == [1]
    assert "key frame 1: shot 1, at 0.00 s, took" in done.stderr
    with av.open(str(clip)) as before, av.open(str(out)) as after:
        assert [frame.time for frame in after.decode(video=0)] == [frame.time for frame in before.decode(video=0)]
        assert after.streams.audio[0].codec_context.name == "aac"


def test_a_net_learns_the_shot(style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From key frame to net to video, in a few steps."""
    monkeypatch.setattr("realtime.commands.keyframe_choices.LEARN_STEPS", 2)
    plain_textures(monkeypatch)
    source = write_clip(tmp_path / "in.mp4", size=(128, 96), pts=range(0, 16 * 512, 512))
    painted, keys = tmp_path / "out.mp4", tmp_path / "keys"
    result = impasto_video(source, painted, "--keyframes", keys, "--style-image", style, *SHORT, "--learn")
    assert result.exit_code == 0, result.stderr
    assert "shot 1: learnt in 2 steps" in result.stderr
    assert (keys / "shot-1-painted.png").exists()
    with av.open(str(painted)) as container:
        assert len(list(container.decode(video=0))) == 16


def test_key_frames_by_hand_need_no_style(tmp_path: Path) -> None:
    """A shot that is not painted is left there to be; when it is, its paint is what the video has."""
    source = write_clip(tmp_path / "in.mp4", size=(128, 96), pts=range(0, 4 * 512, 512))
    out, keys = tmp_path / "out.mkv", tmp_path / "keys"
    done = impasto_video(source, out, "--keyframes", keys)
    assert (done.exit_code, out.exists()) == (1, False)
    assert "shot 1, at 0.00 s, is not painted" in done.stderr
    red = np.full_like(np.asarray(Image.open(keys / "shot-1.png").convert("RGB")), (200, 20, 20))
    Image.fromarray(red).save(keys / "shot-1-painted.png")
    done = impasto_video(source, out, "--keyframes", keys)
    assert done.exit_code == 0, done.stderr
    assert "fps, key frames painted already)" in done.output
    with av.open(str(out)) as container:
        first = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(first.astype(int) - red).max() < 12


def test_ctrl_c_in_a_key_frame_leaves_nothing_half_painted(
    style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(bar: Bar, text: str) -> None:
        if "2 of 2000" in text:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Bar, "label", interrupt)
    clip = write_clip(tmp_path / "in.mp4")
    long = ("--style-image", style, "--iterations", 2000)
    done = impasto_video(clip, tmp_path / "out.mp4", "--keyframes", "auto", *long, "--json")
    assert done.exit_code == 130, done.stderr
    assert json.loads(done.stdout)["frames"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "style.png"]


def test_a_stop_in_the_second_shot_leaves_the_first_to_be_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    here, there = textured(7, (400, 240)), (textured(8, (400, 240)) * 0.6).astype(np.uint8)
    for number, frame in enumerate([*(window(here, 60 + 2 * n) for n in range(5)), *[window(there, 90)] * 3]):
        Image.fromarray(frame).save(tmp_path / "in" / f"{number}.png")
    stop = threading.Event()

    class Stopped(StandInOptimiser):
        def paint(self, photo: Pixels, name: str, begun: Pixels | None = None) -> Pixels | None:
            if name == "key frame 2":
                stop.set()
                return None
            return inverted(photo)

    monkeypatch.setattr("realtime.painting.keyframes.stylizer.KeyframeOptimiser", Stopped)
    recipe = GatysOptions(style_images=((Path("any.png"), 1.0),))
    painter = partial(KeyframeStylizer, recipe=recipe, report=print, label=print, stop=stop)
    out = tmp_path / "out.mp4"
    report = stylize_video(str(tmp_path / "in"), out, VideoOptions(), stop=stop, open_painter=painter)
    assert (report.stats.frames, report.interrupted) == (5, True)
    with av.open(str(out)) as written:
        assert len(list(written.decode(video=0))) == 5


def test_a_stop_before_a_shot_that_is_not_painted_leaves_nothing_to_paint(tmp_path: Path) -> None:
    """The first shot is played: who stops is not told of what comes after."""
    here, there = textured(7, (400, 240)), (textured(8, (400, 240)) * 0.6).astype(np.uint8)
    frames = [window(here, 60), window(here, 62), window(there, 90)]
    Image.fromarray(inverted(frames[0])).save(tmp_path / "shot-1-painted.png")
    stop = threading.Event()
    stylizer = KeyframeStylizer(SIZE, None, folder=tmp_path, report=print, label=print, stop=stop)
    run_through(stylizer, frames[:2])
    stop.set()
    with pytest.raises(Unfinished):
        stylizer(Frame(frames[2], 0.08, 0.0))
    assert not (tmp_path / "shot-2.png").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--style-image", "x.png"), "add --keyframes auto to paint"),
        (("--iterations", "9"), "--iterations is for --keyframes auto"),
        (("--keyframes", "auto"), "give --style-image PICTURE"),
        (("--keyframes", "keys", "--iterations", "9"), "--iterations is for --style-image"),
        (("--keyframes", "--learn"), "auto or a FOLDER"),
        (("--keyframes", "auto", "--style-image", "x.png", "--style", "udnie"), "--style is for the nets"),
        (("--keyframes", "auto", "--style-image", "x.png", "--mix", "a=1"), "--mix is for the nets"),
        (("--keyframes", "auto", "--style-image", "x.png", "--engine", "openvino"), "--engine is for the nets"),
        (("--keyframes", "auto", "--style-image", "x.png", "--precision", "bf16"), "--precision is for the nets"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    done = impasto_video("in.mp4", tmp_path / "out.mp4", *arguments)
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_file_is_no_folder_of_key_frames(style: Path, tmp_path: Path) -> None:
    done = impasto_video(write_clip(tmp_path / "in.mp4"), tmp_path / "out.mp4", "--keyframes", style)
    assert done.exit_code == 2
    assert "style.png is a file and no folder; name a folder, which" in done.stderr


def test_a_style_image_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "in.mp4")
    done = impasto_video(
        clip, tmp_path / "out.mp4", "--keyframes", "auto", "--style-image", tmp_path / "none.png", *SHORT
    )
    assert done.exit_code == 1
    assert "none.png" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4"]


def test_without_torch_the_remedy_is_told(style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = write_clip(tmp_path / "in.mp4")
    for name in [name for name in sys.modules if name.startswith("trainers.gatys")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    done = impasto_video(clip, tmp_path / "out.mp4", "--keyframes", "auto", "--style-image", style)
    assert done.exit_code == 1
    assert "pip install 'impasto[train]'" in done.stderr
