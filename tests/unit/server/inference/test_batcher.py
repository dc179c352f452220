"""What waits is predicted together and answered apart; too much of it is refused; a bad one fails alone."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from server.errors import Overloaded
from server.inference.batcher import Batcher, Limits, together
from server.inference.observer import Observer
from server.model.cost_model import Cost
from server.model.methods import Method

SHORT, LONG = (1e-5, 1e-7), (1.0, 1.0)
"""Seconds of a call and of a row."""


class Calls:
    """A model that gives the sum of each row, refuses negative ones, and remembers how it was called."""

    def __init__(self, pause: float = 0) -> None:
        self.rows: list[int] = []
        self.threads: set[str] = set()
        self._pause = pause

    def __call__(self, X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self.rows.append(len(X))
        self.threads.add(threading.current_thread().name)
        time.sleep(self._pause)
        if (X < 0).any():
            raise ValueError("negative")
        return X.sum(axis=1)


class Heard(Observer):
    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.batches: list[int] = []

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
    return await asyncio.gather(*(batcher.predict(X, method) for X in given), return_exceptions=True)


def test_what_waits_is_one_call_and_each_gets_its_own_rows(make: Callable[..., Batcher]) -> None:
    calls, heard = Calls(), Heard()
    batcher = make(calls, observer=heard)
    answers = asyncio.run(ask(batcher, row(1, 2), np.array([[3, 4], [5, 6.0]]), row(7, 8)))
    assert [answer.tolist() for answer in answers] == [[3], [7, 11], [15]]
    assert (calls.rows, heard.batches, batcher.rows) == ([4], [4], 0)


def test_what_has_arrived_but_is_not_yet_read_is_waited_for(make: Callable[..., Batcher]) -> None:
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


def test_a_bad_request_fails_alone_and_changes_no_other(make: Callable[..., Batcher]) -> None:
    heard = Heard()
    good, bad, other = asyncio.run(ask(make(Calls(), observer=heard), row(1, 2), row(-1, 2), row(3, 4)))
    assert (good.tolist(), other.tolist()) == ([3], [7])
    assert isinstance(bad, ValueError)
    assert heard.batches == [2]


def test_what_failed_altogether_is_not_counted_as_predicted(make: Callable[..., Batcher]) -> None:
    heard = Heard()
    asyncio.run(ask(make(Calls(), observer=heard), row(-1, 2)))
    assert heard.batches == []


def test_a_batch_ends_at_its_most_rows_and_the_rest_follows(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    answers = asyncio.run(ask(make(calls, batch_rows=2), *(row(i, 0) for i in range(5))))
    assert [answer.tolist() for answer in answers] == [[0], [1], [2], [3], [4]]
    assert calls.rows == [2, 2, 1]


def test_more_rows_than_a_batch_may_have_are_predicted_by_themselves(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    asyncio.run(ask(make(calls, batch_rows=2), np.ones((5, 2)), row(1, 1)))
    assert calls.rows == [5, 1]


def test_a_model_that_is_not_batchable_is_asked_one_by_one(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    asyncio.run(ask(make(calls, batchable=False), row(1, 2), row(3, 4)))
    assert calls.rows == [1, 1]


def test_other_methods_widths_and_types_are_not_mixed(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    batcher = make(calls)

    async def mixed() -> None:
        one, two, wide = row(1, 2), row(3, 4), row(1, 2, 3)
        await asyncio.gather(ask(batcher, one, wide, two), ask(batcher, one, two.astype(int), method="predict_proba"))

    asyncio.run(mixed())
    assert calls.rows == [2, 1, 1, 1]


def test_what_is_long_runs_in_the_thread_and_what_is_short_does_not(make: Callable[..., Batcher]) -> None:
    short, long = Calls(), Calls()
    asyncio.run(ask(make(short), row(1, 2)))
    asyncio.run(ask(make(long, LONG, deadline=99), row(1, 2)))
    assert short.threads == {threading.main_thread().name}
    assert long.threads == {"predict_0"}


def test_a_cost_that_held_the_event_loop_is_trusted_again_after_many_others() -> None:
    cost = Cost(*SHORT)
    cost.held(0.05)
    assert cost.fits(1, 0.001)
    for many in (1000, 10000):
        cost.held(0.051)
        for _ in range(many):
            assert not cost.fits(1, 0.001)
            cost.observe(1, 1e-5)
        assert cost.fits(1, 0.001)


def test_what_comes_while_the_thread_is_busy_is_the_next_batch(make: Callable[..., Batcher]) -> None:
    calls = Calls(pause=0.05)
    batcher = make(calls, LONG, deadline=99)

    async def first_then_more() -> None:
        first = asyncio.create_task(batcher.predict(row(1, 2), "predict"))
        await asyncio.sleep(0.02)
        await ask(batcher, row(1, 2), row(3, 4), row(5, 6))
        await first

    asyncio.run(first_then_more())
    assert calls.rows == [1, 3]


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again(make: Callable[..., Batcher]) -> None:
    heard = Heard()
    first, refused = asyncio.run(ask(make(Calls(), observer=heard, queue_rows=1), row(1, 2), row(3, 4)))
    assert first.tolist() == [3]
    assert isinstance(refused, Overloaded)
    assert str(refused) == "1 rows wait already, and with these 1 more than 1 would (--queue-rows)"
    assert (refused.retry_after, heard.reasons) == (1, ["queue"])


def test_an_empty_queue_takes_any_request(make: Callable[..., Batcher]) -> None:
    (answer,) = asyncio.run(ask(make(Calls(), LONG, queue_rows=1, deadline=0.001), np.ones((3, 2))))
    assert answer.tolist() == [2, 2, 2]


def test_an_empty_queue_takes_any_request_although_another_runs(make: Callable[..., Batcher]) -> None:
    begun, taken = threading.Event(), threading.Event()

    def model(X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        begun.set()
        taken.wait(10)
        return X.sum(axis=1)

    batcher = make(model, (0.003, 1e-6), queue_rows=1)

    async def one_runs_and_one_comes() -> Any:
        first = asyncio.create_task(batcher.predict(row(1, 2), "predict"))
        await asyncio.to_thread(begun.wait, 10)
        asyncio.get_running_loop().call_soon(taken.set)
        return [*await ask(batcher, np.ones((3, 2))), await first]

    large, first = asyncio.run(one_runs_and_one_comes())
    assert (large.tolist(), first.tolist()) == ([2, 2, 2], [3])


def test_what_would_wait_beyond_the_deadline_is_refused_before_it_waits(make: Callable[..., Batcher]) -> None:
    heard = Heard()
    _, refused = asyncio.run(ask(make(Calls(), LONG, observer=heard, deadline=1.5), row(1, 2), row(3, 4)))
    assert isinstance(refused, Overloaded)
    assert (refused.retry_after, heard.reasons) == (2, ["deadline"])


def test_each_of_those_that_go_one_by_one_makes_the_wait_longer(make: Callable[..., Batcher]) -> None:
    together, one_by_one, unbatched = Heard(), Heard(), Heard()
    rows = [row(1, 2)] * 5
    asyncio.run(ask(make(Calls(), (1.0, 1e-6), observer=together, deadline=2.5), *rows))
    asyncio.run(ask(make(Calls(), (1.0, 1e-6), batchable=False, observer=one_by_one, deadline=2.5), *rows))
    asyncio.run(ask(make(Calls(), (1.0, 1e-6), batch_rows=1, observer=unbatched, deadline=2.5), *rows))
    assert (together.reasons, one_by_one.reasons, unbatched.reasons) == ([], ["deadline"] * 2, ["deadline"] * 2)


def test_what_has_waited_beyond_the_deadline_is_not_predicted_any_more(make: Callable[..., Batcher]) -> None:
    calls = Calls(pause=0.05)
    batcher = make(calls, (0.003, 1e-6), batch_rows=1, deadline=0.02)
    answers = asyncio.run(ask(batcher, row(1, 2), row(3, 4)))
    assert answers[0].tolist() == [3]
    assert isinstance(answers[1], Overloaded)
    assert calls.rows == [1]


def test_what_is_late_is_told_so_while_another_prediction_still_runs(make: Callable[..., Batcher]) -> None:
    begun, told, heard = threading.Event(), threading.Event(), Heard()

    def model(X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        begun.set()
        assert told.wait(10)
        return X.sum(axis=1)

    batcher = make(model, (0.003, 1e-6), observer=heard, deadline=0.05)

    async def one_runs_two_wait() -> Any:
        first = asyncio.create_task(batcher.predict(row(1, 2), "predict"))
        await asyncio.to_thread(begun.wait, 10)
        late = await asyncio.wait_for(ask(batcher, row(3, 4), row(5, 6)), 5)
        assert not first.done()
        told.set()
        return [*late, (await first).tolist()]

    *late, first = asyncio.run(one_runs_two_wait())
    assert [str(error) for error in late] == ["no answer within 0.05 s (--deadline)"] * 2
    assert (first, heard.reasons, batcher.rows) == ([3], ["deadline", "deadline"], 0)


def test_a_client_that_has_gone_is_not_predicted_for(make: Callable[..., Batcher]) -> None:
    calls = Calls()
    batcher = make(calls)

    async def gone() -> None:
        waiting = [asyncio.create_task(batcher.predict(row(i, 0), "predict")) for i in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(gone())
    assert (calls.rows, batcher.rows) == ([2], 0)


def test_an_answer_that_cannot_be_split_is_asked_for_again_one_by_one() -> None:
    sizes: list[int] = []

    def one_number(X: Any) -> Any:
        sizes.append(len(X))
        return np.array([len(X)])

    assert [answer.tolist() for answer in together(one_number, [row(1), row(2)])] == [[1], [1]]
    assert sizes == [2, 1, 1]


def test_the_cost_follows_what_is_observed_but_no_single_pause() -> None:
    cost = Cost(0.001, 0.0001)
    assert cost.seconds(10) == pytest.approx(0.002)
    cost.observe(10, 2.0)
    assert cost.seconds(10) < 0.003
    for _ in range(60):
        cost.observe(10, 0.02)
    assert cost.seconds(10) == pytest.approx(0.02, rel=0.1)
    assert cost.rows_in(cost.seconds(7) * 1.001) == 7


@pytest.mark.parametrize("odd", [StopIteration, SystemExit])
def test_what_asyncio_cannot_hand_over_is_an_error_like_any_other(make: Callable[..., Batcher], odd: Any) -> None:
    def model(X: Any) -> Any:
        raise odd

    batcher = make(model, LONG, deadline=99)
    assert [type(answer) for answer in asyncio.run(ask(batcher, row(1)))] == [RuntimeError]
    assert not batcher.is_busy
