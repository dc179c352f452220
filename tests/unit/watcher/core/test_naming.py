from __future__ import annotations

import re
from pathlib import Path

import pytest

from watcher.core.naming import MODEL_FILES, model_of, parse_key, version_order
from watcher.core.types import ModelId
from watcher.errors import Rejected

ROOT = Path(__file__).parents[4]


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
        ("1.0-RC1", "1.0"),
        ("v1", "2"),
        ("1", "v2"),
        ("1.0.0+zzz", "1.0.1+aaa"),
    ],
)
def test_version_order_of_versions_as_people_write_them_is_natural(lower: str, higher: str) -> None:
    assert version_order(lower) < version_order(higher)


def test_version_order_ignores_build_metadata_except_between_equals() -> None:
    assert version_order("1.0.0+2")[0] == version_order("1.0.0+10")[0] == version_order("1.0.0")[0]


def test_version_order_of_versions_that_mean_the_same_still_differs() -> None:
    assert version_order("v1") != version_order("1")


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("Team/iris/v1/model.joblib", "namespace 'Team'"),
        ("kube-system/iris/v1/model.joblib", "reserved by Kubernetes"),
        ("team/9lives/v1/model.joblib", "starting with a letter"),
        (f"team/{'a' * 50}/v1/model.joblib", "49 characters at most"),
        ("team/iris/v 1/model.joblib", "version 'v 1'"),
        (f"{'a' * 64}/iris/v1/model.joblib", "63 characters at most"),
        (f"team/iris/{'1' * 64}/model.joblib", "63 characters at most"),
        ("team/iris/model.joblib", "wrong depth"),
    ],
)
def test_parse_key_with_a_name_that_kubernetes_does_not_accept_names_the_part(key: str, problem: str) -> None:
    with pytest.raises(Rejected, match=problem):
        parse_key(key)


def test_parse_key_with_the_longest_model_name_accepts_it() -> None:
    assert parse_key(f"team/{'a' * 49}/v1/model.joblib")[0] == ModelId("team", "a" * 49)


@pytest.mark.parametrize(
    "file", ["v1/model.joblib", "v1/values.yaml", "v1/requirements.txt", "values.yaml", "v1/MLmodel", "v1/model.pkl"]
)
def test_model_of_a_file_that_matters_returns_its_model(file: str) -> None:
    assert model_of(f"team/iris/{file}") == ModelId("team", "iris")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "README.md",
        "team/iris/model.joblib",
        "team/iris/v1",
        "team/iris/v1/notes.txt",
        "team/iris/v1/_status.json",
        "team/iris/v1/x/model.joblib",
        "team/iris/requirements.txt",
        "team/iris/v 1/model.joblib",
        "team/9lives/v1/model.joblib",
        "kube-system/iris/values.yaml",
    ],
)
def test_model_of_any_other_key_returns_none(key: str) -> None:
    assert model_of(key) is None


@pytest.mark.parametrize("path", ["manifests/charts/kubeserve/templates/NOTES.txt", "docs/operations.md"])
def test_notification_rules_of_the_documents_name_every_file_that_gives_a_hint(path: str) -> None:
    (rules,) = re.findall(r"for file in (.*); do", (ROOT / path).read_text())
    files = set(rules.split())
    assert files == MODEL_FILES
    assert all(model_of(f"team/iris/v1/{file}") for file in files)
