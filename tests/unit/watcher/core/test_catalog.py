from __future__ import annotations

from datetime import UTC, datetime

import server.download.input_files
import server.paths
from watcher.core.catalog import read_listing
from watcher.core.naming import INPUT_FILE_LIMIT, INPUT_FILES
from watcher.core.types import ModelId, Refusal, StoredObject

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def stored(key: str, size: int = 1) -> StoredObject:
    return StoredObject(key, "etag", size, WHEN)


def test_read_listing_returns_versions_in_order_with_the_files_of_their_folders() -> None:
    keys = ["t/m/v10/model.joblib", "t/m/v9/model.joblib", "t/m/v9/requirements.txt", "t/m/values.yaml", "t/m/v9/x.csv"]
    entry = read_listing(map(stored, keys)).entries[ModelId("t", "m")]
    assert [version.version for version in entry.versions] == ["v9", "v10"]
    assert entry.versions[0].requirements == stored("t/m/v9/requirements.txt")
    assert entry.values == stored("t/m/values.yaml")


def test_read_listing_refuses_near_misses_with_a_reason_and_ignores_other_keys() -> None:
    objects = [
        *map(stored, ["README.md", "_x/m/v1/model.joblib", "t/m/v1/notes.txt", "t/m/v1/", "t/m/v1/model.pkl"]),
        stored("t/n/v1/model.joblib", size=0),
        *map(stored, ["t/m/values.yml", "t/m/v1/values.yml", "t/m/v1/a/values.yml", "t/other.pkl", "t/m/a/b/c.onnx"]),
    ]
    catalog = read_listing(objects)
    assert list(catalog.entries) == [ModelId("t", "n")]  # an empty file is a broken upload, not a deletion
    assert catalog.refusals == (
        Refusal(
            "t/m/v1/model.pkl", "only model.joblib is served: save the model with joblib.dump(model, 'model.joblib')"
        ),
        Refusal("t/m/v1/values.yml", "rename it to values.yaml"),
        Refusal("t/m/values.yml", "rename it to values.yaml"),
        Refusal("t/n/v1/model.joblib", "the file is empty"),
    )


def test_read_listing_with_namespaces_refuses_models_of_others() -> None:
    catalog = read_listing([stored("a/m/v1/model.joblib"), stored("b/m/v1/model.joblib")], ("a",))
    assert list(catalog.entries) == [ModelId("a", "m")]
    assert catalog.refusals[0].reason == "namespace 'b' is not in --namespaces"


FOLDER = "t/m/v1/"


def test_read_listing_finds_the_files_about_the_input_next_to_each_version() -> None:
    names = ["model.joblib", "input-example.json", "input_example.json", "MLmodel", "example.json"]
    catalog = read_listing([stored(FOLDER + name) for name in names] + [stored("t/m/input-example.json")])
    (version,) = catalog.entries[ModelId("t", "m")].versions
    assert [item.key for item in version.input_files] == [
        "t/m/v1/MLmodel",
        "t/m/v1/input-example.json",
        "t/m/v1/input_example.json",
    ]
    assert catalog.refusals == ()


def test_read_listing_does_not_use_input_files_that_are_too_large_or_empty_and_says_so() -> None:
    sizes = {"model.joblib": 1, "input_example.json": INPUT_FILE_LIMIT + 1, "MLmodel": 0, "input-example.json": 1048576}
    catalog = read_listing([stored(FOLDER + name, size) for name, size in sizes.items()])
    (version,) = catalog.entries[ModelId("t", "m")].versions
    assert [item.key for item in version.input_files] == ["t/m/v1/input-example.json"]
    assert catalog.refusals == (
        Refusal("t/m/v1/MLmodel", "not used: the file is empty"),
        Refusal(
            "t/m/v1/input_example.json",
            "not used, because it is larger than 1048576 bytes: keep a few rows in it",
        ),
    )


def test_read_listing_takes_the_model_of_an_mlflow_directory_unless_there_is_a_model_joblib() -> None:
    # `a` also has an older export of its own, `b` was saved twice in different formats.
    names = {
        "a": ["MLmodel", "model.joblib", "model.pkl"],
        "b": ["MLmodel", "model.pkl", "model.skops"],
        "c": ["MLmodel", "conda.yaml", "model.skops"],
        "d": ["model.skops"],
    }
    catalog = read_listing([stored(f"t/{model}/v1/{name}") for model, files in names.items() for name in files])
    found = [version.artifact.key for entry in catalog.entries.values() for version in entry.versions]
    assert found == ["t/a/v1/model.joblib", "t/b/v1/model.pkl", "t/c/v1/model.skops"]
    assert [item.key for item in catalog.refusals] == ["t/a/v1/model.pkl", "t/b/v1/model.skops", "t/d/v1/model.skops"]


def test_read_listing_of_an_mlflow_directory_refuses_an_empty_model_and_an_impossible_name() -> None:
    catalog = read_listing(
        [stored(f"{folder}/MLmodel") for folder in ("t/m/v1", "T/m/v1")]
        + [
            stored("t/m/v1/model.pkl", 0),
            stored("T/m/v1/model.pkl"),
        ]
    )
    assert list(catalog.entries) == [ModelId("t", "m")]
    assert [(item.key, item.reason.split(":")[0]) for item in catalog.refusals] == [
        ("T/m/v1/model.pkl", "namespace 'T' is not a valid Kubernetes name"),
        ("t/m/v1/model.pkl", "the file is empty"),
    ]


def test_read_listing_without_a_model_ignores_files_about_its_input() -> None:
    # MLflow writes them first.
    catalog = read_listing([stored("t/m/v1/input_example.json", 9_000_000), stored("t/m/v1/MLmodel", 0)])
    assert catalog == read_listing([])


def test_input_files_are_the_same_in_the_watcher_and_the_download() -> None:
    assert INPUT_FILES == server.paths.INPUT_FILES
    assert INPUT_FILE_LIMIT == server.download.input_files.MAX_BYTES
