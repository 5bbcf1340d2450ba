"""The window: shows the newest picture, hands out keys by their names, and is resized and closed as people please.

OpenCV hands out what the window system calls a key: X11 keysyms with Qt and GTK (X11/keysymdef.h), virtual key codes
in the upper 16 bits on Windows, and Unicode's private area on macOS (NSEvent.h). The ranges do not meet, so one map
serves all.
"""

import itertools
import time

import cv2

from realtime.frames.frame import Frame, Pixels, SinkHabits, scaled_size
from realtime.frames.request import SinkRequest
from realtime.sinks.display import look_for_display, settle_qt

DEFAULT_TITLE = "impasto"
SCREEN_SHARE = 0.9  # of the screen, for a picture that is larger
REDRAW_SECONDS = 0.1  # while no frame comes: for figures and what fades
NUMBERS = itertools.count(1)
X11_KEYS = {
    0xFF08: "backspace", 0xFF09: "tab", 0xFF0D: "enter", 0xFF1B: "escape",
    0xFF51: "left", 0xFF52: "up", 0xFF53: "right", 0xFF54: "down",
    0xFF96: "left", 0xFF97: "up", 0xFF98: "right", 0xFF99: "down",
    0xFF8D: "enter", 0xFFAB: "+", 0xFFAD: "-", 0xFFFF: "delete",
    **{0xFFB0 + digit: str(digit) for digit in range(10)},
    **{0xFFBE + number: f"f{number + 1}" for number in range(12)},
}  # fmt: skip
MACOS_KEYS = {
    0xF700: "up", 0xF701: "down", 0xF702: "left", 0xF703: "right", 0xF728: "delete",
    **{0xF704 + number: f"f{number + 1}" for number in range(12)},
}  # fmt: skip
WINDOWS_KEYS = {
    0x25: "left", 0x26: "up", 0x27: "right", 0x28: "down", 0x2E: "delete",
    **{0x70 + number: f"f{number + 1}" for number in range(12)},
}  # fmt: skip
NAMED_CHARACTERS = {8: "backspace", 9: "tab", 10: "enter", 13: "enter", 27: "escape", 32: "space", 127: "backspace"}
NO_KEY = -1


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
    return scaled_size(picture, scale)


def key_name(code: int) -> str | None:
    """ "s", "+", "space", "left" or "f11"; None for no key, and for one that has no name here.

    Letters are small, whether shift or caps lock is on or not.
    """
    if code == NO_KEY:
        return None
    code &= 0xFFFFFFFF
    low = code & 0xFFFF  # GTK puts shift, control and num lock above these
    if low == 0:
        return WINDOWS_KEYS.get(code >> 16)
    if low in NAMED_CHARACTERS:
        return NAMED_CHARACTERS[low]
    if low < 127:
        return chr(low).lower() if low > 32 else None
    return X11_KEYS.get(low) or MACOS_KEYS.get(low)
