"""A watcher and a model of a cluster, reached through the real API server by the user's kubeconfig."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from click.testing import CliRunner, Result

from watcher.cli.main import main

from .driving import Cluster, eventually

STATUS = {"refused": [], "sources": []}


class Handler(BaseHTTPRequestHandler):
    """A watcher that shows one model, and that model."""

    def do_GET(self) -> None:
        model = {"namespace": self.server.namespace, "model": "iris", "version": "v1", "state": "Ready", "reason": ""}
        row = {
            **model,
            "since": "2026-11-30T10:00:00+00:00",
            "loaded": "data",
            "url": "http://iris-model-serving.invalid",
        }
        self.answer(200, {"models": [row], **STATUS} if self.path == "/status" else {"paths": {}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"] == "text/csv":
            self.answer(200, {"predictions": [f"{self.path} {body.decode()}"]})
        else:
            rows = json.loads(body)["data"]
            self.answer(*((200, {"predictions": rows}) if rows[0] else (400, {"error": "data[0] has 0 values"})))

    def answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def own_address() -> str:
    """Return an address of this machine that is not the loopback's, which endpoints must not have."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.1", 9))  # sends nothing
        return str(sock.getsockname()[0])


@pytest.fixture
def server(cluster: Cluster) -> Iterator[ThreadingHTTPServer]:
    found = ThreadingHTTPServer((own_address(), 0), Handler)
    found.namespace = cluster.namespace  # type: ignore[attr-defined]
    thread = threading.Thread(target=found.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.fixture
def services(cluster: Cluster, server: ThreadingHTTPServer) -> None:
    """Make a ready pod of the server: the API server proxies to nothing else."""
    address, port = server.server_address[:2]
    namespace, core = cluster.namespace, cluster.core
    pod = {"metadata": {"name": "stub"}, "spec": {"containers": [{"name": "stub", "image": "stub"}]}}
    eventually(lambda: core.read_namespaced_service_account("default", namespace))
    core.create_namespaced_pod(namespace, pod)
    ready = {"podIP": address, "podIPs": [{"ip": address}], "conditions": [{"type": "Ready", "status": "True"}]}
    core.patch_namespaced_pod_status("stub", namespace, {"status": {"phase": "Running", **ready}})
    for name in ("iris-model-serving", "kubeserve"):
        meta = {"metadata": {"name": name}}
        core.create_namespaced_service(namespace, {**meta, "spec": {"ports": [{"port": 80}]}})
        target = {"ip": address, "targetRef": {"kind": "Pod", "namespace": namespace, "name": "stub"}}
        subset = {"addresses": [target], "ports": [{"port": port}]}
        core.create_namespaced_endpoints(namespace, {**meta, "subsets": [subset]})


def predict(cluster: Cluster, kubeconfig: str, *arguments: str) -> Result:
    variables = {"KUBECONFIG": kubeconfig, "KUBESERVE_URL": f"service://{cluster.namespace}/kubeserve"}
    given = ["predict", f"{cluster.namespace}/iris", *arguments]
    return CliRunner().invoke(main, given, env=variables)


@pytest.mark.usefixtures("services")
def test_predict_of_a_model_in_a_cluster_goes_through_its_api_server(cluster: Cluster, control_plane: Any) -> None:
    kubeconfig = str(control_plane.kubeconfig)
    # The API server's own caches are a moment behind the Services that were just created.
    eventually(lambda: predict(cluster, kubeconfig, "[[5.1, 3.5]]").stdout == "[5.1, 3.5]\n")
    assert predict(cluster, kubeconfig, '{"age": 31}').stdout == '{"age": 31}\n'
    refused = predict(cluster, kubeconfig, "[[]]")
    assert (refused.exit_code, refused.stderr) == (1, "Error: HTTP 400: data[0] has 0 values\n")


@pytest.mark.usefixtures("services")
def test_predict_of_a_service_that_is_gone_has_the_api_servers_reason(cluster: Cluster, control_plane: Any) -> None:
    kubeconfig = str(control_plane.kubeconfig)
    eventually(lambda: predict(cluster, kubeconfig, "[[1]]").exit_code == 0)
    cluster.core.delete_namespaced_service("iris-model-serving", cluster.namespace)
    expected = 'Error: HTTP 404: services "iris-model-serving" not found\n'
    eventually(lambda: predict(cluster, kubeconfig, "[[1]]").stderr == expected)


def test_predict_without_the_watchers_service_has_the_api_servers_reason(cluster: Cluster, control_plane: Any) -> None:
    done = predict(cluster, str(control_plane.kubeconfig), "[[1]]")
    assert done.exit_code == 1
    assert 'services "kubeserve" not found' in done.stderr


def test_predict_without_a_kubeconfig_says_what_is_missing(cluster: Cluster, tmp_path: Any) -> None:
    done = predict(cluster, str(tmp_path / "nothing"), "[[1]]")
    assert done.exit_code == 1
    assert "can only be reached through the API server" in done.stderr
    assert done.stderr.count("\n") == 1
