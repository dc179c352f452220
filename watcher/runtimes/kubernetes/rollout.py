"""Read the state of a rollout from the status of a Deployment, a pod or a route. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from watcher.core import fault
from watcher.core.signed_files import ENTRY_NAME, VARIABLE
from watcher.core.text import clean
from watcher.core.types import Manifest

DOWNLOAD = "download-model"
"""The container that fetches the model. Only our code runs in it."""
INSTALL = "install"
"""The container that installs its requirements.txt. It runs none of what it installs."""
ITEM = r"[a-z0-9][a-z0-9-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*"
PACKAGES = re.compile(rf"{ITEM}( {ITEM})*")
"""What it reports: names and versions, as `server/install/` writes them."""
PYTHON = re.compile(r"[0-9]+\.[0-9]+")
"""And the Python that they are for."""
CONFIG_ERROR = "CreateContainerConfigError"
STUCK = {
    "CrashLoopBackOff",
    CONFIG_ERROR,
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
}
"""Reasons of a waiting container that need a person, or new bytes."""

SERVER_CONTAINER = "inference-server"
OUT_OF_MEMORY = "OOMKilled"
NEVER_RAN = {"ContainerCannotRun", "ContainerStatusUnknown", "StartError"}
"""Reasons of a terminated container that say nothing of the program in it."""


def annotations_of(item: Manifest) -> dict[str, str]:
    """Return an object's annotations."""
    return item["metadata"].get("annotations") or {}


def wanted_replicas(deployment: Manifest) -> int:
    """Return how many pods the Deployment is to have."""
    replicas = (deployment.get("spec") or {}).get("replicas")
    return 1 if replicas is None else replicas


def is_ready(pod: Manifest) -> bool:
    """Return True if the pod answers and is not being deleted."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    has_condition = any((item.get("type"), item.get("status")) == ("Ready", "True") for item in conditions)
    return has_condition and not pod["metadata"].get("deletionTimestamp")


def is_complete(deployment: Manifest) -> bool:
    """Return True when only pods of the newest template run, and all of them are available.

    The conditions are those of `kubectl rollout status`.
    """
    status = deployment.get("status") or {}
    wanted = wanted_replicas(deployment)
    updated = status.get("updatedReplicas") or 0
    return bool(
        (status.get("observedGeneration") or 0) >= (deployment["metadata"].get("generation") or 0)
        and updated >= wanted
        and (status.get("replicas") or 0) <= updated
        and (status.get("availableReplicas") or 0) >= updated
    )


def was_complete(deployment: Manifest) -> bool:
    """Return True if the rollout of the present template was complete once, whatever its pods do now.

    The Deployment's controller keeps this condition until the template changes.
    """
    is_seen = (deployment.get("status") or {}).get("observedGeneration") == deployment["metadata"].get("generation")
    return is_seen and _progressing(deployment) == ("True", "NewReplicaSetAvailable")


def is_overdue(deployment: Manifest) -> bool:
    """Return True if the pods of a rollout have not become ready within its `progressDeadlineSeconds`."""
    return _progressing(deployment) == ("False", "ProgressDeadlineExceeded")


def _progressing(deployment: Manifest) -> tuple[Any, Any]:
    """Return the status and the reason of the Deployment's condition Progressing."""
    conditions = (deployment.get("status") or {}).get("conditions") or []
    found = (item for item in conditions if item.get("type") == "Progressing")
    return next(((item.get("status"), item.get("reason")) for item in found), (None, None))


def rollout_failure(deployment: Manifest) -> str:
    """Return the Deployment's own reason for a rollout that does not proceed, or ""."""
    for condition in (deployment.get("status") or {}).get("conditions") or []:
        state = condition.get("type"), condition.get("status")
        if state in {("Progressing", "False"), ("ReplicaFailure", "True")}:
            return clean(f"{condition.get('reason') or ''}: {condition.get('message') or ''}")
    return ""


def route_problem(route: Manifest) -> str:
    """Return why no gateway sends requests by a HTTPRoute, or ""."""
    parents = (route.get("status") or {}).get("parents") or []
    conditions = [item for parent in parents for item in parent.get("conditions") or []]
    accepted = [item for item in conditions if item.get("type") == "Accepted"]
    if any(item.get("status") == "True" for item in accepted):
        return ""
    said = next((clean(f"{item.get('reason')}: {item.get('message')}") for item in accepted), "")
    return f"no gateway has accepted the HTTPRoute{f': {said}' if said else ''}"


