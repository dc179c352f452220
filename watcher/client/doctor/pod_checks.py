"""Why pods of models do not come up: their images, Pod Security, quotas. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from watcher.client.doctor import cluster_remedies as remedies
from watcher.client.doctor.by_namespace import each, skipped
from watcher.client.doctor.facts import ClusterFacts
from watcher.client.doctor.finding import Finding, fail, ok, warn
from watcher.core.ceilings import amount_of
from watcher.core.text import one_line
from watcher.core.types import Manifest
from watcher.errors import WatcherError
from watcher.runtimes.kubernetes.rollout import rollout_failure

NOT_PULLED = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}
POD_SECURITY = "pod-security.kubernetes.io/enforce"
"""The label of a namespace that says which pods it takes."""


def check_images(cluster: ClusterFacts) -> Finding:
    """Return whether a pod waits for an image that its node cannot pull."""
    known, problem = each(cluster, lambda item: item.pods)
    if cluster.release and not isinstance(cluster.release.pods, WatcherError):
        known = {**known, cluster.release.namespace: [*known.get(cluster.release.namespace, []), *cluster.release.pods]}
    if not known:
        return skipped("images", problem)
    failed = dict[str, tuple[str, str, str]]()
    for name, pods in known.items():
        for pod in pods:
            for image, why in _not_pulled(pod):
                failed.setdefault(image, (name, pod["metadata"]["name"], why))
    if not failed:
        return ok("images", "every pod's image is there")
    image, (namespace, pod_name, why) = next(iter(failed.items()))
    images = ", ".join(failed)
    look = f"kubectl describe pod {pod_name} -n {namespace}"
    return fail("images", f"{images} cannot be pulled: {why}", f"{look}\n{remedies.image(cluster, image)}")


def _not_pulled(pod: Manifest) -> Iterator[tuple[str, str]]:
    status = pod.get("status") or {}
    images = {
        item["name"]: item.get("image") or ""
        for item in [*(pod["spec"].get("initContainers") or []), *(pod["spec"].get("containers") or [])]
    }
    for item in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (item.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in NOT_PULLED:
            yield (
                one_line(images.get(item.get("name", "")) or item.get("image") or "an image", 200),
                one_line(waiting.get("message") or waiting["reason"], 300),
            )


def _refusals(cluster: ClusterFacts) -> tuple[list[tuple[str, str, str]], str]:
    """Return the Deployments whose pods the API server refuses: namespace, name, and its words."""
    known, problem = each(cluster, lambda item: item.deployments)
    found = [
        (name, item["metadata"]["name"], words)
        for name, deployments in known.items()
        for item in deployments
        if "forbidden" in (words := rollout_failure(item))
    ]
    return found, "" if known else problem or "no namespace is known: say one by --namespace"


def check_pod_security(cluster: ClusterFacts) -> Finding:
    """Return whether Pod Security refuses pods of models."""
    refusals, problem = _refusals(cluster)
    for namespace, name, words in refusals:
        if "PodSecurity" in words:
            label = f"kubectl label namespace {namespace} {POD_SECURITY}=baseline --overwrite"
            events = f"kubectl get events -n {namespace} --field-selector reason=FailedCreate"
            remedy = f"{events}   # something changes the pods that the watcher writes; or allow them:\n{label}"
            return fail("pod security", f"{namespace} refuses the pods of {name}: {words}", remedy)
    return skipped("pod security", problem) if problem else ok("pod security", "no pod is refused")


def check_quota(cluster: ClusterFacts) -> Finding:
    """Return whether a quota refuses pods of models, or will refuse the next."""
    refusals, problem = _refusals(cluster)
    for namespace, name, words in refusals:
        if "quota" in words:
            remedy = f"kubectl describe resourcequota -n {namespace}\n{_larger_quota(namespace, words)}"
            return fail("quota", f"{namespace} refuses the pods of {name}: {words}", remedy.rstrip())
    quotas, forbidden = each(cluster, lambda item: item.quotas)
    full = [
        (namespace, quota["metadata"]["name"], resource)
        for namespace, found in quotas.items()
        for quota in found
        for resource in _exhausted(quota)
    ]
    if full:
        words = ", ".join(f"{resource} of {namespace}/{name}" for namespace, name, resource in full[:5])
        return warn("quota", f"nothing is left of {words}", f"kubectl describe resourcequota -n {full[0][0]}")
    if problem or (forbidden and not quotas):
        return skipped("quota", problem or forbidden)
    return ok("quota", "no quota is exhausted")


def _exhausted(quota: Manifest) -> list[str]:
    status = quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    return [name for name in hard if amount_of(hard[name]) and amount_of(used.get(name, "0")) >= amount_of(hard[name])]


def _larger_quota(namespace: str, words: str) -> str:
    """Return the command that doubles what the API server says is limited."""
    found = re.search(r"exceeded quota: ([a-z0-9.-]+), .*limited: ([a-z0-9./-]+)=(\d+)([A-Za-z]*)", words)
    if not found:
        return ""
    quota, resource, number, unit = found.groups()
    patch = f'{{"spec":{{"hard":{{"{resource}":"{2 * int(number) or 10}{unit}"}}}}}}'
    return f"kubectl patch resourcequota {quota} -n {namespace} --type merge -p '{patch}'"
