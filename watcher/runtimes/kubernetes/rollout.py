"""Where a Deployment's rollout stands, read from its status and its pods. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from watcher.core.types import ETAG, VERSION, Manifest

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
"""Reasons for waiting that do not pass by themselves."""


def is_complete(deployment: Manifest) -> bool:
    """True when only pods of the newest template run, and all of them are available.

    The conditions are those of `kubectl rollout status`.
    """
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
        and status.get("updatedReplicas", 0) >= wanted
        and status.get("replicas", 0) <= status.get("updatedReplicas", 0)
        and status.get("availableReplicas", 0) >= status.get("updatedReplicas", 0)
    )


def rollout_failure(deployment: Manifest) -> str:
    """The Deployment's own word for a rollout that does not proceed, or ""."""
    for condition in deployment.get("status", {}).get("conditions") or []:
        stalled = condition["type"] == "Progressing" and condition["status"] == "False"
        refused = condition["type"] == "ReplicaFailure" and condition["status"] == "True"
        if stalled or refused:
            return f"{condition.get('reason', '')}: {condition.get('message', '')}"
    return ""


def pod_failure(pods: Iterable[Manifest], annotations: Mapping[str, str]) -> str:
    """Why the pods of the version that `annotations` name do not come up, or ""."""
    for pod in pods:
        theirs = pod["metadata"].get("annotations") or {}
        if any(theirs.get(key) != annotations.get(key) for key in (ETAG, VERSION)):
            continue
        for container in _containers(pod):
            if reason := container_failure(container):
                return f"{container['name']}: {reason}"
    return ""


def container_failure(status: Mapping[str, Any]) -> str:
    """What keeps one container from running: its last words where it left some, else Kubernetes' reason."""
    waiting = status.get("state", {}).get("waiting") or {}
    ended = status.get("state", {}).get("terminated") or status.get("lastState", {}).get("terminated") or {}
    failed = ended.get("exitCode", 0) != 0 and not status.get("ready")
    if waiting.get("reason") in STUCK or (failed and not status.get("state", {}).get("running")):
        last_words = (ended.get("message") or "").strip()
        return last_words or waiting.get("message") or waiting.get("reason") or f"exit code {ended.get('exitCode')}"
    return ""


def _containers(pod: Manifest) -> list[dict[str, Any]]:
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
