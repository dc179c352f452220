"""The server's metrics. A request only appends to lists; they are counted a few times a second, and at each scrape.

Counters and histograms of the client library take a lock at each step, which is too slow for a request of 30 µs.
Names and help texts are declared once, in `SPECS`: the table in docs/reference.md is generated from them.
"""

from __future__ import annotations

import asyncio
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
from server.telemetry.feature_stats import FeatureStats, FeatureSummary, sample
from server.telemetry.histogram import Histogram

# Without this each counter and histogram has a second series, which no dashboard reads.
disable_created_metrics()

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0, 16384.0)
PHASES = ("parse", "wait", "predict", "encode")
REASONS = ("queue", "deadline", "bodies", "answers", "connections")

MAX_FAST_PATH_RECORDS = 256
"""Requests of the fast path buffered before they are counted: each then takes 1 µs, and the pause is not noticeable."""

ROWS_PER_RECORD = 64
"""A request counts as one record, and one more for every 64 rows, because its answer is buffered too."""

Times = tuple[float, float, float, float, float]
"""When a request began, when its parsing began, and the ends of its parsing, prediction and encoding."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One metric: `kind` is the client library's family; `labels` come after those of the model."""

    name: str
    kind: type[Metric]
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def scraped(self) -> str:
        """Return the name in the scraped text, where counters and infos have an ending."""
        return self.name + {CounterMetricFamily: "_total", InfoMetricFamily: "_info"}.get(self.kind, "")


def _spec(name: str, kind: type[Metric], meaning: str, *labels: str) -> Spec:
    return Spec(name, kind, meaning, labels)


REQUESTS = _spec("kubeserve_requests", CounterMetricFamily, "Answered requests.", "endpoint", "code")
LATENCY = _spec(
    "kubeserve_request_duration_seconds", HistogramMetricFamily, "Time from a request to its answer.", "endpoint"
)
IN_PROGRESS = _spec(
    "kubeserve_requests_in_progress",
    GaugeMetricFamily,
    "Requests without an answer yet. Requests of the fast path are answered when they arrive, and not included.",
)
PHASE = _spec(
    "kubeserve_phase_seconds", HistogramMetricFamily, "Time of each phase: parse, wait, predict, encode.", "phase"
)
BATCH = _spec("kubeserve_batch_rows", HistogramMetricFamily, "Rows of each call of the model.")
QUEUE = _spec("kubeserve_queue_rows", GaugeMetricFamily, "Rows in the queue.")
REJECTED = _spec(
    "kubeserve_rejected",
    CounterMetricFamily,
    "Requests rejected by overload; `reason` names the limit.",
    "reason",
)
PREDICTED = _spec("kubeserve_predictions", CounterMetricFamily, "Predicted rows.")
LABELLED = _spec(
    "kubeserve_predicted_labels",
    CounterMetricFamily,
    "Rows by predicted class. Not for models of more than 100 classes.",
    "label",
)
VALUES = _spec(
    "kubeserve_feature_values",
    CounterMetricFamily,
    "Recorded values of a feature, missing ones included, from at most 32 rows of each request. No feature_… metrics "
    "for models of more than 200 features.",
    "feature",
)
MISSING = _spec("kubeserve_feature_missing", CounterMetricFamily, "Missing values of a feature.", "feature")
SUM = _spec(
    "kubeserve_feature_sum", GaugeMetricFamily, "Sum of a feature's values that are not missing; may fall.", "feature"
)
MIN = _spec("kubeserve_feature_min", GaugeMetricFamily, "Smallest value of a feature since the start.", "feature")
MAX = _spec("kubeserve_feature_max", GaugeMetricFamily, "Largest value of a feature since the start.", "feature")
LOAD = _spec("kubeserve_model_load_seconds", GaugeMetricFamily, "Time to load the model and warm it up.")
MODEL = _spec(
    "kubeserve_model",
    InfoMetricFamily,
    "1; the labels are the versions, the file's digest, and `loaded`: `data` or `code`.",
)
KSERVE = _spec(
    "request_predict_seconds", HistogramMetricFamily, "Time of the predict phase of each request, under KServe's name."
)
SPECS = (
    *(REQUESTS, LATENCY, IN_PROGRESS, PHASE, BATCH, QUEUE, REJECTED, PREDICTED, LABELLED),
    *(VALUES, MISSING, SUM, MIN, MAX, LOAD, MODEL, KSERVE),
)

FEATURES: tuple[tuple[Spec, Callable[[FeatureSummary], float]], ...] = (
    (VALUES, lambda summary: summary.values),
    (MISSING, lambda summary: summary.missing),
    (SUM, lambda summary: summary.sum),
    (MIN, lambda summary: summary.min),
    (MAX, lambda summary: summary.max),
)


