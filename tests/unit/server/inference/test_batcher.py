"""Batches, the limits of the queue, and the deadline."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from server.errors import Overloaded
from server.inference.batcher import Batcher, Limits
from server.inference.observer import Observer
from server.inference.placement import BLOCKED_LOOP_SECONDS, LOOP_TURNS
from server.model.cost_model import Cost
from server.model.methods import Method

SHORT, LONG = (1e-5, 1e-7), (1.0, 1.0)
"""Seconds of a call and of a row."""

PATIENCE = 120
"""Seconds. Bound of every wait for progress, on a busy machine too."""


class Calls:
    """A model that returns the sum of each row, refuses negative values, and records its calls."""

    def __init__(self, pause: float = 0) -> None:
        self.rows: list[int] = []
        self.threads: list[str] = []
        self._pause = pause

    def __call__(self, X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self.rows.append(len(X))
        self.threads.append(threading.current_thread().name)
        time.sleep(self._pause)
        if (X < 0).any():
            raise ValueError("negative")
        return X.sum(axis=1)


class Recorder(Observer):
    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.batches: list[int] = []
        self.waits: list[float] = []

    def record_wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    def record_prediction(self, rows: int, seconds: float, requests: int = 1) -> None:
        self.batches.append(rows)

    def record_rejection(self, reason: str) -> None:
        self.reasons.append(reason)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1, "predict") as made:
        yield made


@pytest.fixture
def make(thread: ThreadPoolExecutor) -> Callable[..., Batcher]:
    def made(
        call: Any,
        cost: tuple[float, float] = SHORT,
        *,
        batchable: bool = True,
        observer: Observer | None = None,
        **limits: Any,
    ) -> Batcher:
        methods = {name: Method(call, Cost(*cost), batchable) for name in ("predict", "predict_proba")}
        return Batcher(methods, thread, Limits(**limits), observer or Observer())

    return made


def row(*values: float) -> np.ndarray[Any, Any]:
    return np.array([values], dtype=np.float64)


async def ask(batcher: Batcher, *given: Any, method: str = "predict") -> list[Any]:
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*(batcher.predict(X, method) for X in given), return_exceptions=True)


def test_predict_concurrent_requests_share_one_call_and_each_gets_its_rows(make: Callable[..., Batcher]) -> None:
    calls, recorder = Calls(), Recorder()
    batcher = make(calls, observer=recorder)
    answers = asyncio.run(ask(batcher, row(1, 2), np.array([[3, 4], [5, 6.0]]), row(7, 8)))
    assert [answer.tolist() for answer in answers] == [[3], [7, 11], [15]]
    assert (calls.rows, recorder.batches, batcher.queued_rows) == ([4], [4], 0)


def test_predict_requests_of_the_next_turns_of_the_loop_share_the_call(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    batcher = make(calls)

    async def one_after_the_other() -> None:
        waiting = []
        for i in range(3):  # each in a turn of the event loop of its own, as connections are read
            waiting.append(asyncio.create_task(batcher.predict(row(i, 0), "predict")))
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)

    asyncio.run(one_after_the_other())
    assert calls.rows == [3]


def test_predict_a_bad_request_fails_alone(make: Callable[..., Batcher]) -> None:
    recorder = Recorder()
    good, bad, other = asyncio.run(ask(make(Calls(), observer=recorder), row(1, 2), row(-1, 2), row(3, 4)))
    assert (good.tolist(), other.tolist()) == ([3], [7])
    assert isinstance(bad, ValueError)
    assert recorder.batches == [2]


def test_predict_a_failed_call_is_not_recorded_as_a_prediction(make: Callable[..., Batcher]) -> None:
    recorder = Recorder()
    asyncio.run(ask(make(Calls(), observer=recorder), row(-1, 2)))
    assert recorder.batches == []


def test_predict_more_than_batch_rows_is_split_into_several_calls_in_order(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    answers = asyncio.run(ask(make(calls, batch_rows=2), *(row(i, 0) for i in range(5))))
    assert [answer.tolist() for answer in answers] == [[0], [1], [2], [3], [4]]
    assert calls.rows == [2, 2, 1]


def test_predict_a_request_larger_than_batch_rows_is_called_alone(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    asyncio.run(ask(make(calls, batch_rows=2), np.ones((5, 2)), row(1, 1)))
    assert calls.rows == [5, 1]


def test_predict_a_method_that_is_not_batchable_is_called_for_each_request(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    asyncio.run(ask(make(calls, batchable=False), row(1, 2), row(3, 4)))
    assert calls.rows == [1, 1]


def test_predict_other_methods_widths_and_types_do_not_share_a_call(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    batcher = make(calls)

    async def mixed() -> None:
        one, two, wide = row(1, 2), row(3, 4), row(1, 2, 3)
        await asyncio.gather(ask(batcher, one, wide, two), ask(batcher, one, two.astype(int), method="predict_proba"))

    asyncio.run(mixed())
    assert calls.rows == [2, 1, 1, 1]


def test_predict_a_long_prediction_runs_in_the_thread_and_a_short_one_does_not(make: Callable[..., Batcher]) -> None:
    short, long = Calls(), Calls()
    asyncio.run(ask(make(short), row(1, 2)))
    asyncio.run(ask(make(long, LONG, deadline=99), row(1, 2)))
    assert short.threads == [threading.main_thread().name]
    assert long.threads == ["predict_0"]


def test_predict_requests_that_arrive_during_a_prediction_are_the_next_batch(make: Callable[..., Batcher]) -> None:
    calls = Calls(pause=0.05)
    batcher = make(calls, LONG, deadline=99)

    async def first_then_more() -> None:
        first = asyncio.create_task(batcher.predict(row(1, 2), "predict"))
        await asyncio.sleep(0.02)
        await ask(batcher, row(1, 2), row(3, 4), row(5, 6))
        await first

    asyncio.run(first_then_more())
    assert calls.rows == [1, 3]


def test_predict_with_a_full_queue_is_rejected_immediately_with_retry_after(make: Callable[..., Batcher]) -> None:
    recorder = Recorder()
    first, refused = asyncio.run(ask(make(Calls(), observer=recorder, queue_rows=1), row(1, 2), row(3, 4)))
    assert first.tolist() == [3]
    assert isinstance(refused, Overloaded)
    assert str(refused) == "the queue already holds 1 rows; 1 more would exceed the limit of 1 (--queue-rows)"
    assert (refused.retry_after, recorder.reasons) == (1, ["queue"])


def test_predict_an_empty_queue_accepts_any_size(make: Callable[..., Batcher]) -> None:
    (answer,) = asyncio.run(ask(make(Calls(), LONG, queue_rows=1, deadline=0.001), np.ones((3, 2))))
    assert answer.tolist() == [2, 2, 2]


def test_predict_an_empty_queue_accepts_any_size_while_another_prediction_runs(make: Callable[..., Batcher]) -> None:
    started, released = threading.Event(), threading.Event()

    def model(X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        started.set()
        released.wait(PATIENCE)
        return X.sum(axis=1)

    batcher = make(model, (0.003, 1e-6), queue_rows=1)

    async def one_runs_and_one_comes() -> Any:
        first = asyncio.create_task(batcher.predict(row(1, 2), "predict"))
        await asyncio.to_thread(started.wait, PATIENCE)
        asyncio.get_running_loop().call_soon(released.set)
        return [*await ask(batcher, np.ones((3, 2))), await first]

    large, first = asyncio.run(one_runs_and_one_comes())
    assert (large.tolist(), first.tolist()) == ([2, 2, 2], [3])


def test_predict_an_expected_wait_beyond_the_deadline_is_rejected_immediately(make: Callable[..., Batcher]) -> None:
    recorder = Recorder()
    _, refused = asyncio.run(ask(make(Calls(), LONG, observer=recorder, deadline=1.5), row(1, 2), row(3, 4)))
    assert isinstance(refused, Overloaded)
    assert (refused.retry_after, recorder.reasons) == (2, ["deadline"])


def test_predict_the_expected_wait_counts_a_call_for_each_unbatched_request(make: Callable[..., Batcher]) -> None:
    together, one_by_one, unbatched = Recorder(), Recorder(), Recorder()
    rows = [row(1, 2)] * 5
    asyncio.run(ask(make(Calls(), (1.0, 1e-6), observer=together, deadline=2.5), *rows))
    asyncio.run(ask(make(Calls(), (1.0, 1e-6), batchable=False, observer=one_by_one, deadline=2.5), *rows))
    asyncio.run(ask(make(Calls(), (1.0, 1e-6), batch_rows=1, observer=unbatched, deadline=2.5), *rows))
    assert (together.reasons, one_by_one.reasons, unbatched.reasons) == ([], ["deadline"] * 2, ["deadline"] * 2)


def test_predict_a_request_that_is_late_at_its_turn_is_not_predicted(make: Callable[..., Batcher]) -> None:
    calls = Calls(pause=0.05)
    batcher = make(calls, (0.003, 1e-6), batch_rows=1, deadline=0.02)
    answers = asyncio.run(ask(batcher, row(1, 2), row(3, 4)))
    assert answers[0].tolist() == [3]
    assert isinstance(answers[1], Overloaded)
    assert calls.rows == [1]


def test_predict_late_requests_are_rejected_while_a_prediction_still_runs(make: Callable[..., Batcher]) -> None:
    started, released, recorder = threading.Event(), threading.Event(), Recorder()

    def model(X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        started.set()
        assert released.wait(PATIENCE)
        return X.sum(axis=1)

    batcher = make(model, (0.003, 1e-6), observer=recorder, deadline=0.05)

    async def one_runs_two_wait() -> Any:
        first = asyncio.create_task(batcher.predict(row(1, 2), "predict"))
        await asyncio.to_thread(started.wait, PATIENCE)
        late = await asyncio.wait_for(ask(batcher, row(3, 4), row(5, 6)), PATIENCE)
        assert not first.done()
        released.set()
        return [*late, (await first).tolist()]

    *late, first = asyncio.run(one_runs_two_wait())
    assert [str(error) for error in late] == ["no prediction within 0.05 s (--deadline): the server is overloaded"] * 2
    assert (first, recorder.reasons, batcher.queued_rows) == ([3], ["deadline", "deadline"], 0)


def test_predict_a_cancelled_request_is_not_predicted(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    batcher = make(calls)

    async def gone() -> None:
        waiting = [asyncio.create_task(batcher.predict(row(i, 0), "predict")) for i in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(gone())
    assert (calls.rows, batcher.queued_rows) == ([2], 0)


@pytest.mark.parametrize("cost", [SHORT, LONG])
def test_predict_an_exit_of_the_model_fails_its_requests_and_the_next_is_answered(
    make: Callable[..., Batcher], cost: tuple[float, float]
) -> None:
    def model(X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if (X < 0).any():
            raise SystemExit
        return X.sum(axis=1)

    batcher = make(model, cost, deadline=99)

    async def bad_then_good() -> list[Any]:
        return [*await ask(batcher, row(-1), row(-2)), *await ask(batcher, row(3))]

    first, second, third = asyncio.run(bad_then_good())
    assert (repr(first), repr(second), third.tolist()) == ("RuntimeError('SystemExit')",) * 2 + ([3],)


@pytest.mark.parametrize("fails", [False, True])
def test_predict_after_a_prediction_blocked_the_loop_uses_the_thread(make: Callable[..., Batcher], fails: bool) -> None:
    calls = Calls(pause=BLOCKED_LOOP_SECONDS + 0.01)
    batcher = make(calls)

    async def twice() -> None:
        for _ in range(2):
            await ask(batcher, row(-1.0 if fails else 1.0))

    asyncio.run(twice())
    assert calls.threads == [threading.main_thread().name, "predict_0"]


def test_predict_between_two_predictions_on_the_loop_the_loop_turns(make: Callable[..., Batcher]) -> None:
    turns, at_call = 0, []

    def model(X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        at_call.append(turns)
        return X.sum(axis=1)

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def three_alone() -> None:
        counting = asyncio.create_task(count_turns())
        await ask(make(model, batchable=False), row(1), row(2), row(3))
        counting.cancel()

    asyncio.run(three_alone())
    assert [later - earlier for earlier, later in itertools.pairwise(at_call)] == [LOOP_TURNS] * 2


def test_predict_the_expected_wait_counts_the_running_prediction_until_it_ends(make: Callable[..., Batcher]) -> None:
    started, released, recorder = threading.Event(), threading.Event(), Recorder()

    def model(X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        started.set()
        assert released.wait(PATIENCE)
        return X.sum(axis=1)

    batcher = make(model, LONG, observer=recorder, deadline=1.5)

    async def during_and_after() -> list[Any]:
        first = asyncio.create_task(batcher.predict(row(1), "predict"))
        await asyncio.to_thread(started.wait, PATIENCE)
        during = await ask(batcher, row(2))
        released.set()
        return [*during, await first, *await ask(batcher, row(3))]

    during, first, after = asyncio.run(during_and_after())
    assert str(during) == "the expected wait of 2 s in the queue exceeds the limit of 1.5 s (--deadline)"
    assert (first.tolist(), after.tolist(), recorder.reasons) == ([1], [3], ["deadline"])


def test_predict_with_max_loop_seconds_0_uses_the_thread(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    asyncio.run(ask(make(calls, max_loop_seconds=0.0), row(1)))
    assert calls.threads == ["predict_0"]


def test_predict_records_the_wait_of_each_request_and_the_cost_of_the_call(make: Callable[..., Batcher]) -> None:
    recorder, cost = Recorder(), (1e-4, 1e-7)
    batcher = make(Calls(pause=0.01), cost, observer=recorder)
    asyncio.run(ask(batcher, row(1), row(2)))
    assert len(recorder.waits) == 2
    assert batcher._methods["predict"].cost.seconds(1) > 1.2 * sum(cost)


def test_predict_requests_that_do_not_fit_into_a_batch_keep_their_order(make: Callable[..., Batcher]) -> None:
    order: list[float] = []

    def model(X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        order.extend(X[:, 0].tolist())
        return X.sum(axis=1)

    asyncio.run(ask(make(model, batch_rows=1), *(row(i) for i in range(4))))
    asyncio.run(ask(make(model, batch_rows=2), row(4), row(5, 0), row(6, 0, 0), row(7)))
    assert order == [0, 1, 2, 3, 4, 7, 5, 6]


def test_predict_a_client_that_leaves_during_the_prediction_changes_no_other(make: Callable[..., Batcher]) -> None:
    batcher = make(Calls(pause=0.05), LONG, deadline=99)

    async def one_leaves() -> Any:
        leaving, staying = (asyncio.create_task(batcher.predict(row(i), "predict")) for i in (1, 2))
        await asyncio.sleep(0.02)
        leaving.cancel()
        return await asyncio.wait_for(staying, PATIENCE)

    assert asyncio.run(one_leaves()).tolist() == [2]


def test_predict_requests_that_become_late_one_after_the_other_are_each_rejected(make: Callable[..., Batcher]) -> None:
    started, released = threading.Event(), threading.Event()

    def model(X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        started.set()
        assert released.wait(PATIENCE)
        return X.sum(axis=1)

    batcher = make(model, (0.003, 1e-6), deadline=0.05)

    async def one_runs_two_wait() -> list[Any]:
        first = asyncio.create_task(batcher.predict(row(1), "predict"))
        await asyncio.to_thread(started.wait, PATIENCE)
        second = asyncio.create_task(ask(batcher, row(2)))
        await asyncio.sleep(0.03)
        late = [*await second, *await asyncio.wait_for(ask(batcher, row(3)), PATIENCE)]
        released.set()
        await first
        return late

    assert [type(error) for error in asyncio.run(one_runs_two_wait())] == [Overloaded] * 2


def test_predict_after_many_requests_expects_no_wait(make: Callable[..., Batcher]) -> None:
    batcher = make(Calls(), (0.1, 0.1), deadline=99, batchable=False)
    asyncio.run(ask(batcher, *(row(i) for i in range(10))))
    assert batcher._expected_wait() == 0.0


def test_predict_lists_of_strings_do_not_share_a_call(make: Callable[..., Batcher]) -> None:
    sizes: list[int] = []

    def model(X: Any) -> Any:
        sizes.append(len(X))
        return np.zeros(len(X))

    asyncio.run(ask(make(model), ["a"], ["b"]))
    assert sizes == [1, 1]
