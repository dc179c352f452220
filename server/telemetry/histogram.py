"""A histogram that costs a request one `list.append`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np


class Histogram:
    """Counts by upper bound (inclusive), and a sum. Values are buffered until `flush`."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = np.array(bounds)
        self._counts = np.zeros(len(bounds) + 1, dtype=np.int64)
        self._buffer: list[float] = []
        self.sum = 0.0
        self.observe: Callable[[float], None] = self._buffer.append
        """Buffer one value."""
        self.extend: Callable[[Iterable[float]], None] = self._buffer.extend
        """Buffer several values."""

    def flush(self) -> None:
        """Count the buffered values."""
        if self._buffer:
            self.add(np.array(self._buffer))
            self._buffer.clear()

    def add(self, values: np.ndarray[Any, Any]) -> None:
        """Count these values now."""
        indices = np.searchsorted(self._bounds, values)
        self._counts += np.bincount(indices, minlength=len(self._counts))
        self.sum += float(values.sum())

    def buckets(self) -> list[tuple[str, float]]:
        """Return (upper bound, number of values up to it), as `HistogramMetricFamily.add_metric` takes them."""
        bounds = [*map(str, self._bounds.tolist()), "+Inf"]
        return list(zip(bounds, np.cumsum(self._counts).astype(float).tolist(), strict=True))
