"""At which size the net paints, so that strokes are as large as they are meant to be.

A painting does not get finer because it is photographed larger. So the net paints a copy of the same number of lines
whatever the picture's size, and `guided_join` brings that to full size.
"""

LINES = 360  # of the shorter side: what nets are trained to be used at, with strokes as large as a painter's
LEAST_STROKE, MOST_STROKE = 0.5, 4.0
MULTIPLE_PX = 4  # in such steps the nets take sizes without padding
LEAST_PX = 32


def painting_size(size: tuple[int, int], stroke: float = 1.0) -> tuple[int, int]:
    """The size (width, height) at which to paint a picture of `size`.

    `stroke` is how large strokes are: 1 as the net was trained, 2 twice as large. A picture of fewer than 360 lines is
    painted at its own size where `stroke` is 1.
    """
    shorter = min(size)
    return size_at(size, shorter, max(min(LINES, shorter) / stroke, min(LEAST_PX, shorter)))


def size_at(size: tuple[int, int], side: int, length: float) -> tuple[int, int]:
    """`size` (width, height), one `side` of which gets that `length`, in steps that the nets like; itself where it has.

    The side gets it to the bit, so that films which differ in size alone are painted at the same number of lines.
    """
    if length == side:
        return size
    width, height = (_in_steps(length if other == side else other * length / side) for other in size)
    return width, height


def _in_steps(length: float) -> int:
    return max(LEAST_PX, round(length / MULTIPLE_PX) * MULTIPLE_PX)


def size_at_height(size: tuple[int, int], height: int | None) -> tuple[int, int]:
    """`size` (width, height) at another height, the width even, as encoders like it; itself where None is asked for."""
    if height is None or height == size[1]:
        return size
    return max(2, round(size[0] * height / size[1] / 2) * 2), height