class Metrics(Observer):
    """The server's metrics, collected by a registry of their own. Used on the event loop only."""

    def __init__(
        self, model_name: str, model_version: str, queue: Callable[[], int] = lambda: 0, *, feature_stats: bool = True
    ) -> None:
        self._names, self._values = ["model_name", "model_version"], [model_name, model_version]
        self._queue = queue
        self._requests: Counter[tuple[str, str]] = Counter()
        # Start each series at 0: otherwise an alert on the rate would not see the first rejection.
        self._rejected = Counter(dict.fromkeys(REASONS, 0))
        self._latency: dict[str, Histogram] = {}
        self._batches = Histogram(ROWS)
        self._kserve = Histogram(SECONDS)
        self._rows = 0
        self._fast_path: defaultdict[str, list[Any]] = defaultdict(list)
        self._fast_path_records = 0
        self._load_seconds, self.info = 0.0, {"library": ""}
        self.feature_stats = FeatureStats() if feature_stats else None
        self.phases = {phase: Histogram(SECONDS) for phase in PHASES}
        self.in_progress = 0
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector):
            collector(registry=self.registry)
        self.registry.register(self)

    def configure(self, model: LoadedModel, load_seconds: float) -> None:
        """Set what is only known once the model is loaded."""
        self._load_seconds = load_seconds
        self.info = {
            "library": model.library,
            "saved_by": model.saved_by,
            "digest": model.digest,
            "loaded": model.loaded,
        }
        if self.feature_stats:
            schema = model.schema
            classes = schema.classes if "predict" in schema.methods else ()  # an encoder has classes, and predicts none
            self.feature_stats.configure(schema.names, schema.features, classes)

    def record_answer(self, X: Any, answer: Any) -> None:
        if self.feature_stats:
            self.feature_stats.record(X, answer)

    def record_request(self, endpoint: str, code: int, seconds: float) -> None:
        """Count one request. `endpoint` is a route, not a path: a scanner's paths must not create series."""
        self._requests[endpoint, str(code)] += 1
        self._latency_of(endpoint).observe(seconds)

    def _latency_of(self, endpoint: str) -> Histogram:
        found = self._latency.get(endpoint)
        if found is None:
            found = self._latency[endpoint] = Histogram(SECONDS)
        return found

    def record_wait(self, seconds: float) -> None:
        self.phases["wait"].observe(seconds)

    def record_prediction(self, rows: int, seconds: float, requests: int = 1) -> None:
        self._rows += rows
        self._batches.observe(rows)
        self.phases["predict"].observe(seconds)
        # KServe has no batches: its dashboards use this count as the number of requests.
        self._kserve.extend([seconds] * requests)

    def record_fast_path(self, endpoint: str, X: Any, answers: list[Any], times: Times) -> None:
        """Buffer one request of the fast path, answered with 200."""
        self._fast_path[endpoint].append((sample(X), answers, *times))
        self._fast_path_records += 1 + len(answers) // ROWS_PER_RECORD
        if self._fast_path_records >= MAX_FAST_PATH_RECORDS:
            self._flush_fast_path()

    def record_rejection(self, reason: str) -> None:
        self._rejected[reason] += 1

    def _flush_fast_path(self) -> None:
        # Swap the buffers first: a record that raises must not be processed again on the next flush.
        buffered, self._fast_path, self._fast_path_records = self._fast_path, defaultdict(list), 0
        for endpoint, records in buffered.items():
            self._flush_endpoint(endpoint, records)

    def _flush_endpoint(self, endpoint: str, records: list[Any]) -> None:
        inputs, answers, *times = zip(*records, strict=True)
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
        """Count what is buffered. Called ten times a second, so that each call is short."""
        self._flush_fast_path()
        for histogram in (*self.phases.values(), *self._latency.values(), self._batches, self._kserve):
            histogram.flush()
        if self.feature_stats:
            self.feature_stats.flush()

    def feature_ranges(self) -> dict[str, tuple[float, float]]:
        """Return the least and the largest value of each feature since the start, by the name in its series."""
        self.flush()
        summaries = self.feature_stats.summaries() if self.feature_stats else ()
        return {each.name: (each.min, each.max) for each in summaries}

    async def count_long_answers(self) -> None:
        """Count the labels of long answers, with a turn of the event loop after each part."""
        for _ in self._count_in_parts():
            await asyncio.sleep(0)

    def _count_in_parts(self) -> Iterable[None]:
        return self.feature_stats.count_long_answers() if self.feature_stats else ()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of `SPECS`: the client library calls this at each scrape."""
        self.flush()
        for _ in self._count_in_parts():
            pass
        yield self._family(REQUESTS, [([*key], float(n)) for key, n in self._requests.items()])
        yield self._histograms(LATENCY, [([endpoint], latency) for endpoint, latency in self._latency.items()])
        yield self._family(IN_PROGRESS, [([], float(self.in_progress))])
        yield self._histograms(PHASE, [([phase], seconds) for phase, seconds in self.phases.items()])
        yield self._histograms(BATCH, [([], self._batches)])
        yield self._family(QUEUE, [([], float(self._queue()))])
        yield self._family(REJECTED, [([reason], float(n)) for reason, n in self._rejected.items()])
        yield self._family(PREDICTED, [([], float(self._rows))])
        yield self._family(LOAD, [([], self._load_seconds)])
        yield self._family(MODEL, [([], self.info)])
        yield self._histograms(KSERVE, [([], self._kserve)])
        if self.feature_stats:
            yield from self._feature_metrics(self.feature_stats)

    def _feature_metrics(self, stats: FeatureStats) -> Iterator[Metric]:
        yield self._family(LABELLED, [([label], float(n)) for label, n in stats.class_counts.items()])
        summaries = list(stats.summaries())
        for spec, number in FEATURES:
            yield self._family(spec, [([summary.name], number(summary)) for summary in summaries])

    def _family(self, spec: Spec, samples: Iterable[tuple[list[str], Any]]) -> Metric:
        family: Any = spec.kind(spec.name, spec.meaning, labels=[*self._names, *spec.labels])  # type: ignore[call-arg]
        for labels, value in samples:
            family.add_metric([*self._values, *labels], value)
        return family  # type: ignore[no-any-return]

    def _histograms(self, spec: Spec, samples: Iterable[tuple[list[str], Histogram]]) -> Metric:
        family = HistogramMetricFamily(spec.name, spec.meaning, labels=[*self._names, *spec.labels])
        for labels, histogram in samples:
            family.add_metric([*self._values, *labels], histogram.buckets(), histogram.sum)
        return family
