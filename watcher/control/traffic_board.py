"""The traffic of every model, now and in the last minutes, for everything that shows it."""

from __future__ import annotations

import math
import threading
from array import array
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from watcher.control.status_board import Now, utcnow
from watcher.core.traffic import Traffic
from watcher.core.types import ModelId

POINTS = 60
"""Points that are kept of each model, 4 bytes for each figure: a quarter of an hour, and 4 MB for 5,000 models."""

FIGURES = ("rate", "p99", "errors")


class TrafficBoard:
    """The last figures of each model, and those before. Thread-safe."""

    def __init__(self, now: Now = utcnow) -> None:
        self._now, self._lock = now, threading.Lock()
        self._last: Mapping[ModelId, Traffic] = {}
        self._history: dict[ModelId, dict[str, array[float]]] = {}
        self._comparisons: dict[ModelId, str] = {}
        self.at: datetime | None = None
        self.problem = ""
        self.revision = 0
        """A number that differs whenever the figures have."""

    def publish(self, found: Mapping[ModelId, Traffic], problem: str = "") -> None:
        """Store the figures of all models, which replace those before, and why there are none."""
        with self._lock:
            self._last = {model: _rounded(item) for model, item in found.items()}
            self._history = {model: self._longer(model, item) for model, item in self._last.items()}
            self.at, self.problem = self._now(), problem
            self.revision += 1

    def get(self, model: ModelId) -> Traffic:
        """Return the last figures of a model."""
        return self._last.get(model, Traffic())

    def show_comparison(self, model: ModelId, text: str) -> None:
        """Store the figures of a model's canary and of what serves, in words; "" removes them."""
        with self._lock:
            if text == self._comparisons.get(model, ""):
                return
            self._comparisons[model] = text
            if not text:
                del self._comparisons[model]
            self.revision += 1

    def comparison(self, model: ModelId) -> str:
        """Return the figures of a model's canary and of what serves; "" without a canary that is compared."""
        return self._comparisons.get(model, "")

    def history(self) -> dict[ModelId, dict[str, list[float | None]]]:
        """Return the figures of each model, the newest last."""
        with self._lock:
            return {
                model: {name: [_known(value) for value in values] for name, values in figures.items()}
                for model, figures in self._history.items()
            }

    def _longer(self, model: ModelId, item: Traffic) -> dict[str, array[float]]:
        before = self._history.get(model, {})
        longer = {}
        for name in FIGURES:
            value = getattr(item, name)
            values = before.get(name, array("f"))[1 - POINTS :]
            values.append(math.nan if value is None else value)
            longer[name] = values
        return longer


def _rounded(item: Traffic) -> Traffic:
    """Return the figures as people read them: others would be sent to each open page although nothing has changed."""
    return Traffic(**{name: None if value is None else _known(value) for name, value in asdict(item).items()})


def _known(value: float) -> float | None:
    return float(f"{value:.3g}") if math.isfinite(value) else None
