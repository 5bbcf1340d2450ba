"""How well a painting shows the picture it was made of, without knowing the style: its edges, and its use of the range.

A picture that went in or came out in a wrong form loses one of them: what is read as 0..1 and is −1..1 is black in its
darker half, 0..1 read as 0..255 is black all over, and a net that was given 0..255 for −1..1 is driven to its ends.
"""

import numpy as np

from engines.networks.picture_graph import LUMA

WHITE = 255.0
BLUR = 2.0  # deviation, in pixels, below which strokes are not compared
DARKEST, BRIGHTEST = 2, 98  # percentiles
MOST_BEYOND = 4.0  # how many times as bad as it looks what lies beyond the range is
UNLIKE = 0.1  # a painting that keeps no edges still has a range, and counts so much
WHOLE_RANGE = 0.6  # of 0..255: a picture that spreads over so much uses its range


def likeness(frame: np.ndarray, painted: np.ndarray) -> float:
    """0..1 for a frame uint8 [H, W, 3] and what was painted of it, [H', W', 3] in 0..255 and perhaps beyond."""
    if not np.isfinite(painted).all():
        return 0.0
    clipped = painted.clip(0, WHITE)
    beyond = float(np.abs(painted - clipped).mean()) / WHITE
    shown = UNLIKE + (1 - UNLIKE) * kept_edges(frame, painted)
    return shown * used_range(clipped) * max(0.0, 1 - MOST_BEYOND * beyond)


def kept_edges(frame: np.ndarray, painted: np.ndarray) -> float:
    """The correlation of how steep the luma is, 0..1, place by place, at the frame's size."""
    import cv2

    height, width = frame.shape[:2]
    clipped = np.asarray(painted.clip(0, WHITE), np.float32)
    one = _steepness(frame.astype(np.float32) @ np.array(LUMA, np.float32))
    other = _steepness(cv2.resize(clipped, (width, height), interpolation=cv2.INTER_AREA) @ np.array(LUMA, np.float32))
    if not one.std() or not other.std():
        return 0.0
    return max(0.0, float(np.corrcoef(one.ravel(), other.ravel())[0, 1]))


def used_range(painted: np.ndarray) -> float:
    """Which share of its range a picture spreads over, up to 1: from its dark places to its bright ones."""
    dark, bright = np.percentile(painted, (DARKEST, BRIGHTEST))
    return min(1.0, float(bright - dark) / WHITE / WHOLE_RANGE)


def _steepness(luma: np.ndarray) -> np.ndarray:
    import cv2

    smooth = cv2.GaussianBlur(luma, (0, 0), BLUR)
    down, across = np.gradient(np.asarray(smooth, np.float64))
    steepness: np.ndarray = np.hypot(down, across)
    return steepness
