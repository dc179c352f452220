"""A prediction that held the event loop too long is the last one there, whether it was answered or failed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.http.fast_path import FastPath
from server.inference.batcher import Batcher, Limits
from server.inference.observer import Observer
from server.inference.predictor import Predictor
from server.model.cost_model import Cost
from server.model.loader import LoadedModel
from server.model.methods import Method
from server.schema import Schema
from server.telemetry.metrics import Metrics

X = np.array([[1.0]])
Asked = Callable[[Method], Any]


def directly(method: Method) -> Any:
    """Ask twice without the queue, as a lone client of a short model is answered."""
    predictor = Predictor(Path("model.joblib"))
    predictor._serve(LoadedModel({"predict": method}, Schema(), "", "", ""))

    async def twice() -> list[Any]:
        return [await answer_or_error(predictor.predict(X)) for _ in range(2)]

    try:
        return asyncio.run(twice())
    finally:
        predictor.close()


def through_the_queue(method: Method) -> Any:
    with ThreadPoolExecutor(1, "predict") as thread:
        batcher = Batcher({"predict": method}, thread, Limits(), Observer())

        async def twice() -> list[Any]:
            return [await answer_or_error(batcher.predict(X, "predict")) for _ in range(2)]

        return asyncio.run(twice())


async def answer_or_error(coming: Any) -> Any:
    try:
        return await coming
    except ValueError:
        return "failed"


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("ask_twice", [directly, through_the_queue])
def test_it_is_the_last_one_on_the_event_loop(ask_twice: Asked, fails: bool) -> None:
    threads: list[str] = []

    def call(rows: Any) -> Any:
        threads.append(threading.current_thread().name)
        time.sleep(0.06)
        if fails:
            raise ValueError
        return "answered"

    expected_to_be_short = Cost(1e-6, 1e-6)
    answers = ask_twice(Method(call, expected_to_be_short))
    assert answers == ["failed" if fails else "answered"] * 2
    assert threads == [threading.main_thread().name, "predict_0"]


def test_the_hot_path_has_its_last_one_too() -> None:
    held: list[float] = []

    def direct(rows: Any) -> Any:
        held.append(0.06)
        time.sleep(0.06)
        return rows.sum(axis=1)

    predictor = Predictor(Path("model.joblib"))
    expected_to_be_short = Cost(1e-6, 1e-6)
    predictor._serve(
        LoadedModel({"predict": Method(direct, expected_to_be_short, direct=direct)}, Schema(1), "", "", "")
    )
    hot = FastPath(predictor, Metrics("model", ""), "model")
    answers = [hot.answer(b"/predict", b'{"data": [[1.0]]}', 0.0) for _ in range(2)]
    predictor.close()
    assert answers == [b'{"predictions":[1.0]}', None]
    assert len(held) == 1


def test_what_the_hot_path_takes_moves_the_cost() -> None:
    cost = Cost(1e-6, 1e-6)
    predictor = Predictor(Path("model.joblib"))
    predictor._serve(LoadedModel({"predict": Method(len, cost, direct=len)}, Schema(1), "", "", ""))
    for _ in range(100):
        predictor.record_duration(1, 1e-3)
    predictor.close()
    assert cost.seconds(1) > 0.9e-3