def failure_of_pod(pod: Manifest) -> str:
    """Return which of a pod's containers does not come up, and why, or ""."""
    found = ((container.get("name") or "container", container_failure(container)) for container in _containers(pod))
    return next((f"{name}: {reason}" for name, reason in found if reason), "")


def crashes_of_pod(pod: Manifest) -> int:
    """Return how often a container of the pod that does not run has ended by its version's own fault.

    A pod that is being deleted, or that its node ended (an eviction, a shutdown, a preemption), counts as 0.
    """
    status = pod.get("status") or {}
    conditions = status.get("conditions") or []
    disrupted = any((item.get("type"), item.get("status")) == ("DisruptionTarget", "True") for item in conditions)
    if disrupted or status.get("reason") or pod["metadata"].get("deletionTimestamp"):
        return 0
    return max((_crashes(container) for container in _containers(pod)), default=0)


def _crashes(container: Mapping[str, Any]) -> int:
    is_own = container_failure(container) and _ended_by_own_fault(container)
    return 1 + (container.get("restartCount") or 0) if is_own else 0


def _ended_by_own_fault(container: Mapping[str, Any]) -> bool:
    ended = _ended(container)
    if ended.get("reason") == OUT_OF_MEMORY:
        return True
    if not ended or ended.get("reason") in NEVER_RAN:
        return False
    code = int(ended.get("exitCode") or 0)
    return fault.of_server(code) if container.get("name") == SERVER_CONTAINER else fault.of_download(code)


def server_runs(pod: Manifest) -> bool:
    """Return True if the pod's server runs, ready or not."""
    return any(
        item.get("name") == SERVER_CONTAINER and (item.get("state") or {}).get("running") for item in _containers(pod)
    )


def container_failure(status: Mapping[str, Any]) -> str:
    """Return what keeps one container from running: its termination message, or Kubernetes' own reason.

    The model's code may write the message. A container that waits for its URLs has no failure: the watcher writes them
    a moment after the Deployment, and says itself why it cannot.
    """
    state = status.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = _ended(status)
    failed = (ended.get("exitCode") or 0) != 0 and not status.get("ready")
    if waiting.get("reason") not in STUCK and (not failed or state.get("running")):
        return ""
    if waiting.get("reason") == CONFIG_ERROR and ENTRY_NAME.search(str(waiting.get("message"))):
        return ""
    texts = (clean(text) for text in (ended.get("message"), waiting.get("message"), waiting.get("reason")) if text)
    return next(filter(None, texts), f"exit code {ended.get('exitCode')}")


def _ended(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how a container ended last; {} if it never did."""
    latest, before = status.get("state") or {}, status.get("lastState") or {}
    return latest.get("terminated") or before.get("terminated") or {}


def _containers(pod: Manifest) -> list[dict[str, Any]]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def entry_in(template: Mapping[str, Any]) -> str:
    """Return which entry of its ConfigMap a pod, or the template of pods, reads its URLs from; "" for none."""
    containers = (template.get("spec") or {}).get("initContainers") or []
    variables = [item for container in containers for item in container.get("env") or []]
    reference = next((item.get("valueFrom") for item in variables if item.get("name") == VARIABLE), None) or {}
    return str((reference.get("configMapKeyRef") or {}).get("key") or "")


def fetched_digests(pod: Manifest) -> dict[str, str]:
    """Return the SHA-256 of each file that a pod has fetched, as its download reported them; none before that."""
    try:
        found = _reported(pod, DOWNLOAD)["sha256"]
        return {str(name): text for name, text in found.items() if re.fullmatch(r"[0-9a-f]{64}", text)}
    except (KeyError, TypeError, AttributeError):
        return {}


def installed_packages(pod: Manifest) -> dict[str, str]:
    """Return the versions that a pod has installed, `a==1 b==2`, by its Python; none if it has not reported them."""
    found = _reported(pod, INSTALL)
    python, packages = (str(found.get(key, "")) for key in ("python", "packages"))
    return {python: packages} if PYTHON.fullmatch(python) and PACKAGES.fullmatch(packages) else {}


def _reported(pod: Manifest, name: str) -> dict[str, Any]:
    """Return what an init container has reported with its success."""
    for container in (pod.get("status") or {}).get("initContainerStatuses") or []:
        ended = (container.get("state") or {}).get("terminated") or {}
        if container.get("name") == name and ended.get("exitCode") == 0:
            try:
                found = json.loads(ended.get("message") or "{}")
            except (ValueError, TypeError, RecursionError):
                return {}
            return found if isinstance(found, dict) else {}
    return {}
