"""A canary with `promote: auto`, from the upload to the verdict, by metrics that a real Prometheus scrapes.

The API server, the store, the watcher, Prometheus and the models' servers are real. There is no node and no gateway:
the test starts the servers, says that the pods are ready, and shares its requests out as the HTTPRoute says.
"""

from __future__ import annotations

import importlib
import itertools
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml
from kubernetes import client, config
from sklearn.dummy import DummyClassifier

from dev.processes import Child, free_port

from . import gateway_api
from .driving import Watcher, dumped, eventually
from .kubernetes_setup import Setup
from .prometheus_server import PrometheusServer, shipped_job, target, without_discovery
from .ready_pods import routes, set_ready

STABLE, CANARY = "iris-model-serving", "iris-model-serving-canary"
MODELS = '''
import time
from sklearn.dummy import DummyClassifier


class Failing(DummyClassifier):
    """Fails once it is asked, and not when it is loaded."""

    def predict(self, X):
        if (X > 0).any():
            raise RuntimeError("no answer")
        return super().predict(X)


class Slow(DummyClassifier):
    def predict(self, X):
        time.sleep(0.1)
        return super().predict(X)
'''
VALUES = b"# ours\ncanary: {version: v2, weight: 25, promote: auto}\ndeployment: {replicas: 1}\n"


class HurriedWatcher(Watcher):
    """A watcher that compares canaries for 20 seconds instead of ten minutes."""

    def __init__(self, log: Path, *arguments: str, **env: str) -> None:
        super().__init__(log, *arguments, **env)
        self._command[self._command.index("watcher")] = "tests.integration.hurried_watcher"


@dataclass
class Track:
    """What answers for one Service: its server's port, and the pod that it stands for."""

    version: str
    instance: str
    model: bytes
    port: int = field(default_factory=free_port)


class Site:
    """A cluster in which the models' servers run on this machine."""

    def __init__(self, setup: Setup, api: client.ApiClient, folder: Path, prometheus: PrometheusServer) -> None:
        self.setup, self.api, self.folder, self.prometheus = setup, api, folder, prometheus
        self.namespace = setup.cluster.namespace

    @contextmanager
    def serving(self, tracks: Mapping[str, Track]) -> Iterator[None]:
        """Run the server of each Service, let Prometheus scrape them, and send requests to them by weight."""
        with ExitStack() as stack:
            for service, track in tracks.items():
                path = self.folder / f"{track.version}.joblib"
                path.write_bytes(track.model)
                command = [sys.executable, "-m", "server", "--model", str(path), "--port", str(track.port)]
                flags = ["--host", "127.0.0.1", "--name", "iris", "--version", track.version]
                log, env = self.folder / f"{track.version}.log", {"PYTHONPATH": str(self.folder)}
                stack.enter_context(Child(service, [*command, *flags], log, env, grace=8))
                eventually(lambda track=track: _status(f"http://127.0.0.1:{track.port}/health") == 200)  # type: ignore[misc]
            targets = [self._target(service, track) for service, track in tracks.items()]
            job = without_discovery(shipped_job(), targets)
            self.prometheus.start(job)
            eventually(lambda: len(self.prometheus.query("up == 1")) == len(tracks))
            with self._asking({service: track.port for service, track in tracks.items()}):
                yield

    def _target(self, service: str, track: Track) -> dict[str, Any]:
        """Return what to scrape for a Service, with what the cluster has of it and of its pod."""
        core, selector = self.setup.cluster.core, f"app.kubernetes.io/instance={track.instance}"
        labels = core.read_namespaced_service(service, self.namespace).metadata.labels
        (pod,) = core.list_namespaced_pod(self.namespace, label_selector=selector).items
        return target(f"127.0.0.1:{track.port}", self.namespace, service, labels, pod.metadata.annotations)

    @contextmanager
    def _asking(self, ports: Mapping[str, int]) -> Iterator[None]:
        halt = threading.Event()

        def ask() -> None:
            with urllib3.PoolManager(retries=False, timeout=60) as pool:
                while not halt.is_set():
                    turns = (itertools.repeat(service, weight) for service, weight in self.weights().items())
                    for service in itertools.chain.from_iterable(turns):
                        if halt.wait(0.002):
                            return
                        url = f"http://127.0.0.1:{ports[service]}/predict"
                        pool.request("POST", url, body=b'{"data": [[1.0]]}').drain_conn()

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            halt.set()
            thread.join()

    def weights(self) -> dict[str, int]:
        """Return the share of each Service, as a gateway reads it."""
        spec: Any = routes(self.api, self.namespace)[STABLE]["spec"]
        return {item["name"]: item["weight"] for item in spec["rules"][0]["backendRefs"]}

    def values(self) -> Any:
        """Return the model's values.yaml as it is in the bucket."""
        return yaml.safe_load(self.setup.uploads.get(f"{self.namespace}/iris/values.yaml"))

    def has_canary(self) -> bool:
        """Return whether the canary has a Deployment."""
        return ("Deployment", CANARY) in self.setup.cluster.objects()


