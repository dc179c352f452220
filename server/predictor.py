"""The model's life in the process: loading, ready, and predictions off the event loop. Knows no Sanic."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from server.errors import InputError, ModelError
from server.loader import LoadedModel, load

log = structlog.get_logger()


class Predictor:
    """One model and the one thread that runs it, so that health and metrics always answer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")
        self.model: LoadedModel | None = None
        self.load_seconds = 0.0

    async def load(self) -> None:
        """Load and warm up. Raises `ModelError`."""
        started = time.monotonic()
        self.model = await asyncio.get_running_loop().run_in_executor(self._thread, load, self._path)
        self.load_seconds = time.monotonic() - started

    @property
    def reason(self) -> str:
        """Why there are no predictions yet; "" when there are."""
        return "" if self.model else "the model is loading"

    async def predict(self, X: np.ndarray[Any, Any]) -> Any:
        """Predict for float64 (rows, features).

        Raises:
            InputError: the model refused the input.
            ModelError: the model failed.

        """
        if self.model is None:
            raise ModelError(self.reason)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self.model.predict, X)
        except ValueError as error:
            raise InputError(f"the model refused the input: {(str(error).splitlines() or [''])[0]}") from error
        except Exception as error:
            log.error("prediction failed", error=f"{type(error).__name__}: {error}")  # noqa: TRY400 - one line a fault
            raise ModelError(f"the model failed on this input: {type(error).__name__}") from error

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
