"""Examine a set-up: gather the facts of the store, the watcher and the cluster at the same time, then check them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from watcher.client.contexts import Context
from watcher.client.doctor.cluster_checks import check_cluster
from watcher.client.doctor.facts import (
    ClusterFacts,
    Disk,
    Facts,
    FolderFacts,
    Found,
    Place,
    Release,
    Status,
    StoreFacts,
    address_sections,
)
from watcher.client.doctor.finding import Finding
from watcher.client.doctor.gathering import gathered, result_of
from watcher.client.doctor.store_checks import check_store
from watcher.client.doctor.store_probe import probe_folder, probe_store
from watcher.client.doctor.watcher_checks import check_watcher
from watcher.client.watcher_api import WatcherApi
from watcher.errors import WatcherError
from watcher.stores.folder import folder_of

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
OWNER = "KUBESERVE_OWNER"
"""A variable that the chart always sets, for the watcher alone."""
SECONDS = 60.0
"""Seconds. A bound on everything together; each question has its own."""


def examine(context: Context, environment: Mapping[str, str], kubeconfig: str, *, write: bool) -> list[Finding]:
    """Return what is found, in the order in which it matters: the store, the watcher, the cluster."""
    place = Place(context, frozenset(environment), _own_pod(environment))
    return examined(gathered_facts(place, kubeconfig, write=write))


def examined(facts: Facts) -> list[Finding]:
    """Return the findings of all checks."""
    return [*check_store(facts), *check_watcher(facts), *check_cluster(facts)]


def gathered_facts(place: Place, kubeconfig: str, *, write: bool) -> Facts:
    """Return what can be found out. The cluster comes after the watcher, which says whether there is one."""
    tasks: dict[str, Callable[[], Any]] = {
        "store": partial(_store, place.context, write=write),
        "rest": partial(_rest, place, kubeconfig),
    }
    found = gathered(tasks, SECONDS)
    store, rest = found["store"], found["rest"]
    status, cluster, disk = (rest, rest, None) if isinstance(rest, WatcherError) else rest
    return Facts(place, store, status, cluster, disk)


def _store(context: Context, *, write: bool) -> StoreFacts | FolderFacts:
    folder = folder_of(context.store)
    return probe_folder(folder) if folder else probe_store(context, write=write)


Rest = tuple[Found[Status], Found[ClusterFacts] | None, Disk | None]


def _rest(place: Place, kubeconfig: str) -> Rest:
    status: Found[Status] = result_of(WatcherApi(place.context.watcher).status)
    if _is_local(place.context, status):
        return status, None, _disk(status)
    # The Kubernetes client takes half a second of imports.
    from watcher.client.doctor.cluster_probe import probe_cluster  # noqa: PLC0415

    models: list[dict[str, Any]] = [] if isinstance(status, WatcherError) else status["models"]
    namespaces = [item["namespace"] for item in models]
    return status, result_of(partial(probe_cluster, place, kubeconfig, namespaces)), None


def _is_local(context: Context, status: Found[Status]) -> bool:
    if context.store.startswith("folder:"):
        return True
    return not isinstance(status, WatcherError) and status.get("runtime") == "local"


def _disk(status: Found[Status]) -> Disk | None:
    folder = "" if isinstance(status, WatcherError) else status.get("state_dir") or ""
    try:
        usage = shutil.disk_usage(folder) if folder else None
    except OSError:
        return None
    return Disk(folder, usage.free, usage.total) if usage else None


def _own_pod(environment: Mapping[str, str]) -> Release | None:
    """Return the watcher's release where this is its pod, whose name is `{release}-{template}-{pod}`."""
    if "KUBERNETES_SERVICE_HOST" not in environment or OWNER not in environment or not SERVICE_ACCOUNT.exists():
        return None
    name = environment.get("HOSTNAME", "").rsplit("-", 2)[0] or "kubeserve"
    plain = {
        key: value
        for key, value in environment.items()
        if key in {"KUBESERVE_NAMESPACES", "KUBESERVE_CREATE_NAMESPACES", "KUBESERVE_LABELLED_NAMESPACES"}
    }
    values = Path(environment.get("KUBESERVE_CHART_VALUES", ""))
    sections = address_sections(values.read_bytes()) if values.is_file() else ()
    return Release(SERVICE_ACCOUNT.read_text(), name, name, plain, addresses=sections)
