"""The server's metrics, in a registry of the app's own. Names are tested against the README."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

# A second series for each counter and histogram, which no dashboard of ours reads.
disable_created_metrics()

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
ENDPOINTS = ("/predict", "/health", "/metrics")


class Metrics:
    """Children are made once: no request looks up labels that could be known before."""

    def __init__(self, model_name: str, model_version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        names, self._values = ["model_name", "model_version"], [model_name, model_version]
        registry = self.registry
        self._requests = Counter(
            "kubeserve_requests", "Requests, by endpoint and code.", [*names, "endpoint", "code"], registry=registry
        )
        self._seconds = Histogram(
            "kubeserve_request_duration_seconds",
            "Latency.",
            [*names, "endpoint"],
            buckets=SECONDS,
            registry=registry,
        )
        in_progress = Gauge("kubeserve_requests_in_progress", "Requests being answered.", names, registry=registry)
        rows = Counter("kubeserve_predictions", "Rows predicted.", names, registry=registry)
        load = Gauge("kubeserve_model_load_seconds", "Load and warm-up.", names, registry=registry)
        self._info = Info("kubeserve_model", "The model and its versions.", names, registry=registry)
        self.in_progress = in_progress.labels(*self._values)
        self.rows = rows.labels(*self._values)
        self.load = load.labels(*self._values)

    def loaded(self, seconds: float, library: str) -> None:
        self.load.set(seconds)
        self._info.labels(*self._values).info({"library": library})

    def request(self, path: str, code: int, seconds: float) -> None:
        """Count one request; unknown paths share a label, or a scanner could make millions."""
        endpoint = path if path in ENDPOINTS else "other"
        self._requests.labels(*self._values, endpoint, str(code)).inc()
        self._seconds.labels(*self._values, endpoint).observe(seconds)
