"""`kubeserve logs` through a real API server: pods of a real Deployment on a node whose kubelet only has logs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from .driving import Watcher, eventually
from .fake_kubelet import bind, fake_kubelet
from .kubernetes_setup import Setup


def container(name: str, **state: object) -> dict[str, object]:
    return {"name": name, "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}


class User:
    """A person with a kubeconfig, who asks for the logs of the model `iris`."""

    def __init__(self, setup: Setup, watcher: Watcher, folder: Path) -> None:
        where = ["--url", f"http://127.0.0.1:{watcher.port}", "--kubeconfig", str(setup.kubeconfig)]
        self._command = [sys.executable, "-m", "watcher", "logs", f"{setup.cluster.namespace}/iris", *where]
        self._environment = {**os.environ, "KUBESERVE_CONFIG": str(folder / "none.yaml")}

    def logs(self, *arguments: str) -> tuple[str, str]:
        done = subprocess.run(
            [*self._command, *arguments], env=self._environment, capture_output=True, text=True, check=True, timeout=300
        )
        return done.stdout, done.stderr

    def refusal(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments], env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        return done.stderr

    def follow(self) -> subprocess.Popen[str]:
        return subprocess.Popen([*self._command, "-f"], env=self._environment, stdout=subprocess.PIPE, text=True)


def test_the_logs_of_all_pods_are_read_and_followed(setup: Setup, tmp_path: Path) -> None:
    core, namespace, node = setup.cluster.core, setup.cluster.namespace, f"node-{setup.cluster.namespace}"
    setup.put("iris/values.yaml", b"autoscaling: {enabled: false}\ndeployment: {replicas: 2}\n")
    setup.put("iris/v1/model.joblib")
    with setup.watcher() as watcher, fake_kubelet(core, node, tmp_path) as kubelet:
        pods = eventually(lambda: len(found := core.list_namespaced_pod(namespace).items) == 2 and found)
        serving, starting = sorted(pod.metadata.name for pod in pods)
        user = User(setup, watcher, tmp_path)
        out, notes = user.logs()
        assert (out, notes.count("no log yet: the pod is Pending")) == ("", 2)
        bind(core, namespace, serving, node)
        bind(core, namespace, starting, node)
        ended = {"exitCode": 0, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:00Z"}
        running = {"startedAt": "2026-01-01T00:00:00Z"}
        states = {
            serving: (container("download-model", terminated=ended), container("inference-server", running=running)),
            starting: (container("download-model", running=running), container("inference-server", waiting={})),
        }
        for pod, (download, server) in states.items():
            status = {"phase": "Pending", "initContainerStatuses": [download], "containerStatuses": [server]}
            core.patch_namespaced_pod_status(pod, namespace, {"status": status})
        kubelet.logs = {
            (serving, "inference-server"): b"serving\n  indented\n",
            (serving, "download-model"): b"downloaded\n",
            (starting, "download-model"): b"downloading",
        }
        shown, _ = user.logs("--tail", "7")
        assert shown.splitlines() == [
            f"{serving} | serving",
            f"{serving} |   indented",
            f"{starting} | downloading",
        ]
        assert all(query["tailLines"] == ["7"] for _, _, query in kubelet.asked)
        assert user.logs("--init")[0].splitlines()[0] == f"{serving} | downloaded"
        assert "no version 'v2': there is only v1" in user.refusal("--version", "v2")
        with user.follow() as following:
            assert following.stdout
            shown_lines = iter(following.stdout)
            before = {next(shown_lines).rstrip("\n") for _ in range(2)}
            assert before == {f"{serving} | serving", f"{serving} |   indented"}
            kubelet.logs[serving, "inference-server"] += b"later\n"
            kubelet.end_streams()  # the download's last line has no end, so that it comes now
            after = {next(shown_lines).rstrip("\n") for _ in range(2)}
            assert after == {f"{serving} | later", f"{starting} | downloading"}
            assert ["2026-01-01T00:00:01Z"] in [query.get("sinceTime") for _, _, query in kubelet.asked]
            following.send_signal(signal.SIGINT)
            assert following.wait(60) == 130
