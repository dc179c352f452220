"""The model's life in the process: loading, ready, and predictions. Knows no Sanic."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import structlog

from server.errors import InputError, ModelError, Overloaded
from server.inference.batcher import Batcher, Limits
from server.inference.observer import Observer
from server.model.cost_model import PAUSE
from server.model.families import Call, Unsuited
from server.model.loader import LoadedModel, load
from server.model.methods import Method

log = structlog.get_logger()

Made = TypeVar("Made")

CHEAP = 60e-6
"""Seconds. A prediction that takes less is made at once: to go Sanic's way to the queue, to wait there and to be woken
costs about as much."""

BRIEF = 500e-6
"""Seconds. The same for a model that is never batched, which has nothing to gain from a queue; with 64 of them in one
turn of the event loop, health still answers within 32 ms."""


class Predictor:
    """One model, and the one thread that runs what is long, so that health and metrics always answer."""

    def __init__(
        self, path: Path, limits: Limits | None = None, observer: Observer | None = None, *, direct: bool = True
    ) -> None:
        self._path, self._limits, self._observer = path, limits or Limits(), observer or Observer()
        self._may_be_direct = direct
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")
        self._batcher: Batcher | None = None
        self.model: LoadedModel | None = None
        self.load_seconds = 0.0
        self.features: int | None = None
        self._direct: Call | None = None
        self.max_direct_rows = 0
        """How many rows `at_once` takes; none where there is no direct evaluation."""

    async def load(self) -> LoadedModel:
        """Load and warm up. Raises `ModelError`."""
        started = time.monotonic()
        run = asyncio.get_running_loop().run_in_executor
        model = await run(self._thread, lambda: load(self._path, direct=self._may_be_direct))
        self._serve(model)
        self.load_seconds = time.monotonic() - started
        return model

    def _serve(self, model: LoadedModel) -> None:
        self._batcher = Batcher(model.methods, self._thread, self._limits, self._observer)
        predict = model.methods["predict"]
        self.features, self._direct = model.schema.features, predict.direct
        # What is loaded by now is never garbage. Without this each full collection would look at all of
        # scikit-learn's objects again, and a request in a few thousand would wait for that: tens of milliseconds.
        gc.freeze()
        gc.enable()
        self.model = model
        self.adjust()

    def adjust(self) -> None:
        """Let what was observed lately decide how many rows are answered at once; called now and then."""
        if self.model is not None and self._direct is not None:
            predict = self.model.methods["predict"]
            self.max_direct_rows = predict.cost.rows_in(self._seconds_at_once(predict))

    @property
    def reason(self) -> str:
        """Why there are no predictions yet; "" when there are."""
        return "" if self.model else "the model is loading"

    @property
    def queued_rows(self) -> int:
        return self._batcher.rows if self._batcher else 0

    async def run_in_thread(self, work: Callable[..., Made], *arguments: Any) -> Made:
        """What `work` makes of the arguments, while the event loop goes on; after the predictions that run and wait."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def predict(self, X: Any, method: str = "predict") -> Any:
        """What the model's `method` gives for these rows: `predict`, `predict_proba`, `decision_function`, `transform`.

        X is float64 (rows, features), or whatever else the model takes that has a length: an object array, a DataFrame.

        Raises:
            InputError: the model has no such method, or refused the input.
            ModelError: the model failed, or is not there yet.
            Overloaded: too much waits already.

        """
        if self.model is None or self._batcher is None:
            raise ModelError(self.reason)
        if method not in self.model.methods:
            raise InputError(f"the model has no {method}(); it has {', '.join(sorted(self.model.methods))}")
        try:
            answer = await self._answer(X, method, self.model.methods[method])
        except (Overloaded, asyncio.CancelledError):
            raise
        except ValueError as error:
            raise InputError(f"the model refused the input: {(str(error).splitlines() or [''])[0]}") from error
        except Exception as error:
            log.error("prediction failed", error=f"{type(error).__name__}: {error}")  # noqa: TRY400 - one line a fault
            raise ModelError(f"the model failed on this input: {type(error).__name__}") from error
        if method == "predict":
            self._observer.record_answer(X, answer)
        return answer

    async def _answer(self, X: Any, name: str, method: Method) -> Any:
        """Through the queue, or at once where that is faster."""
        assert self._batcher
        rows = len(X)
        if self._batcher.is_busy or not method.cost.fits(rows, self._seconds_at_once(method)):
            return await self._batcher.predict(X, name)
        started = time.perf_counter()
        try:
            answer = method.call(X)
        finally:
            seconds = time.perf_counter() - started
            method.cost.held(seconds)
        method.cost.observe(rows, seconds)
        self._observer.record_prediction(rows, seconds)
        return answer

    def _seconds_at_once(self, method: Method) -> float:
        """Seconds that a prediction may take to be made without the queue."""
        return CHEAP if self._batcher and self._batcher.batches(method) else BRIEF

    def predict_direct(self, X: np.ndarray[Any, Any]) -> Any:
        """What `predict` would give, where direct evaluation is faster than the queue; else None.

        X is float64 in C order, as wide as the model, of finite numbers: all others are scikit-learn's own to answer.
        """
        if self._direct is None or len(X) > self.max_direct_rows:
            return None
        try:
            return self._direct(X)
        except Unsuited:
            return None

    def record_duration(self, rows: int, seconds: float) -> None:
        """Tell how long `at_once` took for so many rows."""
        assert self.model
        cost = self.model.methods["predict"].cost
        cost.observe(rows, seconds)
        if seconds > PAUSE:
            cost.held(seconds)
            self.adjust()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
