"""Who may be in a net at once, and that closing it neither cuts a frame off nor waits for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engines.backends.request_slots import Seats

PATIENCE_SECONDS = 20  # what would wait for ever fails instead


def test_no_seat_is_taken_twice_at_once() -> None:
    seats = Seats("ab")
    with seats.taken() as one, seats.taken() as other:
        assert {one, other} == {"a", "b"}
    with seats.taken() as again:
        assert again in "ab"


def test_closing_gives_the_seats_back_once() -> None:
    seats = Seats("ab")
    assert sorted(seats.close()) == ["a", "b"]
    assert seats.close() == []
    with pytest.raises(ValueError, match="closed"), seats.taken():
        pass


def test_who_waits_for_a_seat_is_told_that_they_are_closed_and_who_sits_is_waited_for() -> None:
    """Two close, two wait: nobody may take for good what another still waits for."""
    seats, sitting, may_rise = Seats("a"), threading.Event(), threading.Event()

    def sit() -> str:
        with seats.taken() as seat:
            sitting.set()
            assert may_rise.wait(PATIENCE_SECONDS)
        return seat

    with ThreadPoolExecutor(5) as people:
        sitter = people.submit(sit)
        assert sitting.wait(PATIENCE_SECONDS)
        closers = [people.submit(seats.close) for _ in range(2)]
        waiters = [people.submit(sit) for _ in range(2)]
        assert not any(closer.done() for closer in closers)
        may_rise.set()
        assert sitter.result(PATIENCE_SECONDS) == "a"
        assert sorted(closer.result(PATIENCE_SECONDS) for closer in closers) == [[], ["a"]]
        told = [waiter.exception(PATIENCE_SECONDS) for waiter in waiters]
    assert all(each is None or "closed" in str(each) for each in told)
