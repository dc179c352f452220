"""The queue: requests that arrive close together are predicted by one call of the model.

No request is delayed to wait for others. Batches form in two ways. Requests accumulate while a prediction runs. And
before a prediction on the event loop, the loop turns a few times and so reads the requests that have already arrived.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from server.errors import Overloaded
from server.inference.model_call import call_batch
from server.inference.observer import Observer
from server.inference.placement import BLOCKED_LOOP_SECONDS, LOOP_TURNS, MAX_LOOP_SECONDS, Place, place
from server.model.methods import Method

MIN_TIMER = 0.001
"""Seconds. The event loop's clock may be a little ahead of perf_counter(), so a timer may fire early."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the queue and of the event loop; `server.settings` describes each."""

    batch_rows: int = 1024
    queue_rows: int = 32768
    deadline: float = 10.0
    max_loop_seconds: float = MAX_LOOP_SECONDS


@dataclass(slots=True)
class QueuedRequest:
    """A request in the queue."""

    method: str
    X: Any
    rows: int
    expected_seconds: float
    """Seconds that it is expected to add to the time until the queue is empty."""
    result: asyncio.Future[Any]
    queued_at: float = field(default_factory=time.perf_counter)


class Batcher:
    """Predict for one model, oldest request first, together with the requests that can share its call."""

    def __init__(self, methods: Mapping[str, Method], thread: Executor, limits: Limits, observer: Observer) -> None:
        self._methods, self._thread, self._limits, self._observer = methods, thread, limits, observer
        self._queue: deque[QueuedRequest] = deque()
        self._queued_seconds, self._running_seconds = 0.0, 0.0
        self._worker: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.queued_rows = 0

    @property
    def is_busy(self) -> bool:
        """Whether anything is queued or running."""
        return self._worker is not None

    def batches(self, method: Method) -> bool:
        """Return whether queued requests for this method share a call."""
        return method.batchable and self._limits.batch_rows > 1

    def place(self, method: Method, rows: int, *, idle: bool) -> Place:
        """Return where a prediction for this many rows runs; `idle` as in `placement.place`."""
        cost = method.cost
        return place(
            cost.seconds(rows),
            idle=idle,
            batched=self.batches(method),
            cooldown=cost.in_cooldown,
            max_loop_seconds=self._limits.max_loop_seconds,
        )

    async def predict(self, X: Any, method: str) -> Any:
        """Queue the rows and return their result. Raises `Overloaded`, or what the model raises."""
        loop, rows = asyncio.get_running_loop(), len(X)
        self._admit(rows)
        seconds = self._methods[method].cost.seconds(rows) - self._shared_seconds(method)
        request = QueuedRequest(method, X, rows, seconds, loop.create_future())
        self._queue.append(request)
        self.queued_rows += rows
        self._queued_seconds += seconds
        if self._timer is None:
            self._timer = loop.call_later(self._limits.deadline, self._reject_late)
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        return await request.result

    async def _work(self) -> None:
        """Predict batch after batch until the queue is empty."""
        try:
            await _turn_loop()
            while batch := self._take_batch():
                method = self._methods[batch[0].method]
                rows = sum(request.rows for request in batch)
                if self.place(method, rows, idle=False) is Place.THREAD:
                    self._running_seconds = method.cost.seconds(rows)
                    running = asyncio.get_running_loop().run_in_executor(self._thread, _timed_call, method, batch)
                    outcomes, seconds = await running
                    self._running_seconds = 0.0
                    self._deliver(method, batch, outcomes, seconds)
                    # No turns here: the loop has read what arrived in the meantime.
                else:
                    outcomes, seconds = _timed_call(method, batch)
                    if seconds > BLOCKED_LOOP_SECONDS:
                        method.cost.start_cooldown()
                    self._deliver(method, batch, outcomes, seconds)
                    await _turn_loop()
        finally:
            self._worker = None

    def _take_batch(self) -> list[QueuedRequest]:
        """Remove and return the oldest request and those that can share its call; drop late and abandoned ones."""
        batch: list[QueuedRequest] = []
        rest: deque[QueuedRequest] = deque()
        now, rows = time.perf_counter(), 0
        while self._queue and (not batch or self.batches(self._methods[batch[0].method])):
            request = self._queue.popleft()
            if self._reject_if_late(request, now):
                self._remove(request)
            elif not batch or (_can_share(batch[0], request) and rows + request.rows <= self._limits.batch_rows):
                batch.append(request)
                rows += request.rows
                self._remove(request)
                self._observer.record_wait(now - request.queued_at)
            else:
                rest.append(request)
        self._queue.extendleft(reversed(rest))
        return batch

    def _deliver(self, method: Method, batch: list[QueuedRequest], outcomes: list[Any], seconds: float) -> None:
        """Give each request its result or exception, and record the call."""
        pairs = list(zip(batch, outcomes, strict=True))
        method.cost.observe(sum(request.rows for request in batch), seconds)
        predicted = [request.rows for request, outcome in pairs if not isinstance(outcome, Exception)]
        if predicted:
            self._observer.record_prediction(sum(predicted), seconds, len(predicted))
        for request, outcome in pairs:
            if request.result.done():  # the client has disconnected
                continue
            if isinstance(outcome, Exception):
                request.result.set_exception(outcome)
            else:
                request.result.set_result(outcome)

    def _admit(self, rows: int) -> None:
        """Reject now what would be rejected later: for a full queue, or a wait beyond the deadline.

        An empty queue accepts any request: a large one could otherwise never be answered.
        """
        wait, queued, limits = self._expected_wait(), self.queued_rows, self._limits
        if queued and queued + rows > limits.queue_rows:
            limit = f"the limit of {limits.queue_rows} (--queue-rows)"
            self._reject("queue", f"the queue already holds {queued} rows; {rows} more would exceed {limit}", wait)
        if wait > limits.deadline:
            limit = f"the limit of {limits.deadline:g} s (--deadline)"
            self._reject("deadline", f"the expected wait of {wait:.0f} s in the queue exceeds {limit}", wait)

    def _reject(self, reason: str, message: str, wait: float) -> NoReturn:
        self._observer.record_rejection(reason)
        raise Overloaded(message, max(1, math.ceil(wait)))

    def _expected_wait(self) -> float:
        """Return the seconds until everything queued and running now is answered."""
        shared = self._shared_seconds(self._queue[0].method) if self._queue else 0.0
        return self._running_seconds + shared + self._queued_seconds

    def _shared_seconds(self, name: str) -> float:
        """Return the seconds of a call without its rows, which a batch pays once; 0 for a method without batches."""
        method = self._methods[name]
        return method.cost.seconds(0) if self.batches(method) else 0.0

    def _reject_late(self) -> None:
        """Reject what exceeds the deadline while a prediction runs. One timer, for the oldest: it is rarely needed."""
        now = time.perf_counter()
        requests, self._queue = self._queue, deque()
        for request in requests:
            if self._reject_if_late(request, now):
                self._remove(request)
            else:
                self._queue.append(request)
        self._timer = None
        if self._queue:
            left = self._queue[0].queued_at + self._limits.deadline - now
            self._timer = asyncio.get_running_loop().call_later(max(left, MIN_TIMER), self._reject_late)

    def _reject_if_late(self, request: QueuedRequest, now: float) -> bool:
        """Reject the request if it exceeds the deadline. Return whether it now needs no prediction."""
        if request.result.done():  # rejected already, or the client has disconnected
            return True
        if now - request.queued_at <= self._limits.deadline:
            return False
        self._observer.record_rejection("deadline")
        message = f"no prediction within {self._limits.deadline:g} s (--deadline): the server is overloaded"
        request.result.set_exception(Overloaded(message, 1))
        return True

    def _remove(self, request: QueuedRequest) -> None:
        """Subtract a request that has left the queue from its totals."""
        self.queued_rows -= request.rows
        # Reset to 0.0 when the queue is empty: float sums keep a rounding error.
        self._queued_seconds = self._queued_seconds - request.expected_seconds if self.queued_rows else 0.0


async def _turn_loop() -> None:
    for _ in range(LOOP_TURNS):
        await asyncio.sleep(0)


def _timed_call(method: Method, batch: list[QueuedRequest]) -> tuple[list[Any], float]:
    """Return the outcome of each request and the seconds of all together. Runs on the event loop or in the thread."""
    started = time.perf_counter()
    outcomes = call_batch(method.call, [request.X for request in batch])
    return outcomes, time.perf_counter() - started


def _can_share(first: QueuedRequest, other: QueuedRequest) -> bool:
    """Return whether the rows of both can be joined without changing a value."""
    return (
        first.method == other.method
        and type(first.X) is type(other.X) is np.ndarray
        and first.X.dtype == other.X.dtype
        and first.X.shape[1:] == other.X.shape[1:]
    )
