"""The size at which the net paints, set by other threads than the one that reads it."""

from realtime.painting.full_size.painting_size import painting_size, size_at


class PaintSize:
    """What `stroke` asks for, at most `height` lines; None where nothing bounds it. The width follows the source.

    `source_size` is the last that was asked about: a source may come back in another shape.
    """

    def __init__(self, stroke: float = 1.0) -> None:
        self.stroke = stroke
        self.height: int | None = None
        self.source_size: tuple[int, int] | None = None

    def for_source(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) for a source of this size."""
        self.source_size = width, height
        wanted = painting_size((width, height), self.stroke)
        if self.height is None or self.height >= wanted[1]:
            return wanted
        return size_at((width, height), height, self.height)
