"""Time codes: written into pictures, and read back from what becomes of them."""

import io
from collections.abc import Iterator
from functools import cache

import av
import cv2
import numpy as np
import pytest
from unchecked import open_unchecked

from engines.loading.engine import Controls, Engine
from engines.style.styles import StyleFile, list_gallery
from realtime.frames.frame import Pixels
from realtime.frames.time_code import PERIOD_SECONDS, UNIT_SECONDS, elapsed, read_code, stamp
from realtime.scene import Scene

SECONDS = (0.0, 0.0001, 12.3456, 838.8607, 1234.5678, 1677.7215)
SIZES = [(64, 48), (320, 180), (640, 360), (642, 362), (640, 480), (360, 640), (1000, 80), (1920, 1080)]
SIZE_OF_SCENE = (640, 360)


@pytest.fixture(scope="module")
def gallery() -> StyleFile:
    return list_gallery()[0]


@pytest.fixture(scope="module", params=[(640, 360), (320, 180)], ids=["360 lines", "180 lines"])
def engine(
    request: pytest.FixtureRequest, gallery: StyleFile, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    engine = open_unchecked(gallery, request.param, tmp_path_factory.mktemp("aids"))
    yield engine
    engine.close()


@cache
def scene_frame(number: int) -> Pixels:
    return Scene(*SIZE_OF_SCENE).frame(number)


def stamped(seconds: float, number: int = 0) -> Pixels:
    pixels = scene_frame(number).copy()
    stamp(pixels, seconds)
    return pixels


def painted(engine: Engine, pixels: Pixels, controls: Controls) -> Pixels:
    """Painted at the engine's size, then enlarged to the picture's as a window does."""
    size = (engine.spec.width, engine.spec.height)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return cv2.resize(engine(small, controls), (pixels.shape[1], pixels.shape[0])).astype(np.uint8)


def encoded(frames: list[Pixels], crf: int) -> list[Pixels]:
    """The frames through H.264, as YUV 4:2:0."""
    file = io.BytesIO()
    height, width = frames[0].shape[:2]
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": str(crf), "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as container:
        return [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in container.decode(video=0)]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_written_is_read(size: tuple[int, int]) -> None:
    for seconds in SECONDS:
        pixels = np.full((size[1], size[0], 3), 90, np.uint8)
        stamp(pixels, seconds)
        assert read_code(pixels) == pytest.approx(seconds, abs=UNIT_SECONDS / 2)


def test_it_takes_a_ninth_of_the_height_at_most() -> None:
    for width, height in SIZES:
        pixels = np.zeros((height, width, 3), np.uint8)
        stamp(pixels, 5.0)
        assert not pixels[: int(height * 8 / 9)].any()


def test_a_long_time_begins_again() -> None:
    pixels = stamped(PERIOD_SECONDS * 300 + 7.5)
    assert read_code(pixels) == pytest.approx(7.5, abs=UNIT_SECONDS)


@pytest.mark.parametrize(("now", "age"), [(100.05, 0.05), (100.0, 0.0), (99.9, -0.1), (160.0, 60.0)])
def test_age_is_counted_over_the_new_beginning(now: float, age: float) -> None:
    for begun in (0, 1, 1000):
        code = (100.0 + 1677.0) % PERIOD_SECONDS
        assert elapsed(code, now + 1677.0 + begun * PERIOD_SECONDS) == pytest.approx(age, abs=1e-6)


def test_a_picture_without_a_code_has_none() -> None:
    noise = np.random.default_rng(3)
    assert not [number for number in range(0, 300, 20) if read_code(scene_frame(number)) is not None]
    assert not [one for one in range(200) if read_code(noise.integers(0, 256, (180, 320, 3), np.uint8)) is not None]
    for level in (0, 128, 255):
        assert read_code(np.full((360, 640, 3), level, np.uint8)) is None


def test_one_wrong_bit_is_noticed() -> None:
    """Each pair of blocks changes places in turn."""
    for row in range(2):
        for left in range(0, 640, 40):
            pixels = stamped(987.6543)
            blocks = pixels[320 + 20 * row : 340 + 20 * row, left : left + 40]
            blocks[:] = np.concatenate((blocks[:, 20:], blocks[:, :20]), axis=1).copy()
            assert read_code(pixels) is None


def test_a_picture_too_small_for_it_is_refused() -> None:
    tiny = np.zeros((32, 48, 3), np.uint8)
    with pytest.raises(ValueError, match="48x32 is too small for a time code"):
        stamp(tiny, 1.0)
    assert read_code(tiny) is None


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.5, 2.0])
@pytest.mark.parametrize("way", [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC])
def test_it_survives_scaling(scale: float, way: int) -> None:
    for seconds in SECONDS:
        scaled = cv2.resize(stamped(seconds), None, fx=scale, fy=scale, interpolation=way).astype(np.uint8)
        assert read_code(scaled) == pytest.approx(seconds, abs=UNIT_SECONDS)


def test_it_survives_noise_and_another_light() -> None:
    noise = np.random.default_rng(4)
    for seconds in SECONDS:
        dimmed = 60 + 0.3 * stamped(seconds)
        pixels = np.clip(dimmed + noise.normal(0, 60, dimmed.shape), 0, 255).astype(np.uint8)
        assert read_code(pixels) == pytest.approx(seconds, abs=UNIT_SECONDS)


@pytest.mark.parametrize("crf", [28, 40])
def test_it_survives_h264(crf: int) -> None:
    frames = [stamped(seconds, number) for number, seconds in enumerate(SECONDS)]
    read = [read_code(pixels) for pixels in encoded(frames, crf)]
    assert read == pytest.approx(list(SECONDS), abs=UNIT_SECONDS)


def test_it_survives_the_paint_of_every_style(engine: Engine, gallery: StyleFile) -> None:
    """And the paint's coding as H.264."""
    random = np.random.default_rng(5)
    for name in gallery.card.names:
        seconds = random.uniform(0, PERIOD_SECONDS, 2)
        controls = Controls(gallery.vector(name))
        frames = [painted(engine, stamped(one, 30 * number), controls) for number, one in enumerate(seconds)]
        for pictures in (frames, encoded(frames, 28)):
            assert [read_code(pixels) for pixels in pictures] == pytest.approx(list(seconds), abs=UNIT_SECONDS), name


@pytest.mark.parametrize(("strength", "keep_colour"), [(0.0, 0.0), (0.5, 0.0), (1.0, 1.0)])
def test_it_survives_other_controls_and_mixes(
    engine: Engine, gallery: StyleFile, strength: float, keep_colour: float
) -> None:
    first, second, *_ = gallery.card.names
    mixed = gallery.mix({first: 0.5, second: 0.5})
    pixels = painted(engine, stamped(77.7777), Controls(mixed, strength, keep_colour))
    assert read_code(pixels) == pytest.approx(77.7777, abs=UNIT_SECONDS)
