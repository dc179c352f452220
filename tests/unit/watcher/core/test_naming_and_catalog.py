from __future__ import annotations

from datetime import UTC, datetime

import pytest

from watcher.core.catalog import read_listing
from watcher.core.naming import model_of, parse_key, version_order
from watcher.core.types import ModelId, Refusal, StoredObject
from watcher.errors import Rejected

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def stored(key: str, size: int = 1) -> StoredObject:
    return StoredObject(key, "etag", size, WHEN)


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("v9", "v10"),
        ("1.0.0-rc1", "1.0.0"),
        ("1.0.0-alpha", "1.0.0-rc1"),
        ("1.0.0", "1.0.0.1"),
        ("1.9", "1.10"),
        ("2026-01-31", "2026-02-01"),
        ("v1", "v1-hotfix"),
        ("v1", "v01.1"),
    ],
)
def test_versions_sort_naturally(lower: str, higher: str) -> None:
    assert version_order(lower) < version_order(higher)


def test_equal_versions_still_have_an_order() -> None:
    assert version_order("v1") != version_order("1")


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("Team/iris/v1/model.joblib", "namespace 'Team'"),
        ("kube-system/iris/v1/model.joblib", "reserved by Kubernetes"),
        ("team/9lives/v1/model.joblib", "starting with a letter"),
        (f"team/{'a' * 50}/v1/model.joblib", "49 characters at most"),
        ("team/iris/v 1/model.joblib", "version 'v 1'"),
        ("team/iris/model.joblib", "wrong depth"),
    ],
)
def test_names_that_kubernetes_cannot_take_are_refused(key: str, problem: str) -> None:
    with pytest.raises(Rejected, match=problem):
        parse_key(key)


def test_the_longest_name_that_fits_is_taken() -> None:
    assert parse_key(f"team/{'a' * 49}/v1/model.joblib")[0] == ModelId("team", "a" * 49)


@pytest.mark.parametrize("file", ["v1/model.joblib", "v1/values.yaml", "v1/requirements.txt", "values.yaml"])
def test_the_files_that_matter_are_a_model_s(file: str) -> None:
    assert model_of(f"team/iris/{file}") == ModelId("team", "iris")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "README.md",
        "team/iris/model.joblib",
        "team/iris/v1",
        "team/iris/v1/notes.txt",
        "team/iris/v1/x/model.joblib",
        "team/iris/requirements.txt",
        "team/iris/v 1/model.joblib",
        "team/9lives/v1/model.joblib",
        "kube-system/iris/values.yaml",
    ],
)
def test_other_files_are_no_model_s(key: str) -> None:
    assert model_of(key) is None


def test_a_listing_gives_versions_in_order_with_the_files_beside_them() -> None:
    keys = ["t/m/v10/model.joblib", "t/m/v9/model.joblib", "t/m/v9/requirements.txt", "t/m/values.yaml", "t/m/v9/x.csv"]
    entry = read_listing(map(stored, keys)).entries[ModelId("t", "m")]
    assert [version.version for version in entry.versions] == ["v9", "v10"]
    assert entry.versions[0].requirements == stored("t/m/v9/requirements.txt")
    assert entry.values == stored("t/m/values.yaml")


def test_near_misses_are_refused_with_a_reason_and_the_rest_is_left_alone() -> None:
    objects = [
        *map(stored, ["README.md", "_x/m/v1/model.joblib", "t/m/v1/notes.txt", "t/m/v1/", "t/m/v1/model.pkl"]),
        stored("t/n/v1/model.joblib", size=0),
        stored("t/m/values.yml"),
    ]
    catalog = read_listing(objects)
    assert list(catalog.entries) == [ModelId("t", "n")]  # an empty file is a broken upload, not a deletion
    assert catalog.refusals == (
        Refusal(
            "t/m/v1/model.pkl", "only model.joblib is served: save the model by joblib.dump(model, 'model.joblib')"
        ),
        Refusal("t/m/values.yml", "rename it to values.yaml"),
        Refusal("t/n/v1/model.joblib", "the file is empty"),
    )


def test_other_namespaces_are_refused_where_some_are_named() -> None:
    catalog = read_listing([stored("a/m/v1/model.joblib"), stored("b/m/v1/model.joblib")], ("a",))
    assert list(catalog.entries) == [ModelId("a", "m")]
    assert catalog.refusals[0].reason == "namespace 'b' is not among --namespaces"