def _status(url: str) -> int:
    return urllib3.request("GET", url, retries=False, timeout=5).status


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Return models of code that the servers find, by name."""
    (tmp_path / "canary_models.py").write_text(MODELS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "canary_models", raising=False)
    module = importlib.import_module("canary_models")
    kinds = {"good": DummyClassifier, "failing": module.Failing, "slow": module.Slow}
    return {name: dumped(kind(strategy="most_frequent").fit([[0.0], [1.0]], [0, 1])) for name, kind in kinds.items()}


@pytest.fixture
def site(setup: Setup, control_plane: Any, prometheus: PrometheusServer, tmp_path: Path) -> Iterator[Site]:
    setup = Setup(setup.uploads, setup.cluster, setup.minio, control_plane, tmp_path, HurriedWatcher)
    with config.new_client_from_config(str(control_plane.kubeconfig)) as api:
        gateway_api.install(api)
        yield Site(setup, api, tmp_path, prometheus)


@contextmanager
def tried(site: Site, models: Mapping[str, bytes], canary: str) -> Iterator[Watcher]:
    """Serve v1, try this model as v2, and send requests to both until the end."""
    setup, path = site.setup, site.folder / "chart-values.yaml"
    path.write_text(yaml.safe_dump({"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}))
    with setup.watcher("--chart-values", str(path), "--prometheus-url", site.prometheus.url) as watcher:
        setup.put("iris/values.yaml", VALUES)
        setup.put("iris/v1/model.joblib", models["good"])
        set_ready(setup.cluster, "iris")
        eventually(lambda: watcher.state("iris") == "Ready")
        setup.put("iris/v2/model.joblib", models[canary])
        set_ready(setup.cluster, "iris.canary")
        eventually(lambda: site.weights() == {STABLE: 75, CANARY: 25})
        tracks = {STABLE: Track("v1", "iris", models["good"]), CANARY: Track("v2", "iris.canary", models[canary])}
        with site.serving(tracks):
            yield watcher


def test_good_canary_is_promoted(site: Site, models: Mapping[str, bytes]) -> None:
    with tried(site, models, "good") as watcher:
        eventually(lambda: watcher.model("iris")["canary"].startswith("v2 0.0 % errors of "))
        eventually(lambda: site.values() == {"deployment": {"replicas": 1}})
        assert b"# ours" in site.setup.uploads.get(f"{site.namespace}/iris/values.yaml")
        eventually(lambda: site.setup.cluster.version("iris") == "v2")
        eventually(lambda: not site.has_canary())
        assert site.weights() == {STABLE: 1}


@pytest.mark.parametrize(
    ("canary", "verdict"), [("failing", "too many errors: v2 100.0 %"), ("slow", "too slow: v2 0.0 %")]
)
def test_bad_canary_is_rolled_back(site: Site, models: Mapping[str, bytes], canary: str, verdict: str) -> None:
    with tried(site, models, canary) as watcher:
        ended = eventually(lambda: site.values()["canary"].get("verdict"))
        assert ended.startswith(f"rolled back, {verdict} errors of ")
        assert ", against v1 0.0 % errors of" in ended
        assert site.values() == {
            **yaml.safe_load(VALUES),
            "canary": {**yaml.safe_load(VALUES)["canary"], "weight": 0, "verdict": ended},
        }
        eventually(lambda: site.weights().get(CANARY, 0) == 0)
        eventually(lambda: f"canary v2 gets 0 % of the requests: {ended}" in watcher.model("iris")["reason"])
        assert site.setup.cluster.version("iris") == "v1"
