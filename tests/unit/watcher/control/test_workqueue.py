from __future__ import annotations

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
