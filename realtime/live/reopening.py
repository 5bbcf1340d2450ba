"""When to open a lost source or sink again."""

from realtime.live.pacing import backoff_seconds, failures_after


class Reopening:
    """Counts the failures in a row of one source or sink; times are seconds of one monotonic clock."""

    def __init__(self, opened_at: float) -> None:
        self._failures = 0
        self._opened_at: float | None = opened_at
        self._lost_at = opened_at
        self._retry_at = opened_at

    @property
    def retry_at(self) -> float:
        """When it may be opened again."""
        return self._retry_at

    def failed(self, now: float) -> None:
        """It was lost, or could not be opened."""
        if self._opened_at is not None:
            self._lost_at = now
        good_seconds = 0.0 if self._opened_at is None else now - self._opened_at
        self._opened_at = None
        self._failures = failures_after(self._failures, good_seconds)
        self._retry_at = now + backoff_seconds(self._failures)

    def opened(self, now: float) -> float:
        """It is back; tells for how many seconds it was away."""
        self._opened_at = now
        return now - self._lost_at
