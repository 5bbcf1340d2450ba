"""When what arrives now was captured, and whether more has arrived than was taken: pure functions of time."""

MOST_BEHIND_SECONDS = 0.5
WAITED_SECONDS = 0.002  # a packet that took longer was not there yet
FORGETTING = 0.001  # of the distance at each packet: follows clocks that differ by a ten-thousandth to a few ms


class Arrival:
    """Relates a stream's clock to ours by the packets that came quickest.

    A packet much later than those was held up on its way, or lay here unread. Only in the second case did the reading
    not have to wait, and only then it helps to throw packets away.
    """

    def __init__(self) -> None:
        self.zero_at: float | None = None  # when the stream's second 0 would have come, by our clock
        self._waited = False

    def waited(self, seconds: float) -> None:
        """How long the next packet, of picture or sound, was waited for."""
        self._waited |= seconds >= WAITED_SECONDS

    def behind(self, seconds: float, now: float) -> bool:
        """Whether a picture's packet of the stream's time `seconds`, read `now`, has lain unread for long."""
        distance = now - seconds
        waited, self._waited = self._waited, False
        if self.zero_at is None or distance < self.zero_at:
            self.zero_at = distance
        late = distance - self.zero_at
        if late > MOST_BEHIND_SECONDS and waited:  # the way has become longer, or the clock was set back
            self.zero_at, late = distance, 0.0
        self.zero_at += FORGETTING * late
        return late > MOST_BEHIND_SECONDS

    def captured_at(self, seconds: float, now: float) -> float:
        """When the picture of the stream's time `seconds` would have come on the quickest way, at most `now`."""
        return now if self.zero_at is None else min(now, self.zero_at + seconds)
