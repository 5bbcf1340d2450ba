"""The size at which the net paints, set by one thread and read by another."""

MULTIPLE_PX = 4


class PaintSize:
    """A height in pixels; the width follows the source's shape. No size is larger than the source."""

    def __init__(self, height: int) -> None:
        self.height = height

    def for_source(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) for a source of this size, in steps that the nets take without padding."""
        if self.height >= height:
            return width, height
        scaled = width * self.height / height
        return max(MULTIPLE_PX, round(scaled / MULTIPLE_PX) * MULTIPLE_PX), self.height
