"""Whatever waits is predicted together: a queue, bounded in rows and in time, and one runner behind it.

No request is held back for others to come. Two things make batches nonetheless: while one prediction runs, the next
requests gather; and before each one the event loop turns a few times, in which it reads what has already arrived.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from server.errors import Overloaded
from server.inference.observer import Observer
from server.model.methods import Method

TURNS = 3
"""Of the event loop before a prediction: read the sockets, start the handlers, let them parse. Of 16 clients a batch
holds 7.6 without them, 14.9 with three, 15.0 with five; a lone client loses nothing that can be measured."""

SOON = 0.001
"""Seconds: a timer may come a little early by another clock."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may wait, and how long."""

    batch_rows: int = 1024
    queue_rows: int = 32768
    deadline: float = 10.0
    inline: float = 0.002


@dataclass(slots=True)
class Waiting:
    method: str
    X: Any
    rows: int
    seconds: float
    """That its prediction is expected to add to what waits."""
    answer: asyncio.Future[Any]
    since: float = field(default_factory=time.perf_counter)


class Batcher:
    """Answers predictions for one model, the oldest first, and with it those that go together."""

    def __init__(self, methods: Mapping[str, Method], thread: Executor, limits: Limits, observer: Observer) -> None:
        self._methods, self._thread, self._limits, self._observer = methods, thread, limits, observer
        self._queue: deque[Waiting] = deque()
        self._running = False
        self._seconds_waiting, self._seconds_running = 0.0, 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.rows = 0

    @property
    def is_busy(self) -> bool:
        """Whether something waits or runs."""
        return self._running

    def batches(self, method: Method) -> bool:
        """Whether what waits for this method is predicted together."""
        return method.batchable and self._limits.batch_rows > 1

    async def predict(self, X: Any, method: str) -> Any:
        """Wait for the answer. Raises `Overloaded`, or what the model raises."""
        loop, rows = asyncio.get_running_loop(), len(X)
        self._admit(rows)
        seconds = self._methods[method].cost.seconds(rows) - self._call(method)
        waiting = Waiting(method, X, rows, seconds, loop.create_future())
        self._queue.append(waiting)
        self.rows += rows
        self._seconds_waiting += waiting.seconds
        if self._timer is None:
            self._timer = loop.call_later(self._limits.deadline, self._expire, loop)
        if not self._running:
            self._running = True
            loop.call_soon(self._turn, loop, TURNS)
        return await waiting.answer

    def _wait(self) -> float:
        """Seconds until what is there now is answered."""
        call = self._call(self._queue[0].method) if self._queue else 0.0
        return self._seconds_running + call + self._seconds_waiting

    def _call(self, name: str) -> float:
        """Seconds of a call that is paid once by all that wait for it together; 0 where each pays its own."""
        method = self._methods[name]
        return method.cost.seconds(0) if self.batches(method) else 0.0

    def _admit(self, rows: int) -> None:
        """Refuse at once what would be refused later: a full queue, or a wait beyond the deadline.

        Where nothing waits, the queue takes any request, or a large one could never be answered.
        """
        wait, most = self._wait(), self._limits.queue_rows
        if self.rows and self.rows + rows > most:
            waiting = f"{self.rows} rows wait already, and with these {rows} more than {most} would (--queue-rows)"
            self._refuse("queue", waiting, wait)
        if wait > self._limits.deadline:
            self._refuse("deadline", f"the wait would be {wait:.0f} s (--deadline)", wait)

    def _refuse(self, reason: str, message: str, wait: float) -> NoReturn:
        self._observer.record_rejection(reason)
        raise Overloaded(message, max(1, math.ceil(wait)))

    def _turn(self, loop: asyncio.AbstractEventLoop, left: int) -> None:
        if left:
            loop.call_soon(self._turn, loop, left - 1)
        else:
            self._next(loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Predict for what waits: here if that is short, in the thread if health would have to wait for it."""
        batch = self._take()
        if not batch:
            self._running = False
            return
        method, rows = self._methods[batch[0].method], sum(item.rows for item in batch)
        if method.cost.fits(rows, self._limits.inline):
            done = outcomes(method, batch)
            method.cost.held(done.seconds)
            self._answer(batch, done)
            loop.call_soon(self._turn, loop, TURNS)
            return
        self._seconds_running = method.cost.seconds(rows)
        running = loop.run_in_executor(self._thread, outcomes, method, batch)
        running.add_done_callback(lambda done: self._finished(loop, batch, done))

    def _finished(self, loop: asyncio.AbstractEventLoop, batch: list[Waiting], done: asyncio.Future[Outcomes]) -> None:
        self._seconds_running = 0.0
        if not done.cancelled():  # by the end of the process
            self._answer(batch, done.result())
        self._next(loop)

    def _take(self) -> list[Waiting]:
        """The oldest, and whatever may be predicted with it; those that gave up or waited too long are dropped."""
        batch: list[Waiting] = []
        rest: deque[Waiting] = deque()
        now, rows = time.perf_counter(), 0
        while self._queue and (not batch or self.batches(self._methods[batch[0].method])):
            item = self._queue.popleft()
            if self._is_over(item, now):
                self._leave(item)
            elif not batch or (self._together(batch[0], item) and rows + item.rows <= self._limits.batch_rows):
                batch.append(item)
                rows += item.rows
                self._leave(item)
                self._observer.record_wait(now - item.since)
            else:
                rest.append(item)
        self._queue.extendleft(reversed(rest))
        return batch

    def _leave(self, item: Waiting) -> None:
        """It waits no more."""
        self.rows -= item.rows
        # Of floats added and taken away something may be left.
        self._seconds_waiting = self._seconds_waiting - item.seconds if self.rows else 0.0

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refuse what is late while another prediction still runs. One timer, for the oldest: most are never late."""
        now = time.perf_counter()
        waiting, self._queue = self._queue, deque()
        for item in waiting:
            if self._is_over(item, now):
                self._leave(item)
            else:
                self._queue.append(item)
        self._timer = None
        if self._queue:
            left = self._queue[0].since + self._limits.deadline - now
            self._timer = loop.call_later(max(left, SOON), self._expire, loop)

    def _is_over(self, item: Waiting, now: float) -> bool:
        """Whether nobody waits for it any more; what waited too long is told so."""
        if item.answer.done():
            return True
        waited = now - item.since
        if waited <= self._limits.deadline:
            return False
        self._observer.record_rejection("deadline")
        item.answer.set_exception(Overloaded(f"no answer within {self._limits.deadline:g} s (--deadline)", 1))
        return True

    def _together(self, first: Waiting, item: Waiting) -> bool:
        return (
            first.method == item.method
            and type(first.X) is type(item.X) is np.ndarray
            and first.X.dtype == item.X.dtype
            and first.X.shape[1:] == item.X.shape[1:]
        )

    def _answer(self, batch: list[Waiting], outcomes: Outcomes) -> None:
        rows = sum(item.rows for item in batch)
        self._methods[batch[0].method].cost.observe(rows, outcomes.seconds)
        good = [item.rows for item, it in zip(batch, outcomes.each, strict=True) if not isinstance(it, Exception)]
        if good:
            self._observer.record_prediction(sum(good), outcomes.seconds, len(good))
        for item, outcome in zip(batch, outcomes.each, strict=True):
            if item.answer.done():  # its client has gone
                continue
            if isinstance(outcome, Exception):
                item.answer.set_exception(outcome)
            else:
                item.answer.set_result(outcome)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """A result or an exception for each request of a batch, and how long they took together."""

    each: list[Any]
    seconds: float


def outcomes(method: Method, batch: list[Waiting]) -> Outcomes:
    """Predict. Runs on the event loop or in the thread."""
    started = time.perf_counter()
    each = together(method.call, [item.X for item in batch])
    return Outcomes(each, time.perf_counter() - started)


def together(call: Callable[[Any], Any], parts: list[Any]) -> list[Any]:
    """Call once for all parts and split the result; if that fails, once for each, so that only the bad ones fail."""
    if len(parts) > 1:
        try:
            result = call(np.concatenate(parts))
        except Exception:  # noqa: BLE001 - the model's own code: anything may come
            result = None
        if isinstance(result, np.ndarray) and len(result) == sum(map(len, parts)):
            return _split(result, parts)
    return [_alone(call, part) for part in parts]


def _split(result: np.ndarray[Any, Any], parts: list[Any]) -> list[Any]:
    split, start = [], 0
    for part in parts:
        split.append(result[start : start + len(part)])
        start += len(part)
    return split


def _alone(call: Callable[[Any], Any], part: Any) -> Any:
    try:
        return call(part)
    except (StopIteration, SystemExit) as error:  # neither may be raised where an answer is awaited
        return RuntimeError(type(error).__name__)
    except Exception as error:  # noqa: BLE001 - the model's own code: anything may come; raised where it is awaited
        return error
