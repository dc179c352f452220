"""Read the state of a rollout from the status of a Deployment, a pod or a route. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watcher.core.text import one_line
from watcher.core.types import Manifest

STUCK = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
}
"""Reasons of a waiting container that need a person, or new bytes."""


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


def rollout_failure(deployment: Manifest) -> str:
    """Return the Deployment's own reason for a rollout that does not proceed, or ""."""
    for condition in (deployment.get("status") or {}).get("conditions") or []:
        state = condition.get("type"), condition.get("status")
        if state in {("Progressing", "False"), ("ReplicaFailure", "True")}:
            return one_line(f"{condition.get('reason') or ''}: {condition.get('message') or ''}")
    return ""


def route_problem(route: Manifest) -> str:
    """Return why no gateway sends requests by a HTTPRoute, or ""."""
    parents = (route.get("status") or {}).get("parents") or []
    conditions = [item for parent in parents for item in parent.get("conditions") or []]
    accepted = [item for item in conditions if item.get("type") == "Accepted"]
    if any(item.get("status") == "True" for item in accepted):
        return ""
    said = next((f": {item.get('reason')}: {item.get('message')}" for item in accepted), "")
    return one_line(f"no gateway has accepted the HTTPRoute{said}")


def failure_of_pod(pod: Manifest) -> str:
    """Return which of a pod's containers does not come up, and why, or ""."""
    found = ((container.get("name") or "container", container_failure(container)) for container in _containers(pod))
    return next((f"{name}: {reason}" for name, reason in found if reason), "")


def container_failure(status: Mapping[str, Any]) -> str:
    """Return what keeps one container from running: its termination message, or Kubernetes' own reason.

    The model's code may write the message, so it becomes one printable line of at most 4 KiB.
    """
    state = status.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    failed = (ended.get("exitCode") or 0) != 0 and not status.get("ready")
    if waiting.get("reason") not in STUCK and (not failed or state.get("running")):
        return ""
    texts = (one_line(text) for text in (ended.get("message"), waiting.get("message"), waiting.get("reason")) if text)
    return next(filter(None, texts), f"exit code {ended.get('exitCode')}")


def _containers(pod: Manifest) -> list[dict[str, Any]]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
