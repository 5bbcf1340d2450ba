"""When something lost is tried again."""

import pytest

from realtime.frames.pacing import Reopening


def test_each_failure_in_a_row_is_waited_for_longer() -> None:
    reopening = Reopening(100.0)
    assert reopening.retry_at == 100.0
    waits = []
    now = 101.0
    for _ in range(6):
        reopening.failed(now)
        waits.append(reopening.retry_at - now)
        now = reopening.retry_at
    assert waits == pytest.approx([0.5, 1, 2, 4, 8, 8])


def test_it_tells_how_long_it_was_away_however_often_it_was_tried() -> None:
    reopening = Reopening(0.0)
    reopening.failed(50.0)
    reopening.failed(51.0)
    assert reopening.opened(57.0) == 7.0


def test_what_breaks_at_once_again_is_waited_for_longer_and_good_work_forgives() -> None:
    reopening = Reopening(0.0)
    reopening.failed(50.0)
    reopening.opened(51.0)
    reopening.failed(52.0)
    assert reopening.retry_at == 53.0
    reopening.opened(53.0)
    reopening.failed(70.0)
    assert reopening.retry_at == 70.5
    assert reopening.opened(71.0) == 1.0
