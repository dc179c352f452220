"""The server's metrics. A request only appends to lists; numbers are made of them now and then, and at each scrape.

Counters and histograms of the client library take a lock at each step, which a request of 30 µs would feel.
Names and meanings are declared once, in `SPECS`: the README's table is written from them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, disable_created_metrics
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from server.inference.observer import Observer
from server.model.loader import LoadedModel
from server.telemetry.feature_stats import FeatureStats, sample

# A second series for each counter and histogram, which no dashboard of ours reads.
disable_created_metrics()

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0, 16384.0)
PHASES = ("parse", "wait", "predict", "encode")
REASONS = ("queue", "deadline", "bodies")


RECORDS = 256
"""Requests of the hot path kept before they are counted: enough to count them for 1 µs each, and no pause to feel."""

ROWS_A_RECORD = 64
"""A request of more rows counts as several: their answers are kept too."""

Times = tuple[float, float, float, float, float]
"""When a request began, and its parsing, prediction, encoding, and end."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One metric: `kind` as in the client library, `labels` beside those of the model."""

    name: str
    kind: type[Metric]
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def scraped(self) -> str:
        """The name in the scraped text: counters and infos get an ending there."""
        return self.name + {CounterMetricFamily: "_total", InfoMetricFamily: "_info"}.get(self.kind, "")


def _spec(name: str, kind: type[Metric], meaning: str, *labels: str) -> Spec:
    return Spec(name, kind, meaning, labels)


REQUESTS = _spec("kubeserve_requests", CounterMetricFamily, "Requests.", "endpoint", "code")
LATENCY = _spec("kubeserve_request_duration_seconds", HistogramMetricFamily, "Latency.", "endpoint")
IN_PROGRESS = _spec(
    "kubeserve_requests_in_progress",
    GaugeMetricFamily,
    "Requests being answered; those answered from the bytes that they arrive in never wait, and are not among them.",
)
PHASE = _spec("kubeserve_phase_seconds", HistogramMetricFamily, "Time by phase: parse, wait, predict, encode.", "phase")
BATCH = _spec("kubeserve_batch_rows", HistogramMetricFamily, "Rows predicted together.")
QUEUE = _spec("kubeserve_queue_rows", GaugeMetricFamily, "Rows that wait for their prediction.")
REJECTED = _spec(
    "kubeserve_rejected", CounterMetricFamily, "Requests refused by overload: queue, deadline or bodies.", "reason"
)
PREDICTED = _spec("kubeserve_predictions", CounterMetricFamily, "Rows predicted.")
LABELLED = _spec(
    "kubeserve_predicted_labels",
    CounterMetricFamily,
    "Rows by predicted class; none for a model of more than 100 classes.",
    "label",
)
VALUES = _spec(
    "kubeserve_feature_values",
    CounterMetricFamily,
    "Values seen of a feature, in at most 32 rows of a request; no feature_… for a model of more than 200 features.",
    "feature",
)
MISSING = _spec("kubeserve_feature_missing", CounterMetricFamily, "Missing values of a feature.", "feature")
MEAN = _spec("kubeserve_feature_mean", GaugeMetricFamily, "Mean of a feature since the start.", "feature")
LEAST = _spec("kubeserve_feature_min", GaugeMetricFamily, "Least value of a feature.", "feature")
LARGEST = _spec("kubeserve_feature_max", GaugeMetricFamily, "Largest value of a feature.", "feature")
LOAD = _spec("kubeserve_model_load_seconds", GaugeMetricFamily, "Load and warm-up.")
MODEL = _spec("kubeserve_model", InfoMetricFamily, "1; the versions and the file's digest as labels.")
KSERVE = _spec("request_predict_seconds", HistogramMetricFamily, "Predict phase, as KServe names it.")
SPECS = (
    *(REQUESTS, LATENCY, IN_PROGRESS, PHASE, BATCH, QUEUE, REJECTED, PREDICTED, LABELLED),
    *(VALUES, MISSING, MEAN, LEAST, LARGEST, LOAD, MODEL, KSERVE),
)


