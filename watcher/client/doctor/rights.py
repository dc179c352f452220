"""What the watcher may do in a cluster, against what it does. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from watcher.core.exposure import SECTIONS

INGRESS, HTTP_ROUTE = SECTIONS
Right = tuple[str, str, str]
"""An API group, a resource, and a verb."""

APPLY = ("get", "list", "watch", "create", "patch")
MANAGE = (*APPLY, "delete")
NEEDED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("apps", "deployments"): MANAGE,
    ("apps", "deployments/status"): ("patch",),
    ("autoscaling", "horizontalpodautoscalers"): MANAGE,
    ("", "services"): APPLY,
    ("", "configmaps"): APPLY,
    ("", "pods"): ("list", "watch"),
    ("", "events"): ("create", "patch"),
}
"""The rights of the watcher's chart, which a test compares."""
NEEDED_RIGHTS: tuple[Right, ...] = tuple((*key, verb) for key, verbs in NEEDED.items() for verb in verbs)
CREATE_NAMESPACES: Right = ("", "namespaces", "create")
"""Needed with --create-namespaces only."""
READ_NAMESPACES: Right = ("", "namespaces", "get")
"""Needed with --labelled-namespaces only."""
NETWORK_POLICIES: tuple[Right, ...] = tuple(
    ("networking.k8s.io", "networkpolicies", verb) for verb in ("create", "patch")
)
"""Needed with --network-policies only."""
ADDRESSES: Mapping[str, tuple[Right, ...]] = {
    section: tuple((*key, verb) for verb in MANAGE)
    for section, key in (
        (INGRESS, ("networking.k8s.io", "ingresses")),
        (HTTP_ROUTE, ("gateway.networking.k8s.io", "httproutes")),
    )
}
"""Needed where the operator's values for models have the section, whatever its `enabled`: objects may be left."""
ADDRESS_RIGHTS: tuple[Right, ...] = tuple(right for rights in ADDRESSES.values() for right in rights)
ON_REQUEST: frozenset[Right] = frozenset({CREATE_NAMESPACES, READ_NAMESPACES, *NETWORK_POLICIES, *ADDRESS_RIGHTS})
"""Needed where the operator's values ask for it: each is fine, and none is missing."""
TELLING: tuple[Right, ...] = (
    ("*", "*", "*"),
    *(("", "secrets", verb) for verb in ("get", "list", "watch", "create", "patch", "update", "delete")),
    ("", "pods/exec", "create"),
)
"""Rights that the watcher is better without, for where the API server does not list what is granted."""
ABOUT_ONESELF = {"authentication.k8s.io", "authorization.k8s.io"}
"""API groups in which everyone may ask about themselves."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The rules that apply to somebody, as the API server lists them; `is_complete` if these are all."""

    rules: tuple[Mapping[str, Any], ...]
    is_complete: bool = True


def rule_of(right: Right) -> Mapping[str, Any]:
    """Return the rule that grants one right."""
    group, resource, verb = right
    return {"apiGroups": [group], "resources": [resource], "verbs": [verb]}


def missing(granted: Granted, needed: Iterable[Right] = NEEDED_RIGHTS) -> list[Right]:
    """Return the needed rights that no rule grants for objects of every name."""
    return [right for right in needed if not any(_grants(rule, right) for rule in granted.rules)]


def _grants(rule: Mapping[str, Any], right: Right) -> bool:
    given = (rule.get("apiGroups") or [], rule.get("resources") or [], rule.get("verbs") or [])
    return not rule.get("resourceNames") and all(
        {"*", part} & set(parts) for part, parts in zip(right, given, strict=True)
    )


def excess(granted: Granted) -> list[Right]:
    """Return what is granted and not needed, in the order of its resources."""
    fine = {*NEEDED_RIGHTS, *ON_REQUEST}
    return sorted({right for rule in granted.rules for right in _rights(rule)} - fine)


def _rights(rule: Mapping[str, Any]) -> Iterable[Right]:
    groups = set(rule.get("apiGroups") or []) - ABOUT_ONESELF
    for group in groups:
        for resource in rule.get("resources") or []:
            yield from ((group, resource, verb) for verb in rule.get("verbs") or [])


def in_words(rights: Iterable[Right]) -> str:
    """Return rights for people: `secrets (get, list), horizontalpodautoscalers (patch)`."""
    verbs = dict[str, list[str]]()
    for _, resource, verb in rights:
        verbs.setdefault("everything" if resource == "*" else resource, []).append("all" if verb == "*" else verb)
    return ", ".join(f"{resource} ({', '.join(found)})" for resource, found in verbs.items())
