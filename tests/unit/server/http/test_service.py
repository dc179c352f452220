"""Where a body is parsed and an answer encoded: on the event loop if that is short, otherwise in the thread."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from server.errors import InputError
from server.http.service import MAX_INLINE_ANSWER, MAX_INLINE_BODY, Service
from server.inference.predictor import Predictor
from server.telemetry.metrics import Metrics

LOOP, THREAD = threading.main_thread().name, "predict_0"


@pytest.fixture
def service() -> Iterator[Service]:
    predictor = Predictor(Path("model.joblib"))
    yield Service(predictor, Metrics("model", ""), "model", "", max_values=7)
    predictor.close()


@pytest.mark.parametrize(("size", "where"), [(MAX_INLINE_BODY, LOOP), (MAX_INLINE_BODY + 1, THREAD)])
def test_parse_long_body_runs_in_the_thread_without_searches_for_garbage(
    service: Service, size: int, where: str
) -> None:
    def parser(body: Any, more: str, max_values: int) -> tuple[int, str, int, str, bool]:
        return len(body), more, max_values, threading.current_thread().name, gc.isenabled()

    assert asyncio.run(service.parse(parser, bytes(size), "more")) == (size, "more", 7, where, where == LOOP)
    assert gc.isenabled()


def test_parse_of_a_faulty_long_body_enables_searches_for_garbage_again(service: Service) -> None:
    def parser(body: Any, max_values: int) -> None:
        raise InputError("wrong")

    with pytest.raises(InputError, match="wrong"):
        asyncio.run(service.parse(parser, bytes(MAX_INLINE_BODY + 1)))
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("answer", "where"),
    [
        (np.zeros(MAX_INLINE_ANSWER - 1), LOOP),
        (np.zeros((MAX_INLINE_ANSWER // 2, 3)), THREAD),
        ([np.zeros(MAX_INLINE_ANSWER), np.zeros(1)], THREAD),
        (csr_matrix((MAX_INLINE_ANSWER, 2)), THREAD),
        (["yes"] * (MAX_INLINE_ANSWER + 1), THREAD),
        (5, LOOP),
    ],
)
def test_encode_long_answer_runs_in_the_thread(service: Service, answer: Any, where: str) -> None:
    def encoder(answer: Any, more: str) -> tuple[str, str]:
        return more, threading.current_thread().name

    assert asyncio.run(service.encode(encoder, answer, "more")) == ("more", where)


def test_every_route_that_takes_get_takes_head(app: Any) -> None:
    methods = {route.path: set(route.methods) for route in app.router.routes if "GET" in route.methods}
    assert len(methods) > 10
    assert {path: found for path, found in methods.items() if "HEAD" not in found} == {}
