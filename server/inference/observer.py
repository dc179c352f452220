"""The events of inference that metrics are made of."""

from __future__ import annotations

from typing import Any


class Observer:
    """Receive events, always on the event loop. This base class ignores them."""

    def record_wait(self, seconds: float) -> None:
        """Record how long one request waited in the queue."""

    def record_prediction(self, rows: int, seconds: float, requests: int = 1) -> None:
        """Record one call of the model: its rows, its duration, and the number of requests that shared it."""

    def record_answer(self, X: Any, answer: Any) -> None:
        """Record what the model's main method returned for the rows `X` of one request."""

    def record_rejection(self, reason: str) -> None:
        """Record a rejected request; `reason` is "queue", "deadline" or "bodies" (see `server.telemetry.metrics`)."""
