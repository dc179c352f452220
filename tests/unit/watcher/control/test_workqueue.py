from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from watcher.control.workqueue import WorkQueue


def test_get_a_key_in_work_waits_until_it_is_done() -> None:
    clock = [0.0]
    queue: WorkQueue[str] = WorkQueue(lambda: clock[0])
    queue.add("a")
    queue.add("a")
    assert queue.get() == "a"
    queue.add("a")
    queue.add("b")
    assert queue.get() == "b"
    queue.done("a")
    assert queue.get() == "a"


def test_add_with_keep_later_respects_a_waiting_retry_and_a_plain_add_does_not() -> None:
    clock = [0.0]
    queue: WorkQueue[str] = WorkQueue(lambda: clock[0])
    queue.add("a", 60)
    queue.add("a", keep_later=True)
    queue.add("b", 1)
    clock[0] = 1
    assert queue.get() == "b"
    queue.add("a")
    assert queue.get() == "a"
    queue.close()
    assert queue.get() is None


def test_add_with_an_earlier_time_gives_the_key_out_earlier() -> None:
    clock = [0.0]
    queue: WorkQueue[str] = WorkQueue(lambda: clock[0])
    queue.add("a", 60)
    queue.add("a", 1)
    queue.add("a", 30)
    queue.add("b", 2)
    clock[0] = 2
    assert (queue.get(), queue.get(), len(queue)) == ("a", "b", 0)


def test_len_counts_keys_that_are_not_due_and_not_those_in_progress() -> None:
    queue: WorkQueue[str] = WorkQueue(lambda: 0.0)
    queue.add("a")
    queue.add("b", 60)
    queue.get()
    assert len(queue) == 1


@pytest.mark.parametrize(
    ("prepare", "wake", "result"),
    [
        (lambda _: None, lambda queue: queue.add("a"), "a"),
        (lambda queue: (queue.add("a"), queue.get(), queue.add("a")), lambda queue: queue.done("a"), "a"),
        (lambda _: None, lambda queue: queue.close(), None),
    ],
)
def test_get_that_waits_returns_as_soon_as_a_key_is_due_or_the_queue_is_closed(
    prepare: Callable[[WorkQueue[str]], object], wake: Callable[[WorkQueue[str]], object], result: str | None
) -> None:
    queue: WorkQueue[str] = WorkQueue()
    prepare(queue)
    found: list[str | None] = []
    thread = threading.Thread(target=lambda: found.append(queue.get()), daemon=True)
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    wake(queue)
    thread.join(30)
    assert found == [result]
