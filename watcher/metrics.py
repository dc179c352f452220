"""The metrics of the watcher itself, in one registry."""

from __future__ import annotations

from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

# Without this, each counter and histogram has a second series with its creation time, which no dashboard reads.
disable_created_metrics()

BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600)
"""Seconds. From a hint that is served at once to a model that takes minutes to download."""


M = TypeVar("M", Counter, Gauge, Histogram)


class Metrics:
    """All metrics. The table in docs/reference.md is generated from their names and help texts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.documented: list[Counter | Gauge | Histogram] = []
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.passes = self._counter("passes", "Surveys (full passes over the bucket), by result.", ["result"])
        self.pass_seconds = self._histogram("pass_duration_seconds", "Duration of a survey.")
        self.queue = self._gauge("queue_depth", "Models in the work queue, including those that wait for a retry.")
        self.applied = self._counter("applied", "Objects written, by kind.", ["kind"])
        self.deleted = self._counter("deleted", "Objects deleted, by kind.", ["kind"])
        self.failures = self._counter("failures", "Failed attempts to reconcile a model, by reason.", ["reason"])
        self.models = self._gauge("models", "Models by state.", ["state"])
        # Not `namespace`: Prometheus gives that label to the watcher's own pod.
        model = ["model_namespace", "model_name"]
        self.model_state = self._gauge(
            "model_state", "1; the labels are a model's version and its state.", [*model, "model_version", "state"]
        )
        self.ready_pods = self._gauge("model_ready_pods", "Pods of a model that answer, if that is known.", model)
        self.wanted_pods = self._gauge("model_wanted_pods", "Pods that a model should have, if that is known.", model)
        self.refused = self._gauge("refused_keys", "Keys in the bucket that resemble a model's but cannot be served.")
        self.source_up = self._gauge("source_up", "1 if the hint source is live; none for one that is off.", ["source"])
        self.hints = self._gauge("source_hints", "Hints given by the source since the start.", ["source"])
        self.to_applied = self._histogram(
            "upload_to_applied_seconds", "Time from an upload until its objects are written."
        )
        self.to_ready = self._histogram("upload_to_ready_seconds", "Time from an upload until its version is ready.")

    def _counter(self, name: str, doc: str, labels: list[str]) -> Counter:
        return self._documented(Counter(f"kubeserve_watcher_{name}", doc, labels, registry=self.registry))

    def _gauge(self, name: str, doc: str, labels: list[str] | None = None) -> Gauge:
        return self._documented(Gauge(f"kubeserve_watcher_{name}", doc, labels or [], registry=self.registry))

    def _histogram(self, name: str, doc: str) -> Histogram:
        return self._documented(Histogram(f"kubeserve_watcher_{name}", doc, buckets=BUCKETS, registry=self.registry))

    def _documented(self, metric: M) -> M:
        self.documented.append(metric)
        return metric
