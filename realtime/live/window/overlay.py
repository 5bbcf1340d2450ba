"""What only the person at the window sees on the picture: help, figures, a notice, what a key changed.

Every function returns a new picture, (H, W, 3) uint8 RGB, and leaves its argument as it was. All sizes follow from the
picture's height, from 160x90 to 4K.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2

from realtime.frames.frame import Pixels
from realtime.live.control.commands import COMMANDS, Command
from realtime.live.window.lettering import (
    ACCENT,
    BOLD,
    LEAST_SIZE_PX,
    QUIET,
    RED,
    WHITE,
    Box,
    Colour,
    darken,
    fitted,
    letter,
    text_size,
    width_of,
)

LINE_SPACING = 1.5
KEY_WORDS = {"left": "←", "right": "→", "up": "↑", "down": "↓", "escape": "Esc", "space": "Space", "tab": "Tab"}
SILENT_KEYS = ("=", "f1")  # there because they are near another key, not to be learnt
HELP_SHARE = 0.94  # of the picture
HELP_TITLE = "impasto"
HELP_EXTRA_LINES = 2.4  # for the title and the edges


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayFigures:
    """What the statistics show. `size` is (width, height) at which the net paints; None stands for not known yet."""

    painted_fps: float
    captured_fps: float
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    net_ms: float | None = None
    size: tuple[int, int] | None = None
    engine: str = ""
    dropped: int = 0


def draw_help(pixels: Pixels) -> Pixels:
    """The keys and what they do, in two columns over the middle of the picture."""
    drawn = pixels.copy()
    rows = [(keys_of(command), command.help) for command in COMMANDS if command.keys]
    half = (len(rows) + 1) // 2
    columns = (rows[:half], rows[half:])
    height, width = drawn.shape[:2]
    size = _help_size(columns, int(width * HELP_SHARE), int(height * HELP_SHARE))
    line = round(size * LINE_SPACING)
    widths = [_column_width(column, size) for column in columns]
    box = _centred(drawn, min(width, sum(widths) + 4 * size), min(height, round((half + HELP_EXTRA_LINES) * line)))
    darken(drawn, box)
    letter(drawn, HELP_TITLE, box.left + size, box.top + line + size // 4, size, QUIET, BOLD)
    left = box.left + size
    for column, column_width in zip(columns, widths, strict=True):
        _draw_column(drawn, column, left, box.top + 2 * line - size // 3, size)
        left += column_width + 2 * size
    return drawn


def draw_statistics(pixels: Pixels, figures: OverlayFigures) -> Pixels:
    """The figures, in the upper left corner."""
    drawn = pixels.copy()
    size = text_size(drawn, 0.028)
    rows = statistics_rows(figures)
    line, edge = round(size * LINE_SPACING), max(2, size // 2)
    names = max(width_of(name, size) for name, _ in rows) + size
    wanted = names + max(width_of(value, size) for _, value in rows) + 2 * size
    width = min(wanted, drawn.shape[1] - 2 * edge)
    rows = rows[: max(1, (drawn.shape[0] - 2 * edge - size) // line)]
    darken(drawn, Box(edge, edge, width, min(line * len(rows) + size, drawn.shape[0] - 2 * edge)))
    for number, (name, value) in enumerate(rows):
        baseline = edge + line * (number + 1)
        letter(drawn, name, edge + size, baseline, size, QUIET)
        value = fitted(value, size, width - names - 2 * size + size // 2)
        letter(drawn, value, edge + size + names, baseline, size, WHITE)
    return drawn


def draw_notice(pixels: Pixels, text: str) -> Pixels:
    """A line at the bottom that says why the picture stands still."""
    drawn = pixels.copy()
    size = text_size(drawn)
    _caption(drawn, text, size, drawn.shape[0] - round(size * 2.2), WHITE)
    return drawn


def draw_toast(pixels: Pixels, text: str, opacity: float = 1.0) -> Pixels:
    """What a key has just changed, above the place of a notice; `opacity` 0..1 lets it fade."""
    size = text_size(pixels, 0.04)
    drawn = pixels.copy()
    _caption(drawn, text, size, drawn.shape[0] - round(text_size(drawn) * 2.2) - round(size * 2), ACCENT)
    return cv2.addWeighted(drawn, opacity, pixels, 1 - opacity, 0) if opacity < 1 else drawn  # type: ignore[return-value]


def draw_recording(pixels: Pixels) -> Pixels:
    """A red dot in the upper right corner."""
    drawn = pixels.copy()
    radius = max(3, round(min(drawn.shape[:2]) * 0.014))
    centre = (drawn.shape[1] - 3 * radius, 3 * radius)
    cv2.circle(drawn, centre, radius + max(1, radius // 3), (250, 246, 240), cv2.FILLED, cv2.LINE_AA)
    cv2.circle(drawn, centre, radius, RED, cv2.FILLED, cv2.LINE_AA)
    return drawn


def keys_of(command: Command) -> str:
    """The keys of a command as they are printed: `1–9`, `n →`, `Space`."""
    keys = [KEY_WORDS.get(key, key.upper() if len(key) > 1 else key) for key in command.keys if key not in SILENT_KEYS]
    in_a_row = len(keys) > 2 and all(ord(b) - ord(a) == 1 for a, b in pairwise(keys) if len(a + b) == 2)
    return f"{keys[0]}–{keys[-1]}" if in_a_row else " ".join(keys)


def statistics_rows(figures: OverlayFigures) -> list[tuple[str, str]]:
    """Name and value of each line."""
    size = "–" if figures.size is None else f"{figures.size[0]}×{figures.size[1]}"
    latency = f"{_shown(figures.latency_p50_ms)} ms, p95 {_shown(figures.latency_p95_ms)} ms"
    return [
        ("painted", f"{figures.painted_fps:.1f} fps of {figures.captured_fps:.1f}"),
        ("latency", latency),
        ("net", f"{_shown(figures.net_ms)} ms at {size}"),
        ("engine", figures.engine or "–"),
        ("dropped", f"{figures.dropped}"),
    ]


def _shown(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:.0f}" if milliseconds >= 10 else f"{milliseconds:.1f}"


Rows = list[tuple[str, str]]


def _help_size(columns: tuple[Rows, Rows], width: int, height: int) -> int:
    """The largest letters with which everything stands on the picture."""
    lines = len(columns[0]) + HELP_EXTRA_LINES
    size = max(LEAST_SIZE_PX, min(round(height * 0.045), int(height / lines / LINE_SPACING)))
    while size > LEAST_SIZE_PX:
        wanted = sum(_column_width(each, size) for each in columns) + 4 * size
        if wanted <= width:
            break
        size = max(LEAST_SIZE_PX, min(size - 1, size * width // wanted))
    return size


def _keys_width(column: Rows, size: int) -> int:
    return max(width_of(keys, size, BOLD) for keys, _ in column) + size


def _column_width(column: Rows, size: int) -> int:
    return _keys_width(column, size) + max(width_of(text, size) for _, text in column)


def _draw_column(pixels: Pixels, column: Rows, left: int, top: int, size: int) -> None:
    keys_width = _keys_width(column, size)
    for number, (keys, text) in enumerate(column):
        baseline = top + round(size * LINE_SPACING) * number + size
        letter(pixels, keys, left, baseline, size, ACCENT, BOLD)
        letter(pixels, text, left + keys_width, baseline, size)


def _centred(pixels: Pixels, width: int, height: int) -> Box:
    return Box((pixels.shape[1] - width) // 2, (pixels.shape[0] - height) // 2, width, height)


def _caption(pixels: Pixels, text: str, size: int, top: int, colour: Colour) -> None:
    """One line in the middle, with its panel; smaller letters before it is cut off."""
    room = pixels.shape[1] - 2 * size
    while size > LEAST_SIZE_PX + 2 and width_of(text, size) > room:
        size -= 1
    text = fitted(text, size, room)
    width = width_of(text, size)
    left = (pixels.shape[1] - width) // 2
    darken(pixels, Box(left - size, top, width + 2 * size, round(size * 1.7)))
    letter(pixels, text, left, top + round(size * 1.18), size, colour)
