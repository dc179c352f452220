"""A real Prometheus, Debian's, that scrapes what a test runs by the configuration that is shipped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import urllib3
import yaml

from dev.processes import Child, free_port
from tests.promql import RULES
from watcher.core.naming import SUFFIX
from watcher.core.types import VERSION

PROGRAMS = {"prometheus": "prometheus"}
"""Program → Debian package."""
CONFIGURATION = Path(__file__).parents[2] / "manifests" / "prometheus.yaml"
START = 120
"""Seconds, on a busy machine."""

Sample = tuple[dict[str, str], float]


class PrometheusServer:
    """Scrapes and evaluates every second. `url` is known before it starts: what it scrapes may need it."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url, self._folder = f"http://127.0.0.1:{port}", folder
        command = [
            "prometheus",
            f"--config.file={folder / 'prometheus.json'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]
        self._child = Child("prometheus", command, folder / "prometheus.log")

    def start(self, job: Mapping[str, Any], rules: Iterable[Path] = ()) -> Self:
        """Start with one scrape job and the files of rules."""
        self._folder.mkdir(parents=True, exist_ok=True)
        every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        configuration = {"global": every, "scrape_configs": [job], "rule_files": [str(path) for path in rules]}
        (self._folder / "prometheus.json").write_text(json.dumps(configuration))  # JSON is YAML too
        self._child.start()
        self._child.wait_until(self._is_ready, START)
        return self

    def stop(self) -> None:
        """End the process, if it was started."""
        self._child.stop()

    def _is_ready(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/-/ready", retries=False, timeout=5).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def get(self, path: str, **fields: str) -> Any:
        """Return the data of an answer of the HTTP API."""
        answer = urllib3.request("GET", f"{self.url}/api/v1/{path}", fields=fields, retries=False, timeout=60)
        found = answer.json()
        assert found["status"] == "success", f"{fields}: {found['error']}"
        return found["data"]

    def query(self, expression: str) -> list[Sample]:
        """Return the labels and the value of each sample that the expression gives now."""
        data = self.get("query", query=expression)
        assert data["resultType"] == "vector", expression
        return [(item["metric"], float(item["value"][1])) for item in data["result"]]

    def firing(self) -> set[tuple[str, str]]:
        """Return the alerts that fire, each with its model or ""."""
        found = [item["labels"] for item in self.get("alerts")["alerts"] if item["state"] == "firing"]
        return {(labels["alertname"], labels.get("model_name", "")) for labels in found}


def shipped_job() -> dict[str, Any]:
    """Return the scrape job of manifests/prometheus.yaml."""
    (job,) = yaml.safe_load(CONFIGURATION.read_text())["scrape_configs"]
    return dict(job)


def without_discovery(job: Mapping[str, Any], targets: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the job with these targets instead of those of a cluster."""
    kept = {key: value for key, value in job.items() if key != "kubernetes_sd_configs"}
    return {**kept, "static_configs": list(targets)}


def target(
    address: str, namespace: str, service: str, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> dict[str, Any]:
    """Return a target with what Kubernetes' discovery says of it: the Service's labels and the pod's annotations.

    The discovery itself is not run: Debian builds Prometheus without it.
    """
    found = {"namespace": namespace, "service_name": service, "pod_name": f"{service}-0"}
    found |= {"endpointslice_port_name": "http", "endpoint_port_name": "http"}
    found |= {f"service_label_{_sanitized(name)}": value for name, value in labels.items()}
    found |= {f"pod_annotation_{_sanitized(name)}": value for name, value in annotations.items()}
    return {"targets": [address], "labels": {f"__meta_kubernetes_{name}": value for name, value in found.items()}}


def labels_of(name: str, instance: str) -> dict[str, str]:
    """Return the labels of a Service of ours that count."""
    found = {"name": name, "instance": instance, "part-of": "kubeserve"}
    return {f"app.kubernetes.io/{label}": value for label, value in found.items()}


def model_target(address: str, namespace: str, model: str, version: str) -> dict[str, Any]:
    """Return the target of a model's server."""
    labels = labels_of("model-serving", model)
    return target(address, namespace, f"{model}{SUFFIX}", labels, {VERSION: version})


def of_operator(monitor: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scrape job that the Prometheus operator makes of a ServiceMonitor with one endpoint.

    By generateServiceMonitorConfig in its pkg/prometheus/promcfg.go. The operator itself is not run here.
    """
    (endpoint,) = monitor["spec"]["endpoints"]
    keep = [
        {"action": "keep", "source_labels": [f"__meta_kubernetes_service_label_{_sanitized(label)}"], "regex": value}
        for label, value in monitor["spec"]["selector"]["matchLabels"].items()
    ]
    copied = [
        {"source_labels": [f"__meta_kubernetes_{source}"], "target_label": name}
        for source, name in {"namespace": "namespace", "service_name": "service", "pod_name": "pod"}.items()
    ]
    own = [
        {"source_labels": ["__meta_kubernetes_service_name"], "target_label": "job", "replacement": "${1}"},
        {"target_label": "endpoint", "replacement": endpoint["port"]},
    ]
    return {
        "job_name": f"serviceMonitor/{monitor['metadata']['namespace']}/{monitor['metadata']['name']}/0",
        "honor_labels": endpoint.get("honorLabels", False),
        "metrics_path": endpoint["path"],
        "relabel_configs": [*keep, *copied, *own, *map(_relabeling, endpoint.get("relabelings", ()))],
        "metric_relabel_configs": [_relabeling(item) for item in endpoint.get("metricRelabelings", ())],
    }


def _sanitized(label: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in label)


def _relabeling(given: Mapping[str, Any]) -> dict[str, Any]:
    names = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    return {names.get(key, key): value for key, value in given.items()}


def hastened_rules(folder: Path) -> Path:
    """Write the shipped rules so that they are evaluated every second and fire at once. tests/alerts has the times."""
    rules = yaml.safe_load(RULES.read_text())
    for group in rules["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            rule.pop("for", None)
    path = folder / RULES.name
    path.write_text(json.dumps(rules))
    return path
