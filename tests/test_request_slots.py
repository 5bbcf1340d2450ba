"""Who may be in a net at once, and that closing it neither cuts a frame off nor waits for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engines.backends.request_slots import RequestSlots

PATIENCE_SECONDS = 20  # what would wait for ever fails instead


def test_no_slot_is_taken_twice_at_once() -> None:
    slots = RequestSlots("ab")
    with slots.taken() as one, slots.taken() as other:
        assert {one, other} == {"a", "b"}
    with slots.taken() as again:
        assert again in "ab"


def test_closing_gives_the_slots_back_once() -> None:
    slots = RequestSlots("ab")
    assert sorted(slots.close()) == ["a", "b"]
    assert slots.close() == []
    with pytest.raises(ValueError, match="closed"), slots.taken():
        pass


def test_who_waits_for_a_slot_is_told_that_they_are_closed_and_who_holds_one_is_waited_for() -> None:
    """Two close, two wait: nobody may take for good what another still waits for."""
    slots, holding, may_leave = RequestSlots("a"), threading.Event(), threading.Event()

    def hold() -> str:
        with slots.taken() as slot:
            holding.set()
            assert may_leave.wait(PATIENCE_SECONDS)
        return slot

    with ThreadPoolExecutor(5) as people:
        holder = people.submit(hold)
        assert holding.wait(PATIENCE_SECONDS)
        closers = [people.submit(slots.close) for _ in range(2)]
        waiters = [people.submit(hold) for _ in range(2)]
        assert not any(closer.done() for closer in closers)
        may_leave.set()
        assert holder.result(PATIENCE_SECONDS) == "a"
        assert sorted(closer.result(PATIENCE_SECONDS) for closer in closers) == [[], ["a"]]
        told = [waiter.exception(PATIENCE_SECONDS) for waiter in waiters]
    assert all(each is None or "closed" in str(each) for each in told)
