"""Do the same for many items at once, in threads that never delay the end of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def for_each(function: Callable[[Item], Result], items: Iterable[Item], threads: int, name: str) -> list[Result]:
    """Return the result of `function` for each item, in order, from at most this many threads.

    The threads of `concurrent.futures` are joined when the process ends, so that one name resolution that hangs would
    delay a stop by as long as it hangs. These are daemon threads.

    Raises:
        Exception: what `function` raised first; items that no thread had begun are left out.

    """
    left = list(enumerate(items))[::-1]
    results: dict[int, Result] = {}
    errors: list[Exception] = []

    def work() -> None:
        while not errors:
            try:
                index, item = left.pop()  # atomic
            except IndexError:
                return
            try:
                results[index] = function(item)
            except Exception as error:  # noqa: BLE001 - raised in the caller's thread
                errors.append(error)

    count = min(threads, len(left))
    workers = [threading.Thread(target=work, name=f"{name}-{number}", daemon=True) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
    return [results[index] for index in sorted(results)]
