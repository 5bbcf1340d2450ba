"""A sink that keeps nothing: what is left of the loop is the speed of the rest."""

from realtime.frame import Frame


class NullSink:
    """Counts frames and forgets them."""

    def __init__(self) -> None:
        self.frames = 0

    def write(self, frame: Frame) -> None:
        self.frames += 1

    def close(self) -> None:
        """Nothing to complete."""
