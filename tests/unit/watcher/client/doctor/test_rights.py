from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from watcher.client.doctor.facts import Release, address_sections
from watcher.client.doctor.rights import (
    ADDRESSES,
    NEEDED,
    NEEDED_RIGHTS,
    NETWORK_POLICIES,
    Granted,
    excess,
    in_words,
    missing,
    rule_of,
)

from .facts_of import FORBIDDEN, cluster, found, namespace

CHART = Granted(tuple(map(rule_of, NEEDED_RIGHTS)))
SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}


def test_the_needed_rights_are_those_of_the_chart() -> None:
    documents = yaml.safe_load_all(Path("manifests/install.yaml").read_text())
    (role,) = [item for item in documents if item and item["kind"] == "ClusterRole"]
    rules = {(rule["apiGroups"][0], rule["resources"][0]): set(rule["verbs"]) for rule in role["rules"]}
    always = {key: set(verbs) for key, verbs in NEEDED.items()}
    # The manifest serves labelled namespaces.
    assert rules == always | {("", "namespaces"): {"get"}}


def test_right_to_read_namespaces_is_needed_only_where_they_have_to_be_labelled() -> None:
    given = {"KUBESERVE_LABELLED_NAMESPACES": "true"}
    assert found("rights", cluster=cluster(release=Release("home", "watch", "watch", {}))).verdict == "ok"
    lacking = found("rights", cluster=cluster(release=Release("home", "watch", "watch", given)))
    assert "namespaces (get)" in lacking.detail


def test_right_to_write_network_policies_is_needed_only_where_the_watcher_makes_them() -> None:
    given = {"KUBESERVE_NETWORK_POLICIES": "/etc/kubeserve/network-policies.json"}
    lacking = found("rights", cluster=cluster(release=Release("home", "watch", "watch", given)))
    assert "networkpolicies (create, patch)" in lacking.detail
    assert excess(Granted((*CHART.rules, *map(rule_of, NETWORK_POLICIES)))) == []


@pytest.mark.parametrize(
    ("rule", "lacking"),
    [
        ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, 0),
        ({"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]}, len(NEEDED_RIGHTS) - 7),
        ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "resourceNames": ["one"]}, len(NEEDED_RIGHTS)),
        ({"nonResourceURLs": ["*"], "verbs": ["*"]}, len(NEEDED_RIGHTS)),
    ],
)
def test_missing_counts_wildcards_and_not_rules_for_single_names(rule: dict[str, Any], lacking: int) -> None:
    assert len(missing(Granted((rule,)))) == lacking


def test_excess_is_what_the_chart_does_not_grant() -> None:
    about_oneself = {
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews"],
        "verbs": ["create"],
    }
    namespaces = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["create"]}
    assert excess(Granted((*CHART.rules, about_oneself, namespaces))) == []
    assert in_words(excess(Granted((*CHART.rules, SECRETS)))) == "secrets (get, list)"
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    assert in_words(excess(Granted((everything,)))) == "everything (all)"


def test_a_person_may_have_more_and_the_watcher_may_not() -> None:
    more = {"team": namespace(granted=Granted((*CHART.rules, SECRETS)))}
    assert found("rights", cluster=cluster(namespaces=more)).verdict == "warn"
    assert found("rights", cluster=cluster(namespaces=more, is_watcher=False, user="ann")).verdict == "ok"


def test_rights_for_addresses_are_needed_where_the_values_for_models_have_them() -> None:
    release = Release("kubeserve", "kubeserve", "kubeserve", {}, addresses=("httpRoute",))
    finding = found("rights", cluster=cluster(release=release))
    assert finding.verdict == "fail"
    assert finding.detail.endswith("lacks in team: httproutes (get, list, watch, create, patch, delete)")
    routes = tuple(map(rule_of, ADDRESSES["httpRoute"]))
    enough = {"team": namespace(granted=Granted((*CHART.rules, *routes)))}
    assert found("rights", cluster=cluster(release=release, namespaces=enough)).verdict == "ok"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"httpRoute: {enabled: false}", ("httpRoute",)),
        (b"ingress: {}\nhttpRoute: {}", ("ingress", "httpRoute")),
        (b"a: [", ()),
    ],
)
def test_address_sections_are_those_of_the_values_for_models(text: bytes, expected: tuple[str, ...]) -> None:
    assert address_sections(text) == expected


def test_a_person_who_lacks_rights_is_warned_and_a_watcher_fails() -> None:
    none = {"team": namespace(granted=Granted(())), "other": namespace(granted=FORBIDDEN)}
    assert found("rights", cluster=cluster(namespaces=none)).verdict == "fail"
    finding = found("rights", cluster=cluster(namespaces=none, is_watcher=False, user="ann"))
    assert finding.verdict == "warn"
    assert '"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "ann"' in finding.remedy
