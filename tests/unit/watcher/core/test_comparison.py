from __future__ import annotations

from datetime import UTC, datetime

import pytest

from watcher.core.comparison import Comparison, Settled, compare, deleted, overwritten
from watcher.core.types import Entry, ModelId, ModelVersion, ObjectKey, Observation, Observed, StoredObject

A, B, C, D, E = (ModelId("team", name) for name in "abcde")
DEPLOYMENT, HPA = ObjectKey("Deployment", "a"), ObjectKey("HPA", "a")
NONE: frozenset[ModelId] = frozenset()


def entry(model: ModelId, etag: str = "e1") -> Entry:
    artifact = StoredObject(f"{model.prefix}v1/model.joblib", etag, 1, datetime(2026, 1, 1, tzinfo=UTC))
    return Entry(model, (ModelVersion(model, "v1", artifact),))


def test_compare_separates_changes_in_the_bucket_from_other_work() -> None:
    running = {model: Observed(model, {DEPLOYMENT: "1"}) for model in (A, B, C, D)}
    settled = {model: Settled(entry(model), {DEPLOYMENT: "1"}) for model in (A, B, E)}
    settled[C] = Settled(entry(C), {DEPLOYMENT: "0"})  # something else was observed after it was applied
    entries = {A: entry(A), B: entry(B, "e2"), C: entry(C), D: entry(D), E: entry(E)}
    previous = {A: entry(A), B: entry(B), C: entry(C), E: entry(E)}
    found = compare(entries, previous, settled, Observation(running))
    assert found == Comparison(changed=frozenset({B, D}), stale=frozenset({C, E}), in_step=frozenset({A}))


def test_compare_of_a_new_model_that_a_hint_has_brought_up_already_finds_no_work() -> None:
    running = Observation({A: Observed(A, {DEPLOYMENT: "1"})})
    found = compare({A: entry(A)}, {}, {A: Settled(entry(A), {DEPLOYMENT: "1"})}, running)
    assert found == Comparison(NONE, NONE, frozenset({A}))


def test_compare_leaves_out_namespaces_that_cannot_be_read() -> None:
    assert compare({A: entry(A)}, {}, {}, Observation(unreadable={"team": "forbidden"})) == Comparison(NONE, NONE, NONE)


@pytest.mark.parametrize(
    ("found", "result"),
    [
        ({DEPLOYMENT: "1", HPA: "1"}, False),
        ({DEPLOYMENT: "2", HPA: "1"}, True),
        ({DEPLOYMENT: "1"}, False),  # deleted by hand
        ({DEPLOYMENT: "", HPA: "1"}, False),  # the annotation was removed by hand
        ({DEPLOYMENT: "1", HPA: "1", ObjectKey("Service", "a"): "9"}, False),  # an object that is not desired
    ],
)
def test_overwritten_is_true_only_for_another_fingerprint_on_what_was_written(
    found: dict[ObjectKey, str], result: bool
) -> None:
    desired = {DEPLOYMENT: "1", HPA: "1"}
    assert overwritten(Settled(entry(A), desired), entry(A), desired, found) is result


def test_overwritten_is_false_after_an_upload_and_at_the_start() -> None:
    desired, found = {DEPLOYMENT: "2"}, {DEPLOYMENT: "1"}
    assert not overwritten(Settled(entry(A), {DEPLOYMENT: "1"}), entry(A, "e2"), desired, found)
    assert not overwritten(None, entry(A), desired, found)


def test_compare_finds_work_where_the_content_of_an_object_has_changed_under_its_fingerprint() -> None:
    settled = {A: Settled(entry(A), {DEPLOYMENT: "1"}, {DEPLOYMENT: "as written"})}

    def stale(digest: str) -> frozenset[ModelId]:
        observation = Observation({A: Observed(A, {DEPLOYMENT: "1"}, digests={DEPLOYMENT: digest})})
        return compare({A: entry(A)}, {A: entry(A)}, settled, observation).stale

    assert stale("as written") == NONE
    assert stale("edited") == {A}


def test_deleted_names_what_is_gone_or_lost_its_fingerprint_since_it_was_written() -> None:
    desired = {DEPLOYMENT: "1", HPA: "1"}
    settled = Settled(entry(A), desired)
    assert deleted(settled, entry(A), desired, {DEPLOYMENT: "", HPA: "1"}) == {DEPLOYMENT}
    assert deleted(settled, entry(A), desired, {DEPLOYMENT: "1"}) == {HPA}
    assert deleted(settled, entry(A), desired, desired) == frozenset()
    assert deleted(settled, entry(A, "e2"), desired, {}) == frozenset()
    assert deleted(None, entry(A), desired, {}) == frozenset()
