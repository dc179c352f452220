"""What a kubelet reports of the pods of model `iris`, written by the tests: no node runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .driving import Cluster, eventually

GOOD = {"name": "inference-server", "ready": True, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
REASON = "model.joblib is not a model that joblib can load: garbage"


def ended(code: int, message: str = REASON, **more: Any) -> dict[str, Any]:
    """Return the state of a container whose program has ended."""
    return {"terminated": {"exitCode": code, "reason": "Error", "message": message, **more}}


class Kubelet:
    """Writes the status of iris's pods, by what their template asks for."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.bad: dict[str, tuple[str, dict[str, Any]]] = {}
        """By a word of a pod's template: the container that fails, and its state."""

    def act(self) -> None:
        """Bring every pod that has no status yet to its end: ready, or failed."""
        found = self.cluster.core.list_namespaced_pod(
            self.cluster.namespace, label_selector="app.kubernetes.io/instance=iris"
        )
        for pod in found.items:
            template = json.dumps([pod.metadata.annotations, str(pod.spec.containers), str(pod.spec.init_containers)])
            bad = next((found for word, found in self.bad.items() if word in template), None)
            wanted = self.status_of(bad)
            is_new = not pod.status.container_statuses and not pod.status.init_container_statuses
            if pod.metadata.deletion_timestamp:
                self.cluster.core.delete_namespaced_pod(
                    pod.metadata.name, self.cluster.namespace, grace_period_seconds=0
                )
            elif is_new:
                self.cluster.core.patch_namespaced_pod_status(
                    pod.metadata.name, self.cluster.namespace, {"status": wanted}
                )

    def status_of(self, bad: tuple[str, dict[str, Any]] | None) -> dict[str, Any]:
        common = {"image": "i", "imageID": "i", "restartCount": 0}
        if bad is None:
            return {"phase": "Running", "conditions": [READY], "containerStatuses": [{**common, **GOOD}]}
        name, state = bad
        kind = "containerStatuses" if name == "inference-server" else "initContainerStatuses"
        return {"phase": "Pending", kind: [{**common, "name": name, "ready": False, "state": state}]}

    def until(self, look: Callable[[], object], expected: object = True) -> None:
        """Act until `look` returns what is expected."""
        found: list[object] = [None]

        def is_expected() -> bool:
            self.act()
            found[0] = look()
            return found[0] == expected

        try:
            eventually(is_expected)
        except AssertionError as error:
            raise AssertionError(f"{found[0]!r}, expected {expected!r}") from error
