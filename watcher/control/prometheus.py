"""The traffic of all models from a Prometheus that scrapes them: three queries a round, however many models.

And the figures of the versions of one model, for the verdict on a canary.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from watcher.core.traffic import BUCKETS, PREDICTIONS, QUANTILE, REQUESTS, Traffic
from watcher.core.types import ModelId, ModelStatus
from watcher.core.verdict import Figures
from watcher.errors import Retryable
from watcher.net.get import Getter

Key = TypeVar("Key")

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


_OF_MODEL = 'namespace="{namespace}",model_name="{model}",' + _ENDPOINT
_VERSION_SUM = "sum by (model_version{more}) (increase({metric}{{{labels}}}[{seconds:.0f}s]))"


def version_queries(model: ModelId, seconds: float) -> dict[str, str]:
    """Return the queries for the versions of one model. Its names are those of Kubernetes, and need no escaping."""
    labels = _OF_MODEL.format(namespace=model.namespace, model=model.name)

    def of(metric: str, more: str = "", code: str = "") -> str:
        return _VERSION_SUM.format(more=more, metric=metric, labels=labels + code, seconds=seconds)

    return {
        "requests": of(REQUESTS),
        "failures": of(REQUESTS, code=',code=~"5.."'),
        "p99": f"histogram_quantile({QUANTILE}, {of(BUCKETS, more=', le')})",
    }


class Prometheus:
    """Asks a Prometheus by its HTTP API."""

    def __init__(self, url: str, getter: Getter | None = None) -> None:
        self._url, self._getter = url.rstrip("/"), getter or Getter()

    def measure(self, models: Sequence[ModelStatus]) -> Mapping[ModelId, Traffic]:
        """Return the traffic of each model.

        Raises:
            Retryable: `Unreachable`, it does not answer, or what answers is no Prometheus.

        """
        found = {name: self._query(query, _model_of) for name, query in QUERIES.items()}
        return {status.id: _traffic({name: of.get(status.id) for name, of in found.items()}) for status in models}

    def versions(self, model: ModelId, seconds: float) -> Mapping[str, Figures]:
        """Return the figures of the last seconds of each version of a model that was scraped.

        Raises:
            Retryable: `Unreachable`, as of `measure`.

        """
        found = {name: self._query(query, _version_of) for name, query in version_queries(model, seconds).items()}
        return {
            version: Figures(
                requests, found["failures"].get(version, 0.0) / requests, _known(found["p99"].get(version))
            )
            for version, requests in found["requests"].items()
            if math.isfinite(requests) and requests > 0
        }

    def close(self) -> None:
        """End the query in progress."""
        self._getter.close()

    def _query(self, query: str, key_of: Callable[[Mapping[str, str]], Key]) -> dict[Key, float]:
        url = f"{self._url}/api/v1/query?{urlencode({'query': query})}"
        body = self._getter.get(url, seconds=QUERY_SECONDS, most=MOST_BYTES)
        try:
            result = json.loads(body or b"")["data"]["result"]
            return {key_of(item["metric"]): float(item["value"][1]) for item in result}
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            reason = f"no Prometheus answers at {self._url} (--prometheus-url)"
            raise Retryable("Unreachable", reason) from error


def _model_of(labels: Mapping[str, str]) -> ModelId:
    return ModelId(labels.get("namespace", ""), labels.get("model_name", ""))


def _version_of(labels: Mapping[str, str]) -> str:
    return labels.get("model_version", "")


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _traffic(figures: Mapping[str, float | None]) -> Traffic:
    known = {name: value for name, of in figures.items() if (value := _known(of)) is not None}
    if known.get("rate") and "errors" not in known:
        known["errors"] = 0.0  # PromQL returns nothing for a sum of no series
    return Traffic(**known)
