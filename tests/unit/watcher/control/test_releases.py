from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from watcher.control.releases import Releases
from watcher.core.types import Entry, ModelId, ModelVersion, Release, StoredObject
from watcher.errors import Rejected

IRIS = ModelId("team", "iris")


class Files:
    """A bucket of values.yaml files that records what is read."""

    name = "models"

    def __init__(self, **files: str) -> None:
        self.files, self.reads = files, list[str]()

    def list(self, prefix: str = "") -> list[StoredObject]:
        raise NotImplementedError

    def read(self, key: str, limit: int) -> bytes:
        self.reads.append(key)
        return self.files[key].encode()


def stored(key: str, etag: str = "e1", size: int = 1) -> StoredObject:
    return StoredObject(key, etag, size, datetime(2026, 1, 1, tzinfo=UTC))


def entry(etag: str = "e1", size: int = 1) -> Entry:
    version = ModelVersion(IRIS, "v1", stored("team/iris/v1/model.joblib", size=size))
    return Entry(IRIS, (version,), stored("values", etag))


def test_of_reads_a_file_once_for_each_etag() -> None:
    bucket = Files(values="autoscaling: {maxReplicas: 3}")
    releases = Releases(bucket, {})
    for etag, replicas in (("e1", 3), ("e1", 3), ("e2", 4)):
        bucket.files["values"] = f"autoscaling: {{maxReplicas: {replicas}}}"
        release = releases.of(entry(etag))
        assert release
        assert release.overrides == {"autoscaling": {"maxReplicas": replicas}}
    assert bucket.reads == ["values", "values"]


def test_of_checks_the_users_values_over_those_of_the_operator() -> None:
    bucket = Files(values="autoscaling: {maxReplicas: 3}")
    assert Releases(bucket, {}).of(entry())
    with pytest.raises(Rejected, match="minReplicas"):
        Releases(bucket, {"autoscaling": {"minReplicas": 4}}).of(entry())


def test_of_values_above_a_ceiling_is_rejected() -> None:
    bucket = Files(values="autoscaling: {maxReplicas: 21}")
    with pytest.raises(Rejected, match=r"maxReplicas is 21; the operator allows at most 20 \(ceilings.replicas\)"):
        Releases(bucket, {}, {"replicas": "20"}).of(entry())
    assert Releases(bucket, {}, {"replicas": "21"}).of(entry())


@pytest.mark.parametrize(
    ("base", "data_only"),
    [({"server": {"load": "data"}}, ()), ({}, ("team",)), ({"server": {"load": "code"}}, ("a", "team")), ({}, ("*",))],
)
def test_of_values_looser_than_the_operators_load_is_rejected(base: dict[str, Any], data_only: tuple[str, ...]) -> None:
    for loosened, shown in (("auto", "auto"), ("code", "code"), ("null", "not set")):
        releases = Releases(Files(values=f"server: {{load: {loosened}}}"), base, None, frozenset(data_only))
        with pytest.raises(Rejected, match=f"team/iris/values.yaml: server.load is {shown}; the operator") as caught:
            releases.of(entry())
        assert caught.value.reason == "LoadLoosened"


@pytest.mark.parametrize("operators", ["", "known"])
@pytest.mark.parametrize("users", ["{codeAllow: 'known,a.B'}", "{codeAllow: null}", "{codeAllow: ''}"])
def test_of_values_that_change_the_names_that_models_may_have_is_rejected(operators: str, users: str) -> None:
    base = {"server": {"codeAllow": operators}}
    releases = Releases(Files(values=f"server: {users}"), base)
    if not operators and "a.B" not in users:
        assert releases.of(entry())
        return
    with pytest.raises(Rejected, match=r"values\.yaml: server\.codeAllow is changed; the operator"):
        releases.of(entry())


@pytest.mark.parametrize("text", ["server: {load: data}", "server: {deadline: 2}", ""])
def test_of_a_namespace_that_is_loaded_as_data_only_says_so_in_the_release(text: str) -> None:
    release = Releases(Files(values=text), {}, None, frozenset({"team"})).of(entry())
    assert release
    assert release.overrides["server"]["load"] == "data"


@pytest.mark.parametrize("load", ["auto", "data", "code"])
def test_of_values_with_any_load_is_accepted_where_the_operator_demands_nothing(load: str) -> None:
    release = Releases(Files(values=f"server: {{load: {load}}}"), {}, None, frozenset({"other"})).of(entry())
    assert release
    assert release.overrides == {"server": {"load": load}}