class Distribution:
    """A histogram whose `observe` is a list's own append."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = np.array(bounds)
        self._counts = np.zeros(len(bounds) + 1, dtype=np.int64)
        self._new: list[float] = []
        self.sum = 0.0
        self.observe: Callable[[float], None] = self._new.append
        self.extend: Callable[[Iterable[float]], None] = self._new.extend

    def flush(self) -> None:
        if not self._new:
            return
        self.add(np.array(self._new))
        self._new.clear()

    def add(self, values: np.ndarray[Any, Any]) -> None:
        """Observe all of these at once."""
        places = np.searchsorted(self._bounds, values)
        self._counts += np.bincount(places, minlength=len(self._counts))
        self.sum += float(values.sum())

    @property
    def count(self) -> int:
        return int(self._counts.sum())

    def buckets(self) -> list[tuple[str, float]]:
        names = [*map(str, self._bounds.tolist()), "+Inf"]
        return list(zip(names, np.cumsum(self._counts).astype(float).tolist(), strict=True))


class Metrics(Observer):
    """What the server counts; a collector of its own registry. Used on the event loop only."""

    def __init__(
        self, model_name: str, model_version: str, queue: Callable[[], int] = lambda: 0, *, feature_stats: bool = True
    ) -> None:
        self._names, self._values = ["model_name", "model_version"], [model_name, model_version]
        self._queue = queue
        self._requests: Counter[tuple[str, str]] = Counter()
        # From 0: an alert on the rate would not see the first one of a series that begins with it.
        self._rejected = Counter(dict.fromkeys(REASONS, 0))
        self._latency: dict[str, Distribution] = {}
        self._batches = Distribution(ROWS)
        self._kserve = Distribution(SECONDS)
        self._rows = 0
        self._served: defaultdict[str, list[Any]] = defaultdict(list)
        self._unflushed = 0
        self._load, self.info = 0.0, {"library": ""}
        self.feature_stats = FeatureStats() if feature_stats else None
        self.phases = {phase: Distribution(SECONDS) for phase in PHASES}
        self.in_progress = 0
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector):
            collector(registry=self.registry)
        self.registry.register(self)

    def configure(self, model: LoadedModel, seconds: float) -> None:
        self._load = seconds
        self.info = {"library": model.library, "saved_by": model.saved_by, "digest": model.digest}
        if self.feature_stats:
            self.feature_stats.configure(model.schema.names, model.schema.features, model.schema.classes)

    def record_answer(self, X: Any, answer: Any) -> None:
        if self.feature_stats:
            self.feature_stats.record(X, answer)

    def record_request(self, endpoint: str, code: int, seconds: float) -> None:
        """Count one request. `endpoint` is a route, not a path: a scanner's inventions must not make series."""
        self._requests[endpoint, str(code)] += 1
        self._latency_of(endpoint).observe(seconds)

    def _latency_of(self, endpoint: str) -> Distribution:
        found = self._latency.get(endpoint)
        if found is None:
            found = self._latency[endpoint] = Distribution(SECONDS)
        return found

    def record_wait(self, seconds: float) -> None:
        self.phases["wait"].observe(seconds)

    def record_prediction(self, rows: int, seconds: float, requests: int = 1) -> None:
        self._rows += rows
        self._batches.observe(rows)
        self.phases["predict"].observe(seconds)
        # KServe knows no batches: its dashboards take the count for that of the requests.
        self._kserve.extend([seconds] * requests)

    def record_fast_path(self, endpoint: str, X: Any, answer: Any, times: Times) -> None:
        """Count one request of the hot path, answered with 200."""
        self._served[endpoint].append((sample(X), answer, *times))
        self._unflushed += 1 + len(answer) // ROWS_A_RECORD
        if self._unflushed >= RECORDS:
            self._flush_fast_path()

    def record_rejection(self, reason: str) -> None:
        self._rejected[reason] += 1

    def _flush_fast_path(self) -> None:
        # Taken first: what cannot be summed up would else be counted again, and fail again, at each next time.
        taken, self._served, self._unflushed = self._served, defaultdict(list), 0
        for endpoint, served in taken.items():
            self._flush_endpoint(endpoint, served)

    def _flush_endpoint(self, endpoint: str, served: list[Any]) -> None:
        inputs, answers, *times = zip(*served, strict=True)
        began, started, parsed, predicted, encoded = np.array(times)
        self._requests[endpoint, "200"] += len(inputs)
        self._latency_of(endpoint).add(encoded - began)
        self.phases["parse"].add(parsed - started)
        self.phases["predict"].add(predicted - parsed)
        self._kserve.add(predicted - parsed)
        self.phases["encode"].add(encoded - predicted)
        rows = np.array([len(answer) for answer in answers])
        self._rows += int(rows.sum())
        self._batches.add(rows)
        if self.feature_stats:
            self.feature_stats.record_many(inputs, answers)

    def flush(self) -> None:
        """Turn what was appended into numbers: called ten times a second, so that each time is short."""
        self._flush_fast_path()
        for distribution in (*self.phases.values(), *self._latency.values(), self._batches, self._kserve):
            distribution.flush()
        if self.feature_stats:
            self.feature_stats.flush()

    def collect(self) -> Iterator[Metric]:
        self.flush()
        yield self._made(REQUESTS, [([*key], float(n)) for key, n in self._requests.items()])
        yield self._histograms(LATENCY, [([endpoint], it) for endpoint, it in self._latency.items()])
        yield self._made(IN_PROGRESS, [([], float(self.in_progress))])
        yield self._histograms(PHASE, [([phase], it) for phase, it in self.phases.items()])
        yield self._histograms(BATCH, [([], self._batches)])
        yield self._made(QUEUE, [([], float(self._queue()))])
        yield self._made(REJECTED, [([reason], float(n)) for reason, n in self._rejected.items()])
        yield self._made(PREDICTED, [([], float(self._rows))])
        yield self._made(LOAD, [([], self._load)])
        yield self._made(MODEL, [([], self.info)])
        yield self._histograms(KSERVE, [([], self._kserve)])
        if self.feature_stats:
            yield from self._drifting(self.feature_stats)

    def _drifting(self, drift: FeatureStats) -> Iterator[Metric]:
        yield self._made(LABELLED, [([label], float(n)) for label, n in drift.labels.items()])
        for spec, column in ((VALUES, 0), (MISSING, 1), (MEAN, 2), (LEAST, 3), (LARGEST, 4)):
            yield self._made(spec, [([name], numbers[column]) for name, *numbers in drift.features()])

    def _made(self, spec: Spec, samples: Iterable[tuple[list[str], Any]]) -> Metric:
        family: Any = spec.kind(spec.name, spec.meaning, labels=[*self._names, *spec.labels])  # type: ignore[call-arg]
        for labels, value in samples:
            family.add_metric([*self._values, *labels], value)
        return family  # type: ignore[no-any-return]

    def _histograms(self, spec: Spec, samples: Iterable[tuple[list[str], Distribution]]) -> Metric:
        family = HistogramMetricFamily(spec.name, spec.meaning, labels=[*self._names, *spec.labels])
        for labels, it in samples:
            family.add_metric([*self._values, *labels], it.buckets(), it.sum)
        return family
