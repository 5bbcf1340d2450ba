"""A camera that behaves: it grants what its modes allow, and shows pictures from a list."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from realtime.frames.frame import Pixels

Modes = dict[str, dict[tuple[int, int], float]]  # the frame rate of each size, for each coding
USB_2: Modes = {
    "YUYV": {(640, 480): 30, (1280, 720): 10, (1920, 1080): 5},
    "MJPG": {(640, 480): 30, (1280, 720): 30, (1920, 1080): 30},
}


@dataclass
class FakeCapture:
    """Answers like cv2.VideoCapture over V4L2: what cannot be had becomes the nearest that can."""

    modes: Modes = field(default_factory=lambda: USB_2)
    pictures: Sequence[Pixels] = ()
    clock_ms: float = 0.0
    released: int = 0
    settings: dict[int, float] = field(default_factory=dict)
    fourcc: str = ""
    size: tuple[int, int] = (640, 480)

    def __post_init__(self) -> None:
        self.fourcc = self.fourcc or next(iter(self.modes))
        self._left = list(self.pictures)

    def get(self, prop: int, /) -> float:
        rate = min(self.settings.get(cv2.CAP_PROP_FPS, 30.0), self.modes[self.fourcc][self.size])
        return {
            cv2.CAP_PROP_FRAME_WIDTH: float(self.size[0]),
            cv2.CAP_PROP_FRAME_HEIGHT: float(self.size[1]),
            cv2.CAP_PROP_FPS: rate,
            cv2.CAP_PROP_FOURCC: float(int.from_bytes(self.fourcc.encode(), "little")),
            cv2.CAP_PROP_POS_MSEC: self.clock_ms,
        }.get(prop, self.settings.get(prop, 0.0))

    def set(self, prop: int, value: float, /) -> bool:
        self.settings[prop] = value
        if prop == cv2.CAP_PROP_FOURCC:
            wanted = int(value).to_bytes(4, "little").decode()
            self.fourcc = wanted if wanted in self.modes else self.fourcc
        width, height = (
            int(self.settings.get(prop, 0)) for prop in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if width and height:
            self.size = min(self.modes[self.fourcc], key=lambda size: abs(size[0] * size[1] - width * height))
        return True  # as OpenCV answers, whatever was granted

    def wait(self, seconds: float) -> bool:
        """Whether there is a picture."""
        return bool(self._left)

    def retrieve(self) -> tuple[bool, Pixels]:
        return True, self._left.pop(0)

    def release(self) -> None:
        self.released += 1


def coded(picture: Pixels) -> Pixels:
    """The picture, RGB, as a camera's JPEG: one row of bytes."""
    return np.asarray(cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1], np.uint8).reshape(
        1, -1
    )
