from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.last_good import (
    CURRENT,
    FAILED,
    FAILURES,
    LAST_GOOD,
    RELEASE_LIMIT,
    Candidate,
    Since,
    annotations_of,
    choose,
    current_of,
    in_place_of,
    learned,
    memory_of,
    serving_since,
)
from watcher.core.types import (
    RELEASE,
    Failure,
    LiveRelease,
    Memory,
    ModelId,
    ModelVersion,
    Observed,
    Release,
    State,
    StoredObject,
    Trial,
)

IRIS = ModelId("team", "iris")
NEVER = datetime.fromtimestamp(0, UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def version(name: str, *, requirements: bool = False) -> ModelVersion:
    def file(of: str) -> StoredObject:
        return StoredObject(f"team/iris/{name}/{of}", f"etag of {of}", 7, NEVER)

    return ModelVersion(
        IRIS,
        name,
        file("model.joblib"),
        file("requirements.txt") if requirements else None,
        input_files=(file("MLmodel"),) if requirements else (),
    )


def failure(name: str) -> Failure:
    return Failure(f"digest of {name}", name, "it does not load", NOW)


GOOD = Release(version("v1", requirements=True), {"server": {"deadline": 0.5}})
MEMORY = Memory(Release(version("v2")), GOOD, (failure("v2"), failure("v3")))


def test_memory_survives_as_annotations() -> None:
    assert memory_of(annotations_of(MEMORY), IRIS) == MEMORY
    assert annotations_of(Memory()) == {}
    assert memory_of({}, IRIS) == Memory()


def test_release_that_is_too_large_is_not_remembered_and_the_failures_are() -> None:
    large = Release(version("v1"), {"server": {"load": "x" * RELEASE_LIMIT}})
    assert memory_of(annotations_of(Memory(large, large, (failure("v2"),))), IRIS) == Memory(failed=(failure("v2"),))


@given(st.dictionaries(st.sampled_from([CURRENT, LAST_GOOD, FAILED]), st.text() | st.binary().map(repr)))
def test_memory_of_arbitrary_annotations_is_one(annotations: dict[str, str]) -> None:
    memory_of(annotations, IRIS)


@given(
    st.sampled_from([CURRENT, LAST_GOOD, FAILED]),
    st.sampled_from([None, 1, [], {}, [1], {"at": 1}, "x", [[]], {"key": 1}]),
    st.sampled_from(["artifact", "version", "overrides", "inputFiles", "requirements", "at", "reason", "release"]),
)
def test_memory_with_any_part_replaced_is_one(name: str, value: object, part: str) -> None:
    found: Any = json.loads(annotations_of(MEMORY)[name])
    (found[0] if name == FAILED else found)[part] = value
    memory_of({name: json.dumps(found)}, IRIS)


@pytest.mark.parametrize(
    "key", ["team/other/v1/model.joblib", "other/iris/v1/model.joblib", "team/iris/v9/model.joblib", "team/iris/x"]
)
def test_memory_that_names_the_file_of_another_model_or_version_is_none(key: str) -> None:
    """Whoever may edit the Deployment must not reach files of other teams by it."""
    text = annotations_of(Memory(last_good=GOOD))[LAST_GOOD].replace("team/iris/v1/model.joblib", key)
    assert memory_of({LAST_GOOD: text}, IRIS) == Memory()


def test_release_in_place_of_another_has_its_number_of_pods_its_address_and_its_trials() -> None:
    overrides = {
        "deployment": {"replicas": 3, "resources": {"limits": {"memory": "9Gi"}}},
        "autoscaling": {"enabled": False},
        "server": {"batchRows": 1},
    }
    trials = (Trial("canary", version("v1"), weight=10), Trial("shadow", version("v0")))
    found = in_place_of(Release(version("v2"), overrides, trials, ("canary v9",)), GOOD)
    assert found.version == GOOD.version
    assert found.overrides == {
        "deployment": {"replicas": 3},
        "autoscaling": {"enabled": False},
        "server": {"deadline": 0.5},
    }
    assert (found.trials, found.unmade) == (trials[1:], ("canary v9",))


def candidate(name: str) -> Candidate:
    annotations = {RELEASE: f"digest of {name}"}
    return Candidate(Release(version(name)), [{"kind": "Deployment", "metadata": {"annotations": annotations}}])


@pytest.mark.parametrize("wanted", ["v0", "v14", "v15"])
def test_choose_keeps_the_failure_of_the_wanted_release_and_the_latest(wanted: str) -> None:
    names = [f"v{number}" for number in range(FAILURES + 5)]
    memory = Memory(failed=tuple(map(failure, names)))
    failed = choose([candidate(wanted)], memory, LiveRelease()).memory.failed
    assert [item.version for item in failed] == (["v0", *names[-9:]] if wanted == "v0" else names[-10:])


def test_choose_tries_no_more_releases_than_failures_are_remembered() -> None:
    names = [f"v{number}" for number in range(FAILURES + 5, 0, -1)]
    memory, tried = Memory(), list[str]()
    while not (choice := choose(map(candidate, names), memory, LiveRelease())).is_irreplaceable:
        tried.append(choice.candidate.release.version.version)
        assert len(tried) <= len(names), tried
        memory = Memory(failed=(*choice.memory.failed, failure(tried[-1])))
    assert tried == names[:FAILURES]
    assert choice.candidate.release.version.version == names[0]


def test_choose_takes_nothing_lower_if_the_last_good_release_is_the_wanted_one() -> None:
    candidates = map(candidate, ["v2", "v2", "v1"])
    choice = choose(candidates, Memory(failed=(failure("v2"),)), LiveRelease("digest of v2"))
    assert (choice.candidate.release.version.version, choice.is_irreplaceable) == ("v2", True)


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (Observed(IRIS, {}, "v1", etag="etag of model.joblib"), GOOD),
        (Observed(IRIS, {}, "v1", etag="other"), None),
        (Observed(IRIS, {}, "v2", etag="etag of model.joblib"), None),
        (Observed(IRIS, {}, "v1", etag="etag of model.joblib", memory=MEMORY), MEMORY.current),
    ],
)
def test_current_of_is_the_wanted_release_if_none_is_remembered_and_its_version_runs(
    observed: Observed, expected: Release | None
) -> None:
    assert current_of(observed, GOOD) == expected


