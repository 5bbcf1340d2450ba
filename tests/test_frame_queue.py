"""The queue between two threads."""

import threading

import pytest

from realtime.frames.frame_queue import FrameQueue


def test_items_come_out_in_order_and_then_none() -> None:
    queue: FrameQueue[int] = FrameQueue(3)
    assert all(queue.put(number) for number in (1, 2, 3))
    queue.finish()
    assert [queue.get() for _ in range(4)] == [1, 2, 3, None]


def test_a_full_queue_waits_and_loses_nothing() -> None:
    queue: FrameQueue[int] = FrameQueue(2)
    lengths = []

    def fill() -> None:
        for number in range(100):
            queue.put(number)
            lengths.append(len(queue))
        queue.finish()

    thread = threading.Thread(target=fill)
    thread.start()
    taken = list(iter(queue.get, None))
    thread.join()
    assert taken == list(range(100))
    assert max(lengths) <= 2


def test_newest_only_drops_the_oldest_and_counts() -> None:
    queue: FrameQueue[int] = FrameQueue(2, newest_only=True)
    assert all(queue.put(number) for number in range(5))
    assert queue.dropped == 3
    assert [queue.get(), queue.get()] == [3, 4]


def test_what_waits_in_a_finished_queue_is_not_dropped_for_a_late_item() -> None:
    queue: FrameQueue[int] = FrameQueue(1, newest_only=True)
    queue.put(1)
    queue.finish()
    assert not queue.put(2)
    assert queue.dropped == 0
    assert queue.get() == 1


def test_abort_frees_a_waiting_writer_and_a_waiting_reader() -> None:
    full: FrameQueue[int] = FrameQueue(1)
    empty: FrameQueue[int] = FrameQueue(1)
    full.put(0)
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda: answers.append(full.put(1))),
        threading.Thread(target=lambda: answers.append(empty.get())),
    ]
    for thread in threads:
        thread.start()
    full.abort()
    empty.abort()
    for thread in threads:
        thread.join()
    assert sorted(answers, key=str) == [False, None]
    assert full.get() is None


def test_a_queue_holds_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least one"):
        FrameQueue(0)
