"""The served model: load it, report whether it is ready, predict, and raise errors that a client can act on."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import structlog

from server.errors import InputError, ModelError, Overloaded, first_line
from server.inference.batcher import Batcher, Limits
from server.inference.model_call import call_one, is_refusal
from server.inference.observer import Observer
from server.inference.placement import BLOCKED_LOOP_SECONDS, Place, inline_limit
from server.inputs.plain_rows import PlainReader, plain_reader
from server.model.allow_list import AllowList
from server.model.families.base import Call, Unsuited
from server.model.load_policy import LoadPolicy
from server.model.loader import LoadedModel, load
from server.model.methods import Method
from server.schema import InputForm

log = structlog.get_logger()

Made = TypeVar("Made")


class Predictor:
    """One model, and one thread for long predictions, so that health checks and metrics are always answered."""

    def __init__(
        self,
        path: Path,
        limits: Limits | None = None,
        observer: Observer | None = None,
        *,
        direct: bool = True,
        extra_columns: str = "auto",
        policy: LoadPolicy = LoadPolicy.AUTO,
        allowed: AllowList | None = None,
    ) -> None:
        self.path, self._limits, self._observer = path, limits or Limits(), observer or Observer()
        self._may_be_direct, self._extra_columns, self._policy = direct, extra_columns, policy
        self.allowed = allowed
        """What the file may name if it is loaded as code; None: anything."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")
        self._batcher: Batcher | None = None
        self._direct: Call | None = None
        self.model: LoadedModel | None = None
        self.load_seconds = 0.0
        self.width: int | None = None
        """The columns of the matrix that `predict_direct` takes; None where it takes none."""
        self.read_plain: PlainReader | None = None
        """Reads rows that are no matrix for `predict_direct`; None where each row needs a closer look."""
        self.max_direct_rows = 0
        """The most rows that `predict_direct` accepts; 0 where there is no direct evaluation."""

    def _loaded(self) -> LoadedModel:
        return load(self.path, direct=self._may_be_direct, policy=self._policy, allowed=self.allowed)

    async def load(self) -> LoadedModel:
        """Load and warm up. Raises `ModelError`."""
        started = time.monotonic()
        run = asyncio.get_running_loop().run_in_executor
        model = await run(self._thread, self._loaded)
        if self._extra_columns != "auto":
            ignores = self._extra_columns == "ignore"
            model = replace(model, schema=replace(model.schema, ignores_extra_columns=ignores))
        self._serve(model)
        self.load_seconds = time.monotonic() - started
        return model

    def _serve(self, model: LoadedModel) -> None:
        self._batcher = Batcher(model.methods, self._thread, self._limits, self._observer)
        predict = model.methods.get("predict")
        self._direct = predict.direct if predict else None
        takes_matrix = model.schema.form is InputForm.MATRIX and self._direct
        self.width = model.schema.features if takes_matrix else None
        self.read_plain = plain_reader(model.schema) if self._direct else None
        # What is loaded now is never garbage. Without this each full collection would visit all of scikit-learn's
        # objects, and one request in a few thousand would wait for that: tens of milliseconds. The collection has been
        # disabled since the start (`server.__main__`).
        return_free_memory()
        gc.freeze()
        gc.enable()
        self.model = model
        self.update_direct_limit()

    def update_direct_limit(self) -> None:
        """Compute `max_direct_rows` from the latest cost estimate. Called ten times a second."""
        if self.model is not None and self._batcher is not None and self._direct is not None:
            predict = self.model.methods["predict"]
            self.max_direct_rows = predict.cost.max_rows(inline_limit(batched=self._batcher.batches(predict)))

    @property
    def reason(self) -> str:
        """Return why predictions are not possible yet; "" when they are."""
        return "" if self.model else "the model is loading"

    @property
    def queued_rows(self) -> int:
        """Return the number of rows in the queue."""
        return self._batcher.queued_rows if self._batcher else 0

    async def run_in_thread(self, work: Callable[..., Made], *arguments: Any) -> Made:
        """Return `work(*arguments)`, computed in the prediction thread after the predictions that it already has."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def predict(self, X: Any, method: str = "predict") -> Any:
        """Return what `answer` does, and record it for the metrics."""
        result = await self.answer(X, method)
        if self.model is not None and method == self.model.schema.main_method:
            self._observer.record_answer(X, result)
        return result

    async def answer(self, X: Any, method: str = "predict") -> Any:
        """Return the result of `method`, which is one of `server.schema.METHODS`.

        X is float64 (rows, features), or whatever else with a length the model takes: an object array, a DataFrame.

        Raises:
            InputError: the model has no such method, or refused the input.
            ModelError: the model failed, or is not loaded yet.
            Overloaded: the queue is full, or too slow for the deadline.

        """
        if self.model is None or self._batcher is None:
            raise ModelError(self.reason)
        self.model.schema.require(method)
        try:
            return await self._result(X, method)
        except (Overloaded, asyncio.CancelledError):
            raise
        except Exception as error:
            if is_refusal(error):
                raise InputError(f"the model refused the input: {first_line(error)}") from error
            log.error("prediction failed", error=f"{type(error).__name__}: {error}")  # noqa: TRY400 - one line a fault
            raise ModelError(f"the model failed on this input: {type(error).__name__}") from error

    async def _result(self, X: Any, name: str) -> Any:
        assert self.model is not None
        assert self._batcher is not None
        method = self.model.methods[name]
        if self._batcher.place(method, len(X), idle=not self._batcher.is_busy) is Place.INLINE:
            return self._call_inline(method, X)
        return await self._batcher.predict(X, name)

    def _call_inline(self, method: Method, X: Any) -> Any:
        """Return the result of a cheap prediction, computed here on the event loop."""
        started = time.perf_counter()
        outcome = call_one(method.call, X)
        seconds = time.perf_counter() - started
        if seconds > BLOCKED_LOOP_SECONDS:
            method.cost.start_cooldown()
        if isinstance(outcome, Exception):
            raise outcome
        method.cost.observe(len(X), seconds)
        self._observer.record_prediction(len(X), seconds)
        return outcome

    def predict_direct(self, X: Any) -> Any:
        """Return the result of `predict` by direct evaluation; None where that is not possible or not cheap.

        X is float64 in C order, with the model's number of columns and finite values only, or what `read_plain`
        returns. Everything else takes the regular path, and so does what the model refuses.
        """
        if self._direct is None or len(X) > self.max_direct_rows:
            return None
        try:
            return self._direct(X)
        except (Unsuited, ValueError):
            return None

    def record_duration(self, rows: int, seconds: float) -> None:
        """Update the cost estimate: `predict_direct` took `seconds` for `rows`."""
        assert self.model is not None
        cost = self.model.methods["predict"].cost
        cost.observe(rows, seconds)
        if seconds > BLOCKED_LOOP_SECONDS:
            cost.start_cooldown()
            self.update_direct_limit()

    def close(self) -> None:
        """Cancel what has not begun; do not wait for what runs, which nothing can stop."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def return_free_memory() -> None:
    """Return the memory that only the load needed to the system: 1 MB of histogram boosting. glibc would keep it."""
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
