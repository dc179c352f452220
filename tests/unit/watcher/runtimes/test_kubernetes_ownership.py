from __future__ import annotations

import copy
from typing import Any

import pytest

from watcher.runtimes.kubernetes.ownership import taken_over

PORT_80, PORT_81 = 'k:{"port":80,"protocol":"TCP"}', 'k:{"port":81,"protocol":"TCP"}'
PORT: dict[str, Any] = {".": {}, "f:port": {}, "f:protocol": {}}
OURS = {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:selector": {}, "f:ports": {PORT_80: PORT}}}
THEIRS = {"f:metadata": {"f:labels": {"f:b": {}}}, "f:spec": {"f:type": {}, "f:ports": {PORT_81: PORT}}}


def entry(fields: dict[str, Any], manager: str = "kubeserve", operation: str = "Apply", **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": copy.deepcopy(fields), **more}


def theirs(fields: dict[str, Any]) -> dict[str, Any]:
    return entry(fields, "kubectl-edit", "Update")


def test_taken_over_gives_the_refused_fields_of_others_to_our_manager_and_leaves_them_the_rest() -> None:
    managed = [entry(OURS), theirs(THEIRS)]
    before = copy.deepcopy(managed)
    assert taken_over(managed, "kubeserve", ["spec.ports[0].name", "spec.ports[1].name"]) == [
        entry({**OURS, "f:spec": {"f:selector": {}, "f:ports": {PORT_80: PORT, PORT_81: PORT}}}),
        theirs({**THEIRS, "f:spec": {"f:type": {}}}),
    ]
    assert managed == before


def test_taken_over_leaves_out_a_manager_that_owns_nothing_else() -> None:
    managed = [entry(OURS), theirs({"f:spec": {"f:ports": {PORT_81: PORT}}})]
    found = taken_over(managed, "kubeserve", ["spec.ports"])
    assert found
    assert [item["manager"] for item in found] == ["kubeserve"]


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        (theirs(THEIRS), ["spec.template.spec.volumes[0]"]),
        (theirs(THEIRS), ["metadata.labels"]),
        (theirs({"f:spec": {"f:replicas": {}}}), ["spec.replicas", "spec"]),
        (entry(THEIRS, "kubeserve-replicas"), ["spec.ports"]),
        (entry(THEIRS, "kube-controller-manager", "Update", subresource="status"), ["spec.ports"]),
        (theirs(THEIRS), []),
    ],
)
def test_taken_over_returns_none_if_others_own_nothing_that_may_be_taken(
    other: dict[str, Any], refused: list[str]
) -> None:
    assert taken_over([entry(OURS), other], "kubeserve", refused) is None


def test_taken_over_returns_none_for_an_object_that_we_have_not_applied() -> None:
    assert taken_over([theirs(THEIRS)], "kubeserve", ["spec.ports"]) is None