def test_of_a_paused_model_is_none_and_of_an_empty_file_is_rejected() -> None:
    assert Releases(Files(values="paused: true"), {}).of(entry()) is None
    with pytest.raises(Rejected, match="is empty"):
        Releases(Files(values=""), {}).of(entry(size=0))


def test_keep_forgets_the_files_of_other_entries() -> None:
    bucket = Files(values="")
    releases = Releases(bucket, {})
    releases.of(entry())
    releases.keep([entry()])
    releases.of(entry())
    assert bucket.reads == ["values"]
    releases.keep([])
    assert releases._files == {}


def test_wanted_is_the_pinned_version_once_its_file_was_read_and_the_highest_before() -> None:
    versions = tuple(ModelVersion(IRIS, name, stored(f"team/iris/{name}/model.joblib")) for name in ("v1", "v2"))
    pinned = Entry(IRIS, versions, stored("values"))
    releases = Releases(files := Files(values='version: "v1"'), {})
    assert (releases.wanted(pinned), files.reads) == ("v2", [])
    releases.of(pinned)
    assert releases.wanted(pinned) == "v1"
    assert releases.wanted(Entry(IRIS, versions, stored("values", "e2"))) == "v2"
    assert files.reads == ["values"]


ROUTE = {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}


def two_versions(values: StoredObject | None = None) -> Entry:
    versions = (ModelVersion(IRIS, name, stored(f"team/iris/{name}/model.joblib")) for name in ("v1", "v2"))
    return Entry(IRIS, tuple(versions), values or stored("values"))


def test_of_a_canary_returns_both_versions_with_the_values_of_each() -> None:
    found = two_versions()
    tried = dataclasses.replace(found.versions[1], values=stored("own"))
    found = dataclasses.replace(found, versions=(found.versions[0], tried))
    bucket = Files(
        values="{canary: {version: v2, weight: 10}, autoscaling: {minReplicas: 2}}", own="autoscaling: {minReplicas: 1}"
    )
    release = Releases(bucket, ROUTE).of(found)
    assert release
    assert (release.version.version, release.overrides) == ("v1", {"autoscaling": {"minReplicas": 2}})
    (trial,) = release.trials
    assert (trial.track, trial.version, trial.weight) == ("canary", tried, 10)
    assert trial.overrides == {"autoscaling": {"minReplicas": 1}}


def test_of_a_canary_without_a_route_is_rejected() -> None:
    bucket = Files(values="{canary: {version: v2, weight: 10}, httpRoute: {enabled: false}}")
    with pytest.raises(Rejected, match="canary needs a HTTPRoute"):
        Releases(bucket, ROUTE).of(two_versions())


def test_wanted_is_the_version_that_is_not_on_trial() -> None:
    releases = Releases(Files(values="shadow: {version: v2}"), ROUTE)
    found = two_versions()
    assert releases.of(found)
    assert releases.wanted(found) == "v1"


def requiring(text: str) -> tuple[Files, Entry]:
    """Return a bucket and a model whose version has a requirements.txt."""
    key = "team/iris/v1/requirements.txt"
    version = dataclasses.replace(entry().versions[0], requirements=stored(key))
    return Files(values="", **{key: text}), Entry(IRIS, (version,), stored("values"))


def policy(word: str) -> dict[str, Any]:
    return {"download": {"requirements": word}}


@pytest.mark.parametrize(
    ("word", "text", "problem"),
    [
        ("allow", "x\n-i http://evil.example", "requirements.txt, line 2: options are not allowed"),
        ("hashed", "x==1", r"requirements.txt, line 1 \(x\): an exact version and a --hash are needed"),
        ("off", "x==1", "requirements.txt is not permitted"),
    ],
)
def test_of_requirements_that_no_server_installs_are_rejected_before_a_pod_is_made(
    word: str, text: str, problem: str
) -> None:
    bucket, model = requiring(text)
    with pytest.raises(Rejected, match=f"^team/iris/v1/{problem}") as caught:
        Releases(bucket, policy(word)).of(model)
    assert caught.value.reason == "RequirementsRefused"
    assert "evil" not in str(caught.value)


def test_of_permitted_requirements_are_read_once() -> None:
    bucket, model = requiring("x>=1\n")
    releases = Releases(bucket, {})
    for _ in range(2):
        releases.keep([model])
        assert releases.of(model)
    assert bucket.reads == ["values", "team/iris/v1/requirements.txt"]


def test_permitted_leaves_out_a_former_release_with_requirements_where_none_are_permitted() -> None:
    _, model = requiring("")
    former = Release(model.versions[0])
    assert Releases(Files(), policy("hashed")).permitted(former)
    assert Releases(Files(), policy("off")).permitted(former) is None
