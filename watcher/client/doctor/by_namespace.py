"""A fact of every namespace, as far as it could be found out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from watcher.client.doctor.facts import ClusterFacts, Found, NamespaceFacts
from watcher.client.doctor.finding import Finding, skip
from watcher.errors import WatcherError


def known_of(found: Mapping[str, Found[Any]]) -> tuple[dict[str, Any], str]:
    """Return what could be found out, by namespace, and why the rest could not."""
    known = {name: item for name, item in found.items() if not isinstance(item, WatcherError)}
    problems = [str(item) for item in found.values() if isinstance(item, WatcherError)]
    return known, problems[0] if problems else ""


def each(cluster: ClusterFacts, of: Callable[[NamespaceFacts], Found[Any]]) -> tuple[dict[str, Any], str]:
    """Return one fact of every namespace in which it could be found out, and why not in the rest."""
    return known_of({name: of(item) for name, item in cluster.namespaces.items()})


def skipped(name: str, problem: str) -> Finding:
    """Return that nothing could be found out: it is forbidden, most often, or there is no namespace to look at."""
    return skip(name, problem or "no namespace is known: say one by --namespace")
