"""Whether the watcher may do what it does, and no more. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from watcher.client.doctor import cluster_remedies as remedies
from watcher.client.doctor.by_namespace import each, skipped
from watcher.client.doctor.facts import ClusterFacts
from watcher.client.doctor.finding import Finding, fail, ok, warn
from watcher.client.doctor.rights import (
    ADDRESSES,
    CREATE_NAMESPACES,
    NEEDED_RIGHTS,
    NETWORK_POLICIES,
    READ_NAMESPACES,
    Granted,
    Right,
    excess,
    in_words,
    missing,
)


def check_rights(cluster: ClusterFacts) -> Iterator[Finding]:
    """Yield what is lacking, and what is more than the watcher needs."""
    known, problem = each(cluster, lambda item: item.granted)
    if isinstance(cluster.everywhere, Granted):
        known = {"": cluster.everywhere, **known}
    if not known:
        advice = "run it in the watcher's pod: kubectl exec deployment/NAME -n NAMESPACE -- kubeserve doctor"
        yield skipped("rights", problem and f"{problem} ({advice})")
        return
    lacking = {name: rights for name, granted in known.items() if (rights := missing(granted, _needed(cluster)))}
    if "" in lacking:
        lacking = {"": lacking[""]}
    if lacking:
        verdict = fail if cluster.is_watcher else warn
        detail = "; ".join(f"in {name or 'all namespaces'}: {in_words(rights)}" for name, rights in lacking.items())
        grants = [remedies.role(name, cluster.user, rights) for name, rights in lacking.items()]
        yield verdict("rights", f"{_whose(cluster)} lacks {detail}", "\n".join(grants))
    if more := _excess(cluster, known.values()):
        detail = f"{_whose(cluster)} has more than the watcher needs: {in_words(more[:6])}"
        yield warn("rights", detail + (" and more" if len(more) > 6 else ""), remedies.bindings(cluster.user))  # noqa: PLR2004 - as many as are named
    elif not lacking:
        as_far = "" if all(item.is_complete for item in known.values()) else ", as far as the API server says"
        yield ok(
            "rights",
            f"{_whose(cluster)} has what the watcher needs" + (f" and no more{as_far}" if cluster.is_watcher else ""),
        )


def _whose(cluster: ClusterFacts) -> str:
    return cluster.user or "your user"


def _needed(cluster: ClusterFacts) -> tuple[Right, ...]:
    if cluster.release is None:
        return NEEDED_RIGHTS
    asked = [
        right
        for setting, right in (("CREATE_NAMESPACES", CREATE_NAMESPACES), ("LABELLED_NAMESPACES", READ_NAMESPACES))
        if cluster.release.is_on(setting)
    ]
    if cluster.release.environment.get("KUBESERVE_NETWORK_POLICIES"):
        asked += NETWORK_POLICIES
    addresses = (right for section in cluster.release.addresses for right in ADDRESSES[section])
    return (*NEEDED_RIGHTS, *asked, *addresses)


def _excess(cluster: ClusterFacts, granted: Iterable[Granted]) -> list[Right]:
    """Return what the watcher's account may do beyond its needs. A person may do more for other reasons."""
    if not cluster.is_watcher:
        return []
    return sorted({right for item in granted for right in excess(item)})
