"""Golden frames: the pictures on which an engine has to agree with the reference. Drawn and seeded, not stored.

They are drawn in float32 and in place, for a picture of a camera's full size fills the memory as it is. What draws
people is imported when they are drawn: backends that need this module's figures alone start without OpenCV.
"""

from collections.abc import Callable, Iterator

import numpy as np

SEED = 20161

Draw = Callable[[np.random.Generator, int, int], np.ndarray]


def golden_frames(height: int, width: int, count: int) -> Iterator[tuple[str, np.ndarray]]:
    """(name, frame uint8 [H, W, 3]) for the first `count` of the golden frames, those that find most first."""
    for name in list(FRAMES)[:count]:
        yield name, draw_frame(name, height, width)


def draw_frame(name: str, height: int, width: int) -> np.ndarray:
    """The golden frame of that name, uint8 [H, W, 3]."""
    frame = FRAMES[name](np.random.default_rng(SEED), height, width)
    np.clip(np.rint(frame, out=frame), 0, 255, out=frame)
    return frame.astype(np.uint8)


def _picture(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A sky's gradient, a disc, a chequered ground and fine stripes, with a camera's noise: edges of every kind."""
    y, x = np.ogrid[0:height, 0:width]
    v, u = y / height, x / width
    frame = _noise_of(random, height, width, 3)
    for channel, ramp in enumerate((255 * u, 140 + 100 * v, 255 * (1 - v))):
        frame[..., channel] += ramp
    ground = np.broadcast_to(v > 0.55, (height, width))
    frame[ground & ((x // 12 + y // 8) % 2 == 0)] += (-180, -120, 60)
    frame[ground & (u > 0.8) & (x % 4 < 2)] += (-90, 110, 110)
    frame[(u - 0.7) ** 2 + (v - 0.3) ** 2 < 0.03] += (90, -120, -160)
    return frame


def _dark(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Night: the norms divide by a small deviation."""
    frame = _picture(random, height, width)
    frame *= 0.05
    return frame


def _bright(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Overexposed: the sums are largest and differ least, which costs the norms of a large picture their precision."""
    frame = _picture(random, height, width)
    frame *= 0.25
    frame += 215
    return frame


def _flat(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """An empty wall.

    It keeps a camera's noise: in a frame of one single colour the norms have nothing to divide by but rounding errors,
    blow them up at every layer, and two right engines need not agree.
    """
    frame = _noise_of(random, height, width, 2)
    frame += 128
    return frame


def _noise(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Every value as likely as any other."""
    frame = random.random((height, width, 3), np.float32)
    frame *= 255
    return frame


def _faces(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """What cameras mostly see: soft shading, where steps of a low precision show first."""
    from realtime.scene.golden_people import faces_of

    frame = _noise_of(random, height, width, 1.5)
    frame += faces_of(height, width)
    return frame


def _scene(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """The built-in scene: sky, water, leaves, lettering."""
    from realtime.scene.golden_people import scene_of

    frame = _noise_of(random, height, width, 1.5)
    frame += scene_of(height, width)
    return frame


def _noise_of(random: np.random.Generator, height: int, width: int, deviation: float) -> np.ndarray:
    """A camera's noise, float32 [H, W, 3]."""
    frame = random.standard_normal((height, width, 3), np.float32)
    frame *= deviation
    return frame


FRAMES: dict[str, Draw] = {
    "picture": _picture,
    "bright": _bright,
    "faces": _faces,
    "scene": _scene,
    "dark": _dark,
    "flat": _flat,
    "noise": _noise,
}
