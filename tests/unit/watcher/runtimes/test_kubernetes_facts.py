from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.types import ModelId, Store
from watcher.runtimes.kubernetes.facts import digest_of, fact_of, is_replicas_owner, pod_fact_of

from .manifests import OURS, applied, deployment, live, pod

TEXTS = st.text(max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | TEXTS
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


@given(st.dictionaries(TEXTS, TREES, max_size=4), st.dictionaries(TEXTS, TREES, max_size=4))
def test_digest_differs_exactly_if_the_content_does(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = digest_of(live(spec=one)) == digest_of(live(spec=other))
    assert same == (repr_of(one) == repr_of(other))


def repr_of(tree: Any) -> Any:
    """Return a text that is equal for equal JSON only: to Python, 1 == True."""
    if isinstance(tree, dict):
        return sorted((key, repr_of(value)) for key, value in tree.items())
    return [repr_of(item) for item in tree] if isinstance(tree, list) else repr(tree)


@given(TREES)
def test_digest_leaves_out_what_others_may_change(value: Any) -> None:
    before = live("Service", {"ports": []})
    after = copy.deepcopy(before)
    after["metadata"] |= {"labels": {**OURS, "theirs": "1"}, "annotations": {"team": "x"}, "resourceVersion": "2"}
    after["metadata"]["managedFields"] = [applied({}, "kubectl", "Update")]
    after["status"] = value
    assert digest_of(after) == digest_of(before)


@pytest.mark.parametrize(
    "change",
    [
        {"uid": "another object of this name"},
        {"labels": {**OURS, "kubeserve.io/owner": "theirs"}},
        {"annotations": {"kubeserve.io/version": "v9"}},
    ],
)
def test_digest_differs_if_something_of_ours_is_changed(change: dict[str, Any]) -> None:
    assert digest_of(live(**change)) != digest_of(live())


def test_digest_covers_the_labels_and_annotations_that_an_apply_of_ours_has_set() -> None:
    owned = [applied({"f:metadata": {"f:labels": {"f:tier": {}}, "f:annotations": {"f:note": {}}}})]
    first = live(managedFields=owned, labels={**OURS, "tier": "1"}, annotations={"note": "1"})
    for part, key in (("labels", "tier"), ("annotations", "note")):
        other = copy.deepcopy(first)
        other["metadata"][part][key] = "2"
        assert digest_of(other) != digest_of(first)


def test_digest_has_the_replicas_only_where_an_apply_of_ours_names_them() -> None:
    owned = {"managedFields": [applied({"f:spec": {"f:replicas": {}}})]}
    assert digest_of(deployment({"replicas": 3})) == digest_of(deployment({"replicas": 7}))
    assert digest_of(deployment({"replicas": 3}, **owned)) != digest_of(deployment({"replicas": 7}, **owned))


@pytest.mark.parametrize(
    ("manager", "operation", "field", "owns"),
    [
        ("kubeserve", "Apply", "f:replicas", True),
        ("kubeserve", "Update", "f:replicas", False),
        ("kube-controller-manager", "Update", "f:replicas", False),
        ("kubeserve", "Apply", "f:template", False),
    ],
)
def test_is_replicas_owner_is_true_for_an_apply_that_named_them(
    manager: str, operation: str, field: str, owns: bool
) -> None:
    entry = applied({"f:spec": {field: {}}}, manager, operation)
    assert is_replicas_owner({"metadata": {"managedFields": [entry]}}) == owns
    assert not is_replicas_owner({"metadata": {"managedFields": None}})


def test_fact_of_a_deployment_has_its_identity_rollout_and_store() -> None:
    env = [{"name": "KUBESERVE_ENDPOINT", "value": "minio:9000"}, {"name": "KEY", "valueFrom": {}}]
    spec = {"template": {"spec": {"initContainers": [{"env": env}]}}}
    path = {"kubeserve.io/s3-path": "s3://models/team/iris/v2/model.joblib"}
    fact = fact_of(deployment(spec, complete=True, annotations=path))
    assert (fact.model, fact.track, fact.is_copy) == (ModelId("team", "iris"), "", False)
    assert fact.rollout
    assert (fact.rollout.is_complete, fact.rollout.available, fact.rollout.wanted) == (True, 2, 2)
    assert fact.is_of_store(Store("models", "minio:9000", secure=False))
    assert not fact.is_of_store(Store("models", "elsewhere:9000", secure=False))
    assert not fact.is_of_store(Store("other", "minio:9000", secure=False))


def test_fact_of_a_canarys_object_names_the_model_and_the_track() -> None:
    labels = {**OURS, "app.kubernetes.io/instance": "iris.canary"}
    fact = fact_of(live(name="iris-model-serving-canary", labels=labels))
    assert (fact.model, fact.track, fact.is_copy) == (ModelId("team", "iris"), "canary", False)


@pytest.mark.parametrize(
    "metadata",
    [{"name": "copy"}, {"namespace": "b", "annotations": {"kubeserve.io/s3-path": "s3://m/team/iris/v1/model.joblib"}}],
)
def test_fact_of_an_object_that_was_copied_says_so(metadata: dict[str, Any]) -> None:
    assert fact_of(live(**metadata)).is_copy


def test_fact_of_a_pod_has_its_version_readiness_and_failure() -> None:
    fact = pod_fact_of(pod(version="v3", ready="False", message="no such key"))
    assert (fact.version, fact.etag, fact.is_ready) == ("v3", "e", False)
    assert (fact.failure, fact.model) == ("download-model: no such key", ModelId("team", "iris"))
