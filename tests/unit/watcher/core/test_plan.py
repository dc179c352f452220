from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from watcher.core.plan import edits, fingerprint_of, plan
from watcher.core.types import Change, ObjectKey, Observed
from watcher.errors import Rejected

from .rendered import MODEL, by_kind


def seen(**changes: Any) -> Observed:
    prints = {kind: fingerprint_of(item) for kind, item in by_kind().items()}
    return Observed(MODEL, {key(kind): text for kind, text in {**prints, **changes}.items()})


def key(kind: str) -> ObjectKey:
    return ObjectKey(kind, "iris-model-serving")


def test_plan_with_equal_fingerprints_is_empty() -> None:
    assert not plan(list(by_kind().values()), seen(), MODEL)


def test_plan_with_a_difference_writes_it_and_deletes_what_is_not_desired() -> None:
    change = plan(list(by_kind().values()), seen(Service="other"), MODEL)
    assert [item["kind"] for item in change.writes] == ["Service"]
    without = by_kind(autoscaling={"enabled": False})
    assert plan(list(without.values()), seen(), MODEL).deletes == (key("HorizontalPodAutoscaler"),)


def test_plan_without_the_deployment_writes_everything_for_its_new_owner() -> None:
    left = {item: print_of for item, print_of in seen().objects.items() if item.kind != "Deployment"}
    change = plan(list(by_kind(autoscaling={"enabled": False}).values()), Observed(MODEL, left), MODEL)
    assert sorted(item["kind"] for item in change.writes) == ["ConfigMap", "Deployment", "Service"]
    assert change.deletes == (key("HorizontalPodAutoscaler"),)


def test_plan_of_a_model_with_two_services_changes_the_one_that_differs() -> None:
    second = by_kind()["Service"]
    second = {**second, "metadata": {**second["metadata"], "name": "iris-grpc"}}
    desired = [*by_kind().values(), second]
    missing = plan(desired, seen(), MODEL)
    assert [item["metadata"]["name"] for item in missing.writes if item["kind"] == "Service"] == ["iris-grpc"]
    both = Observed(MODEL, {**seen().objects, ObjectKey("Service", "iris-grpc"): fingerprint_of(second)})
    assert not plan(desired, both, MODEL)
    assert plan(desired[:-1], both, MODEL).deletes == (ObjectKey("Service", "iris-grpc"),)


def test_plan_with_a_foreign_object_rejects_the_model() -> None:
    foreign = Observed(MODEL, {}, foreign=(key("Service"),))
    with pytest.raises(Rejected, match="Service iris-model-serving exists in namespace team"):
        plan(list(by_kind().values()), foreign, MODEL)


def test_change_without_anything_to_do_is_false() -> None:
    assert not Change(MODEL)
    assert Change(MODEL, remove=True)


def test_plan_writes_an_object_that_was_edited_under_its_fingerprint() -> None:
    desired = by_kind()
    live = {key(kind): copy.deepcopy(item) for kind, item in desired.items() if kind != "Secret"}
    assert not plan(list(desired.values()), replace(seen(), manifests=live), MODEL)
    live[key("Service")]["spec"]["ports"][0]["targetPort"] = 9999
    edited = replace(seen(), manifests=live)
    assert edits(list(desired.values()), edited) == {key("Service"): ["spec.ports[80/TCP].targetPort"]}
    assert [item["kind"] for item in plan(list(desired.values()), edited, MODEL).writes] == ["Service"]
