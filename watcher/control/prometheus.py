"""The traffic of all models from a Prometheus that scrapes them: three queries a round, however many models."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from watcher.core.traffic import BUCKETS, PREDICTIONS, QUANTILE, REQUESTS, Traffic
from watcher.core.types import ModelId, ModelStatus
from watcher.errors import Retryable
from watcher.net.get import Getter

QUERY_SECONDS = 10.0
MOST_BYTES = 16 * 1024 * 1024
"""Bytes of an answer: 5,000 models take 1 MB."""

_ENDPOINT = f'endpoint=~"{PREDICTIONS}"'
_BY = "sum by (namespace, model_name{more}) (rate({metric}{{{labels}}}[2m]))"
_RATE = _BY.format(more="", metric=REQUESTS, labels=_ENDPOINT)
QUERIES = {
    "rate": _RATE,
    "p99": f"histogram_quantile({QUANTILE}, {_BY.format(more=', le', metric=BUCKETS, labels=_ENDPOINT)})",
    "errors": _BY.format(more="", metric=REQUESTS, labels=f'{_ENDPOINT},code=~"5.."') + f" / {_RATE}",
}
"""Figure → PromQL. Prometheus names the namespace of each target; the server itself, its model."""


class Prometheus:
    """Asks a Prometheus by its HTTP API."""

    def __init__(self, url: str, getter: Getter | None = None) -> None:
        self._url, self._getter = url.rstrip("/"), getter or Getter()

    def measure(self, models: Sequence[ModelStatus]) -> Mapping[ModelId, Traffic]:
        """Return the traffic of each model.

        Raises:
            Retryable: `Unreachable`, it does not answer, or what answers is no Prometheus.

        """
        found = {name: self._query(query) for name, query in QUERIES.items()}
        return {status.id: _traffic({name: of.get(status.id) for name, of in found.items()}) for status in models}

    def close(self) -> None:
        """End the query in progress."""
        self._getter.close()

    def _query(self, query: str) -> dict[ModelId, float]:
        url = f"{self._url}/api/v1/query?{urlencode({'query': query})}"
        body = self._getter.get(url, seconds=QUERY_SECONDS, most=MOST_BYTES)
        try:
            return dict(_value(item) for item in json.loads(body or b"")["data"]["result"])
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            reason = f"no Prometheus answers at {self._url} (--prometheus-url)"
            raise Retryable("Unreachable", reason) from error


def _value(item: Any) -> tuple[ModelId, float]:
    labels = item["metric"]
    return ModelId(labels.get("namespace", ""), labels.get("model_name", "")), float(item["value"][1])


def _traffic(figures: Mapping[str, float | None]) -> Traffic:
    known = {name: value for name, value in figures.items() if value is not None and math.isfinite(value)}
    if known.get("rate") and "errors" not in known:
        known["errors"] = 0.0  # PromQL returns nothing for a sum of no series
    return Traffic(**known)
