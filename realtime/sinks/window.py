"""The window: shows the newest picture, hands out keys, and is resized and closed as people please."""

import itertools
import time

import cv2

from realtime.frames.frame import Frame, Pixels, SinkHabits
from realtime.frames.request import SinkRequest
from realtime.sinks.display import look_for_display, settle_qt
from realtime.sinks.key_map import NO_KEY, key_name

DEFAULT_TITLE = "impasto"
SCREEN_SHARE = 0.9  # of the screen, for a picture that is larger
REDRAW_SECONDS = 0.1  # while no frame comes: for figures and what fades
NUMBERS = itertools.count(1)


def open_window(address: str, request: SinkRequest) -> "WindowSink":
    """`window:` or `window:Title`, on the main thread; ImpastoError where there is no display to open it on."""
    screen = look_for_display()
    settle_qt()
    return WindowSink(address.partition(":")[2] or DEFAULT_TITLE, screen, request)


class WindowSink:
    """A window on a screen of `screen` (width, height) pixels; every call belongs on the main thread."""

    habits = SinkHabits(on_main_thread=True)

    def __init__(self, title: str, screen: tuple[int, int], request: SinkRequest) -> None:
        self._viewer, self._stop = request.viewer, request.stop
        self._name = f"impasto {next(NUMBERS)}"  # OpenCV knows windows by name, and two may have one title
        self._picture: Pixels | None = None
        self._drawn_at = 0.0
        self._fullscreen = False
        self._was_seen = False
        self._open = True
        cv2.namedWindow(self._name, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.setWindowTitle(self._name, title)
        cv2.resizeWindow(self._name, *fitted_size(request.size, screen))

    def write(self, frame: Frame) -> None:
        self._picture = frame.data
        if self._open:
            self._draw()
            self._attend()

    def idle(self) -> None:
        """Attend to keys and to the window itself while no frame comes; cheap."""
        if not self._open:
            return
        pressed = self._attend()
        if self._open and self._picture is not None and (pressed or self._is_stale()):
            self._draw()

    def close(self) -> None:
        if self._open:
            self._open = False
            cv2.destroyWindow(self._name)
            cv2.pollKey()  # the window system is only told while events are handled

    def _draw(self) -> None:
        assert self._picture is not None
        shown = self._picture if self._viewer is None else self._viewer.decorate(self._picture)
        cv2.imshow(self._name, cv2.cvtColor(shown, cv2.COLOR_RGB2BGR))
        self._drawn_at = time.perf_counter()

    def _is_stale(self) -> bool:
        return time.perf_counter() - self._drawn_at >= REDRAW_SECONDS

    def _attend(self) -> bool:
        """Pass on the keys that wait and follow the viewer's wishes; whether there was a key."""
        pressed = False
        while (code := cv2.pollKey()) != NO_KEY:
            pressed = True
            name = key_name(code)
            if name is not None and self._viewer is not None:
                self._viewer.press(name)
        self._notice_closing()
        if self._open:
            self._follow_fullscreen()
        return pressed

    def _notice_closing(self) -> None:
        """A window that was visible and is no more was closed; Wayland's never tells, and is taken to be open."""
        visible = self._is_visible()
        if self._was_seen and not visible:
            self._open = False
            if self._viewer is None:
                self._stop.set()
            else:
                self._viewer.leave()
        self._was_seen = self._was_seen or visible

    def _is_visible(self) -> bool:
        try:
            return cv2.getWindowProperty(self._name, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # with its last window Qt has gone too
            return False

    def _follow_fullscreen(self) -> None:
        wanted = self._viewer is not None and self._viewer.fullscreen
        if wanted != self._fullscreen:
            self._fullscreen = wanted
            state = cv2.WINDOW_FULLSCREEN if wanted else cv2.WINDOW_NORMAL
            cv2.setWindowProperty(self._name, cv2.WND_PROP_FULLSCREEN, state)


def fitted_size(picture: tuple[int, int], screen: tuple[int, int]) -> tuple[int, int]:
    """The size of a window for a picture, both (width, height): its own, or smaller where the screen is too small."""
    scale = min(1.0, *(SCREEN_SHARE * room / side for side, room in zip(picture, screen, strict=True)))
    return max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale))
