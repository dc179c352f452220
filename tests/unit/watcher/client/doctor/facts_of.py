"""Facts of a healthy set-up, of which a test changes some."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from watcher.client.contexts import Context
from watcher.client.doctor.examination import examined
from watcher.client.doctor.facts import ClusterFacts, Facts, Keys, NamespaceFacts, Place, Reply, StoreFacts
from watcher.client.doctor.finding import Finding
from watcher.client.doctor.rights import NEEDED_RIGHTS, Granted, rule_of
from watcher.errors import Rejected, WatcherError
from watcher.stores.endpoint import Endpoint

NEEDED = Granted(tuple(map(rule_of, NEEDED_RIGHTS)))
DENIED = Rejected("AccessDenied", "reading: the credentials may not read it")
FORBIDDEN = Rejected("Forbidden", "listing nodes: forbidden")
CONTEXT = Context("lab", bucket="models", namespace="team", watcher="http://watcher:8080")


def source(name: str, *, live: bool = True, hints: int = 1, **others: Any) -> dict[str, Any]:
    return {
        "name": name,
        "live": live,
        "detail": "",
        "hints": hints,
        "last_hint": "2026-11-30T10:00:00+00:00",
        **others,
    }


def status(*sources: dict[str, Any], models: list[dict[str, Any]] | None = None, **about: Any) -> dict[str, Any]:
    found = sources or (source("poll"), source("listen"), source("webhook"))
    return {
        "bucket": "models",
        "runtime": "kubernetes",
        "models": models or [],
        "sources": found,
        "refused": [],
        **about,
    }


def store(**changes: Any) -> StoreFacts:
    endpoint = Endpoint.of("https://minio.lab:9000", secure=True)
    keys, reply = Keys("reader", temporary=False), Reply("MinIO", 0.4)
    return replace(StoreFacts(endpoint, "models", reply, keys, 1, None, None, None, []), **changes)


def namespace(**changes: Any) -> NamespaceFacts:
    found = {"metadata": {"name": "team", "labels": {}}}
    return replace(NamespaceFacts(found, [], [], [], [], NEEDED), **changes)


def cluster(**changes: Any) -> ClusterFacts:
    user, nodes = "system:serviceaccount:kubeserve:kubeserve", [{"metadata": {"name": "node"}}]
    healthy = ClusterFacts("https://api", user, True, None, True, nodes, ["cilium"], {"team": namespace()})
    return replace(healthy, **changes)


def facts(**changes: Any) -> Facts:
    return replace(Facts(Place(CONTEXT), store(), status(), cluster(), None), **changes)


def found(name: str, **changes: Any) -> Finding:
    """Return one finding for facts that are healthy but for the changes."""
    return next(item for item in examined(facts(**changes)) if item.name == name)


def verdicts(**changes: Any) -> dict[str, str]:
    return {item.name: str(item.verdict) for item in examined(facts(**changes))}


def error(reason: str, sentence: str = "why") -> WatcherError:
    return Rejected(reason, sentence)
