"""When the samples of a sound device were heard, on our clock: smooth, and in step with it for ever."""

import math

FINAL_BANDWIDTH_HZ = 0.03  # jitter of tens of milliseconds then moves the times by less than one
FIRST_BANDWIDTH = 0.4  # over the seconds heard so far: the start is found quickly
MOST_TURN = 0.5  # radians at once, or the loop would not settle
MOST_SPEED_ERROR = 0.01  # sound cards are a hundred times better; sound servers may not be
FAR_SECONDS = 0.1  # further off for a second: samples were lost, this is no late wake-up
FAR_FOR_SECONDS = 1.0
MOST_ERROR_SECONDS = 0.03  # of what is believed of one late block


class SoundClock:
    """Maps a position in the device's samples, in its own seconds, to our clock.

    A delay-locked loop after F. Adriaensen, "Using a DLL to filter time" (2005): what the device delivers late or in
    bursts hardly moves the times, while the difference in speed between the two clocks is learned. Where samples were
    lost the times jump once.
    """

    def __init__(self) -> None:
        self._begun: float | None = None
        self._position = 0.0
        self._time = 0.0
        self._speed = 1.0
        self._far_since: float | None = None

    def hear(self, position_seconds: float, heard_at: float) -> None:
        """The sample at this position was heard at about `heard_at`; positions rise."""
        if self._begun is None:
            self._begun = position_seconds
            self._jump(position_seconds, heard_at)
            return
        error = heard_at - self.time_of(position_seconds)
        if self._is_lasting(position_seconds, error):
            self._jump(position_seconds, heard_at)
        elif position_seconds > self._position:
            self._follow(position_seconds, max(-MOST_ERROR_SECONDS, min(error, MOST_ERROR_SECONDS)))

    def time_of(self, position_seconds: float) -> float:
        """When the sample at this position was heard, `time.perf_counter()` seconds."""
        return self._time + self._speed * (position_seconds - self._position)

    def _follow(self, position: float, error: float) -> None:
        passed = position - self._position
        since_begin = position - (self._begun or 0.0)
        bandwidth = max(FINAL_BANDWIDTH_HZ, FIRST_BANDWIDTH / since_begin)
        turn = min(MOST_TURN, 2 * math.pi * bandwidth * passed)
        self._time = self.time_of(position) + math.sqrt(2) * turn * error
        self._position = position
        if bandwidth == FINAL_BANDWIDTH_HZ:  # before, a late first block would pass for a slow device
            speed = self._speed + turn * turn * error / passed
            self._speed = max(1 - MOST_SPEED_ERROR, min(speed, 1 + MOST_SPEED_ERROR))

    def _is_lasting(self, position: float, error: float) -> bool:
        if abs(error) < FAR_SECONDS:
            self._far_since = None
            return False
        if self._far_since is None:
            self._far_since = position
        return position - self._far_since >= FAR_FOR_SECONDS

    def _jump(self, position: float, heard_at: float) -> None:
        self._position, self._time = position, heard_at
        self._far_since = None
