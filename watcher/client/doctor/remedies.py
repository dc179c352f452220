"""What the commands to paste have in common: how a setting is changed where the user has it. Pure."""

from __future__ import annotations

import shlex

from watcher.client.contexts import VARIABLES
from watcher.client.doctor.facts import Facts, Place, Release
from watcher.errors import WatcherError

CHART = "manifests/charts/kubeserve"
CHART_VALUES = {"s3_endpoint": "s3.endpoint", "bucket": "s3.bucket"}
quoted = shlex.quote


def setting(place: Place, field: str, value: str) -> str:
    """Return the command that changes a field of the context, wherever its value comes from."""
    if place.pod and field in CHART_VALUES:
        return f"{helm(place.pod)} --set {CHART_VALUES[field]}={quoted(value)}"
    if VARIABLES[field] in place.variables or not place.context.name:
        return f"export {VARIABLES[field]}={quoted(value)}"
    flag = field.replace("_", "-")
    return f"kubeserve context set {quoted(place.context.name)} --{flag} {quoted(value)}"


def endpoint(place: Place, url: str) -> str:
    """Return the command that sets the store's address."""
    return setting(place, "s3_endpoint", url)


def helm(release: Release) -> str:
    """Return the beginning of the command that changes the watcher's values."""
    return f"helm upgrade {quoted(release.name)} {CHART} -n {quoted(release.namespace)} --reuse-values"


def release_of(facts: Facts) -> Release | None:
    """Return the watcher's release, as far as it is known."""
    if facts.place.pod:
        return facts.place.pod
    return None if facts.cluster is None or isinstance(facts.cluster, WatcherError) else facts.cluster.release
