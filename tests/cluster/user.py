"""The tools of a user: kubectl, helm, curl from a pod, and clients that keep their connections."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from dev import images, tools

REQUEST = {"data": [[1.0]]}

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


class User:
    """Runs the real command-line tools against one cluster. A failed command fails the test with its output."""

    def __init__(self, kubeconfig: Path) -> None:
        self._env = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self._run(str(tools.find("kubectl")), *arguments, stdin=stdin)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Yield a kubectl that runs, and end it afterwards."""
        command = [str(tools.find("kubectl")), *arguments]
        with subprocess.Popen(command, env=self._env, stdout=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.kill()

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "--output", "json"))

    def helm(self, *arguments: str) -> str:
        return self._run(str(tools.find("helm")), *arguments)

    def namespace(self, name: str) -> None:
        """Create a namespace that accepts only restricted pods."""
        self.kubectl("create", "namespace", name)
        labels = ("pod-security.kubernetes.io/enforce=restricted", "kubeserve.io/models=true")
        self.kubectl("label", "namespace", name, *labels)

    def client_pod(self, namespace: str) -> None:
        """Create a pod with curl, to send requests as other workloads in the cluster do."""
        container = {
            "name": "client",
            "image": images.image("server"),
            "imagePullPolicy": "IfNotPresent",
            "command": ["sleep", "infinity"],
            "securityContext": RESTRICTED,
        }
        spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client", "namespace": namespace}, "spec": spec}
        self.kubectl("apply", "--filename", "-", stdin=json.dumps(pod))
        self.kubectl("wait", "--namespace", namespace, "--for", "condition=Ready", "pod/client", "--timeout", "180s")

    def curl(self, namespace: str, *arguments: str) -> str:
        """Run curl in the client pod, with retries: kube-proxy writes its rules up to a second after a pod is ready."""
        curl = ("curl", "-sS", "--retry", "5", "--retry-connrefused", "--retry-delay", "1")
        return self.kubectl("exec", "--namespace", namespace, "client", "--", *curl, *arguments)

    def cluster_ip(self, namespace: str, service: str) -> str:
        return str(self.get("service", service, "--namespace", namespace)["spec"]["clusterIP"])

    def _run(self, *command: str, stdin: str | None = None) -> str:
        done = subprocess.run(command, env=self._env, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def predict(url: str, data: Mapping[str, Any] = REQUEST) -> Any:
    response = urllib3.request("POST", f"{url}/predict", json=data, timeout=5, retries=False)
    return response.json()["predictions"]


class Load:
    """Clients that send requests without a pause, each on one persistent connection, and never retry."""

    def __init__(self, url: str, clients: int = 8) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._url, self._halt = url, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def _ask(self) -> None:
        with urllib3.PoolManager(maxsize=1, retries=False, timeout=10) as pool:
            while not self._halt.is_set():
                try:
                    response = pool.request("POST", f"{self._url}/predict", json=REQUEST)
                except urllib3.exceptions.HTTPError as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
                    continue
                if response.status == 200:
                    self.answers[str(response.json()["predictions"])] += 1
                else:
                    self.failures.append(f"{response.status}: {response.data!r}")

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._halt.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def load(url: str, clients: int = 8) -> Iterator[Load]:
    running = Load(url, clients)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def step(text: str) -> Iterator[None]:
    """Print what was done, and how long it took."""
    started = time.monotonic()
    yield
    print(f"  {time.monotonic() - started:6.1f} s  {text}", flush=True)
