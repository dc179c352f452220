"""A model that records its calls, and requests to a batcher."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import numpy as np

from server.inference.batcher import Batcher
from server.inference.observer import Observer

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


def row(*values: float) -> np.ndarray[Any, Any]:
    return np.array([values], dtype=np.float64)


async def ask(batcher: Batcher, *given: Any, method: str = "predict") -> list[Any]:
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*(batcher.predict(X, method) for X in given), return_exceptions=True)
