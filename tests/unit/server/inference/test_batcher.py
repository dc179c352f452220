"""How the batcher groups requests into calls of the model."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from server.inference.batcher import Batcher
from server.inference.placement import BLOCKED_LOOP_SECONDS, LOOP_TURNS
from tests.unit.server.inference.batching import LONG, PATIENCE, SHORT, Calls, Recorder, ask, row


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


def test_predict_lists_of_strings_do_not_share_a_call(make: Callable[..., Batcher]) -> None:
    sizes: list[int] = []

    def model(X: Any) -> Any:
        sizes.append(len(X))
        return np.zeros(len(X))

    asyncio.run(ask(make(model), ["a"], ["b"]))
    assert sizes == [1, 1]
