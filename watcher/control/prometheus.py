"""The traffic of all models from a Prometheus that scrapes them: three queries a round, however many models.

And the figures of the versions of one model, for the verdict on a canary.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from watcher.core.naming import SUFFIX, object_name
from watcher.core.traffic import BUCKETS, PREDICTIONS, QUANTILE, REQUESTS, Traffic
from watcher.core.types import ModelId, ModelStatus
from watcher.core.verdict import Figures
from watcher.errors import Retryable
from watcher.net.get import Getter

Key = TypeVar("Key")

QUERY_SECONDS = 10.0
MOST_BYTES = 16 * 1024 * 1024
"""Bytes of an answer: 5,000 models take 1 MB."""

_TRACKS = ("", "canary")
"""The tracks that clients' requests reach. A shadow gets copies of them."""
_ENDPOINT = f'endpoint=~"{PREDICTIONS}"'
_FAILED = 'code=~"5.."'


def _by_model(metric: str, *more: str, of: str = "") -> str:
    """Return the rate of each model, and of each value of the labels `more`, by the name of its Service."""
    labels = ",".join(filter(None, (f'job=~".+{SUFFIX}(-canary)?"', _ENDPOINT, of)))
    named = f'label_replace(rate({metric}{{{labels}}}[2m]), "model_name", "$1", "job", "(.+){SUFFIX}(?:-canary)?")'
    return f"sum by ({', '.join(('namespace', 'model_name', *more))}) ({named})"


QUERIES = {
    "rate": _by_model(REQUESTS),
    "p99": f"histogram_quantile({QUANTILE}, {_by_model(BUCKETS, 'le')})",
    "errors": f"{_by_model(REQUESTS, of=_FAILED)} / {_by_model(REQUESTS)}",
}
"""Figure → PromQL. `namespace` and `job`, the name of the Service, say which model a figure is of. Prometheus sets both
for each target. What a target exports of itself does not count: code in one model could name another one there."""


def version_queries(model: ModelId, seconds: float) -> dict[str, str]:
    """Return the queries for the versions of one model. Its names are those of Kubernetes, and need no escaping."""
    jobs = "|".join(object_name(model, track) for track in _TRACKS)
    own = f'namespace="{model.namespace}",job=~"{jobs}",{_ENDPOINT}'

    def by_version(metric: str, *more: str, of: str = own) -> str:
        return f"sum by ({', '.join(('job', 'model_version', *more))}) (increase({metric}{{{of}}}[{seconds:.0f}s]))"

    return {
        "requests": by_version(REQUESTS),
        "failures": by_version(REQUESTS, of=f"{own},{_FAILED}"),
        "p99": f"histogram_quantile({QUANTILE}, {by_version(BUCKETS, 'le')})",
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

    def versions(self, model: ModelId, seconds: float) -> Mapping[tuple[str, str], Figures]:
        """Return the figures of the last seconds of each version that was scraped, by its track and its name.

        Raises:
            Retryable: `Unreachable`, as of `measure`.

        """
        tracks = {object_name(model, track): track for track in _TRACKS}

        def place(labels: Mapping[str, str]) -> tuple[str, str]:
            return tracks[labels["job"]], labels.get("model_version", "")

        found = {name: self._query(query, place) for name, query in version_queries(model, seconds).items()}
        return {
            at: Figures(requests, _share(found["failures"].get(at, 0.0) / requests), _known(found["p99"].get(at)))
            for at, requests in found["requests"].items()
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


def _share(value: float) -> float:
    """Return a share of requests. PromQL extrapolates each counter by itself, so that it can be a little above 1."""
    return min(value, 1.0)


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _traffic(figures: Mapping[str, float | None]) -> Traffic:
    known = {name: value for name, of in figures.items() if (value := _known(of)) is not None}
    if known.get("rate") or "errors" in known:  # PromQL returns nothing for a sum of no series
        known["errors"] = _share(known.get("errors", 0.0))
    return Traffic(**known)
