"""A window with everything behind it that has to do with keys, in a process of its own.

Qt ends the process when its screen goes away, so the tests look at it from outside. Each line on stdout is JSON: what
the board said, with the settings after it; the last one tells how the window ended. Arguments: address, width, height.
"""

import json
import sys
import threading
from dataclasses import asdict
from fractions import Fraction

import numpy as np

from realtime.frames.frame import Frame
from realtime.frames.request import SinkRequest
from realtime.live.control.board import ControlBoard
from realtime.live.control.settings import LiveSettings
from realtime.live.window.overlay import OverlayFigures
from realtime.live.window.viewer import BoardViewer
from realtime.sinks.window import open_window

RED_LEFT, BLUE_RIGHT = (200, 40, 30), (20, 60, 210)
FIGURES = OverlayFigures(painted_fps=27.4, captured_fps=30, size=(640, 360), engine="OpenVINO", dropped=3)
IDLE_SECONDS = 0.01


def halves(width: int, height: int) -> Frame:
    """Red on the left, blue on the right."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:, : width // 2] = RED_LEFT
    pixels[:, width // 2 :] = BLUE_RIGHT
    return Frame(pixels, 0.0, 0.0)


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


def main(address: str, width: int, height: int) -> None:
    stop = threading.Event()
    board = ControlBoard(
        LiveSettings(style="waves"), ("waves", "night"), on_snapshot=lambda: "picture.png", on_quit=stop.set
    )
    viewer = BoardViewer(board, lambda: FIGURES)
    window = open_window(address, SinkRequest(size=(width, height), frame_rate=Fraction(30), viewer=viewer, stop=stop))
    window.write(halves(width, height))
    tell(shown=True)
    settings, said = board.settings, board.said
    while not stop.wait(IDLE_SECONDS):
        window.idle()
        if (board.settings, board.said) != (settings, said):
            settings, said = board.settings, board.said
            tell(said=said.text, **asdict(settings))
    window.write(halves(width, height))  # as one may be on its way when the window is closed
    window.close()
    window.close()
    tell(ended=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