def test_learned_keeps_the_failures_of_versions_that_exist() -> None:
    names = ["v0", "v1", "v2"]
    memory = Memory(failed=tuple(map(failure, names)))
    live = LiveRelease("new", is_at_fault=True)
    seen = Observed(IRIS, {}, "v99", State.FAILED, "why\n" + "x" * 5000, live=live, memory=memory)
    failed = learned(seen, [*names[1:], "v99"], 0.0, NOW + timedelta(milliseconds=1)).failed
    assert [item.version for item in failed] == ["v1", "v2", "v99"]
    assert (failed[-1].at, failed[-1].digest) == (NOW, "new")
    assert len(failed[-1].reason.encode()) <= 1024


@pytest.mark.parametrize(
    ("live", "before", "since"),
    [
        (LiveRelease("a"), None, float("inf")),
        (LiveRelease("a"), Since("b", 3.0), float("inf")),
        (LiveRelease("a"), Since("a", float("inf")), float("inf")),
        (LiveRelease("a"), Since("a", 3.0), 3.0),  # `kubectl rollout restart`
        (LiveRelease("a"), Since("a", float("-inf")), float("-inf")),
        (LiveRelease("a", has_served=True), None, 5.0),
        (LiveRelease("a", has_served=True, was_complete=True), None, float("-inf")),
        (LiveRelease("a", has_served=True, was_complete=True), Since("a", float("inf")), 5.0),
        (LiveRelease("a", has_served=True), Since("a", 3.0), 3.0),
        (LiveRelease("a", has_served=True), Since("b", 3.0), 5.0),
    ],
)
def test_serving_since_counts_what_began_unseen_as_old(live: LiveRelease, before: Since | None, since: float) -> None:
    assert serving_since(live, before, 5.0) == Since("a", since)
