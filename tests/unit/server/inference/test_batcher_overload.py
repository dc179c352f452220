"""When the batcher rejects a request: a full queue, or a wait beyond the deadline."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from server.errors import Overloaded
from server.inference.batcher import Batcher
from tests.unit.server.inference.batching import LONG, PATIENCE, Calls, Recorder, ask, row


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
