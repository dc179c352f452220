from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.drift import drifted_fields

from .rendered import by_kind

TREES = st.recursive(
    st.booleans() | st.integers() | st.text(min_size=1, max_size=5),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, min_size=1)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text("abc", min_size=1, max_size=3), TREES, min_size=1)
KINDS = ("Deployment", "Service", "HorizontalPodAutoscaler")


@pytest.mark.parametrize("kind", KINDS)
def test_object_as_it_was_written_has_not_drifted(kind: str) -> None:
    assert drifted_fields(by_kind()[kind], copy.deepcopy(by_kind()[kind])) == []


@given(OBJECTS, st.data())
def test_every_change_of_a_desired_value_is_found_at_its_path(desired: dict[str, Any], data: st.DataObject) -> None:
    live = copy.deepcopy(desired)
    path, parent, key = data.draw(st.sampled_from(list(leaves(live))))
    parent[key] = [parent[key], "changed"]
    assert drifted_fields(desired, live) == [path]


@given(OBJECTS, st.data())
def test_fields_that_only_the_live_object_has_do_not_count(desired: dict[str, Any], data: st.DataObject) -> None:
    live = copy.deepcopy(desired)
    for found in maps(live):
        found.update(data.draw(st.dictionaries(st.text("xyz", min_size=1, max_size=3), TREES, max_size=2)))
    assert drifted_fields(desired, live) == []


def leaves(tree: Any, path: str = "") -> Any:
    """Yield the path of each value of a tree that is no map or list, and where it is."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in inner:
        where = f"{path}[{key}]" if isinstance(tree, list) else ".".join(filter(None, (path, key)))
        if isinstance(value, dict | list):
            yield from leaves(value, where)
        else:
            yield where, tree, key


def maps(tree: Any) -> Any:
    """Yield every map of a tree, innermost first, so that additions are not visited."""
    for value in list(tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()):
        yield from maps(value)
    if isinstance(tree, dict):
        yield tree


def container(manifest: dict[str, Any]) -> Any:
    return manifest["spec"]["template"]["spec"]["containers"][0]


def test_edits_by_hand_are_found() -> None:
    live = copy.deepcopy(by_kind())
    container(live["Deployment"])["image"] = "evil:1"
    live["Deployment"]["spec"]["template"]["spec"].pop("automountServiceAccountToken")
    live["Deployment"]["metadata"]["labels"]["app.kubernetes.io/version"] = "v9"
    live["Service"]["spec"]["ports"][0]["targetPort"] = 9999
    live["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] = 50
    found = {kind: drifted_fields(by_kind()[kind], live[kind]) for kind in KINDS}
    assert found == {
        "Deployment": [
            "metadata.labels.app.kubernetes.io/version",
            "spec.template.spec.automountServiceAccountToken",
            "spec.template.spec.containers[inference-server].image",
        ],
        "Service": ["spec.ports[80/TCP].targetPort"],
        "HorizontalPodAutoscaler": ["spec.maxReplicas"],
    }


def test_sidecar_variable_and_volume_of_others_are_theirs_wherever_they_stand() -> None:
    live = copy.deepcopy(by_kind()["Deployment"])
    pod = live["spec"]["template"]["spec"]
    container(live)["env"] = [{"name": "THEIRS", "value": "1"}, *container(live)["env"]]
    pod["containers"] = [{"name": "sidecar", "image": "mesh:1"}, *pod["containers"]]
    pod["volumes"] = [*pod["volumes"], {"name": "certificates", "emptyDir": {}}]
    assert drifted_fields(by_kind()["Deployment"], live) == []


def test_item_that_was_removed_from_a_merged_list_is_named() -> None:
    live = copy.deepcopy(by_kind()["Deployment"])
    container(live)["env"] = container(live)["env"][1:]
    (path,) = drifted_fields(by_kind()["Deployment"], live)
    assert path.startswith("spec.template.spec.containers[inference-server].env[KUBESERVE_SERVER_")


@pytest.mark.parametrize(
    ("desired", "live", "drifted"),
    [
        ({"limits": {"cpu": "1000m"}}, {"limits": {"cpu": "1"}}, []),
        ({"limits": {"cpu": 1}}, {"limits": {"cpu": "1"}}, []),
        ({"limits": {"cpu": "2"}}, {"limits": {"cpu": "1"}}, ["limits.cpu"]),
        ({"limits": {"cpu": "2"}}, {"limits": {"cpu": "much"}}, ["limits.cpu"]),
        ({"limits": {"cpu": "2"}}, {}, ["limits"]),
        ({"sizeLimit": "1024Mi"}, {"sizeLimit": "1Gi"}, []),
        ({"value": "1000m"}, {"value": "1"}, ["value"]),
        ({"value": ""}, {}, []),
        ({"emptyDir": {}}, {"emptyDir": {}}, []),
        ({"flag": False}, {}, ["flag"]),
        ({"flag": True}, {"flag": 1}, ["flag"]),
        ({"args": ["a", "b"]}, {"args": ["b", "a"]}, ["args[0]", "args[1]"]),
        ({"args": ["a"]}, {"args": ["a", "b"]}, ["args"]),
        (
            {"metrics": [{"resource": {"name": "cpu"}}, {"resource": {"name": "memory"}}]},
            {"metrics": [{"resource": {"name": "memory"}}, {"resource": {"name": "cpu"}}]},
            [],
        ),
        (
            {"metrics": [{"resource": {"name": "cpu"}}]},
            {"metrics": [{"resource": {"name": "cpu"}}, {"resource": {"name": "memory"}}]},
            ["metrics"],
        ),
        ({"apiVersion": "autoscaling/v2beta2"}, {"apiVersion": "autoscaling/v2"}, []),
    ],
)
def test_values_are_compared_as_the_api_server_stores_them(desired: Any, live: Any, drifted: list[str]) -> None:
    assert drifted_fields(desired, live) == drifted


def test_label_that_a_person_adds_to_a_service_s_selector_is_found() -> None:
    service = by_kind()["Service"]
    live = copy.deepcopy(service)
    live["spec"]["selector"]["tier"] = "gold"
    assert drifted_fields(service, live) == ["spec.selector.tier"]


def test_volume_that_a_person_puts_in_the_place_of_an_empty_one_is_found() -> None:
    desired = {"spec": {"volumes": [{"name": "tmp", "emptyDir": {}}]}}
    live = {"spec": {"volumes": [{"name": "tmp", "hostPath": {"path": "/srv"}}]}}
    assert drifted_fields(desired, live) == ["spec.volumes[tmp].emptyDir"]
