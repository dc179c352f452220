"""A batcher with one thread, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from server.inference.batcher import Batcher, Limits
from server.inference.observer import Observer
from server.model.cost_model import Cost
from server.model.methods import Method
from tests.unit.server.inference.batching import SHORT


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
