from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from watcher.core.signed_files import Signing
from watcher.core.types import ModelId, ObjectKey, State, Store
from watcher.runtimes.kubernetes import cluster_cache
from watcher.runtimes.kubernetes.cluster_cache import ClusterCache, never
from watcher.runtimes.kubernetes.facts import Fact, PodFact, fact_of, pod_fact_of
from watcher.runtimes.kubernetes.observing import Observer

from .manifests import OURS, deployment, live, pod

IRIS, ROSE = ModelId("team", "iris"), ModelId("team", "rose")
OBSERVER = Observer(Store("models", "minio:9000", secure=False), "models", "", ())
SERVICE = ObjectKey("Service", "iris-model-serving")


def cache_of(*facts: Fact | PodFact) -> ClusterCache:
    cache = ClusterCache(OBSERVER)
    cache.put(*facts)
    return cache


def service(revision: int, **metadata: Any) -> Fact:
    return fact_of(live(resourceVersion=str(revision), **metadata))


@given(st.permutations(range(1, 6)), st.booleans())
def test_events_in_any_order_end_in_the_state_of_the_newest(order: list[int], is_deleted: bool) -> None:
    cache = ClusterCache(OBSERVER)
    for number in [*order, *order]:  # each of them twice
        fact = service(number, annotations={"kubeserve.io/fingerprint": str(number)})
        if is_deleted and number == 5:
            cache.drop(fact)
        else:
            cache.put(fact)
    found = cache.get(IRIS, never)
    assert (found.objects if found else None) == (None if is_deleted else {SERVICE: "5"})


def test_put_returns_the_models_that_it_changes() -> None:
    cache = cache_of(service(1))
    assert cache.put(service(1)) == set()
    assert cache.put(service(2)) == {IRIS}
    assert cache.put(service(1)) == set()


def test_put_of_an_object_whose_label_names_another_model_moves_it() -> None:
    cache = cache_of(service(1))
    moved = service(2, labels={**OURS, "app.kubernetes.io/instance": "rose"})
    assert cache.put(moved) == {IRIS, ROSE}
    assert cache.get(IRIS, never) is None
    assert cache.get(ROSE, never) is None  # its name is not one of rose's


def test_drop_of_an_object_that_was_made_again_keeps_the_new_one() -> None:
    cache = cache_of(service(1, uid="old"))
    cache.put(service(3, uid="new"))
    assert cache.drop(service(2, uid="old")) == set()
    assert cache.get(IRIS, never)


def test_replace_forgets_what_is_not_in_the_list_unless_it_is_newer() -> None:
    cache = cache_of(service(1), service(9, name="rose-model-serving", labels={**OURS, **instance("rose")}))
    assert cache.replace("Service", "", [], "5") == {IRIS}
    assert set(cache.all("", never)) == {ROSE}
    assert cache.put(service(4)) == set()


def test_replace_of_one_namespace_or_kind_leaves_the_others() -> None:
    cache = cache_of(service(1), fact_of(deployment()))
    assert cache.replace("Service", "other", [], "5") == set()
    assert cache.replace("HorizontalPodAutoscaler", "", [], "5") == set()
    assert cache.replace("Service", "team", [], "5") == {IRIS}


def test_replace_model_stores_exactly_what_a_read_has_found() -> None:
    cache = cache_of(service(1))
    cache.replace_model(IRIS, [fact_of(deployment())])
    found = cache.get(IRIS, never)
    assert found
    assert set(found.objects) == {ObjectKey("Deployment", "iris-model-serving")}


def test_get_follows_the_pods_of_a_rollout() -> None:
    cache = cache_of(fact_of(deployment()))
    before = cache.get(IRIS, never)
    assert before
    assert before.state is State.PROGRESSING
    assert cache.get(IRIS, never) is before  # computed once
    assert cache.put(pod_fact_of(pod(resourceVersion="2", message="no such key"))) == {IRIS}
    after = cache.get(IRIS, never)
    assert after
    assert (after.state, after.reason) == (State.FAILED, "download-model: no such key")


def test_objects_of_other_owners_and_copies_are_left_out() -> None:
    foreign = service(1, labels={**OURS, "kubeserve.io/owner": "theirs"})
    assert cache_of(foreign).get(IRIS, never) is None
    assert cache_of(service(1, name="copy")).all("", never) == {}


def test_urls_that_become_due_are_seen_although_no_object_has_changed() -> None:
    signing = Signing("v1")
    cache = cache_of(replace(fact_of(live("ConfigMap")), signing=signing))

    def is_due(asked: Signing) -> bool:
        return asked == signing

    found = [cache.get(IRIS, decide) for decide in (never, is_due, never)]
    assert [item.renew for item in found if item] == [False, True, False]
    assert cache.all("", is_due)[IRIS].renew


def test_deletions_are_remembered_up_to_a_limit(monkeypatch: Any) -> None:
    monkeypatch.setattr(cluster_cache, "MAX_DELETED", 10)
    cache = ClusterCache(OBSERVER)
    for number in range(100):
        cache.drop(service(number, name=f"s{number}"))
    assert len(cache._deleted) == 10


def instance(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/instance": name}
