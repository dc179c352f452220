from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from watcher.core.signed_files import (
    FILES,
    SIGNED,
    SignedFile,
    Signing,
    entries_of,
    entry_name,
    installed_by_others,
    kept,
    known_file,
    renewal,
    signed_parts,
    signing_of,
    text_of,
    wanted,
    with_reports,
)

from .rendered import RELEASE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = text_of(RELEASE.version)
NAME = entry_name(TEXT)
FILE = SignedFile("team/iris/v1+x/model.joblib", "e1", urls=("http://minio/u",), sha256="a" * 64)


def config_map(**changes: str) -> dict[str, Any]:
    """Return a ConfigMap whose URLs were signed by `me` for two days, with other data."""
    parts = signed_parts({NAME: {"model.joblib": FILE}}, "me", NOW + timedelta(days=1), NOW + timedelta(days=2))
    annotations = {FILES: TEXT, **parts["annotations"]}
    meta = {"namespace": "team", "name": "iris-model-serving", "annotations": annotations}
    return {"metadata": meta, "data": {**parts["data"], "ca.crt": "PEM", **changes}}


def test_signing_is_due_from_the_time_of_renewal_on_and_for_another_key() -> None:
    signing = signing_of(config_map())
    assert signing
    assert (signing.entry, signing.lacks_digest) == (NAME, False)
    assert not signing.is_due(NOW, "me")
    assert signing.is_due(NOW + timedelta(days=1), "me")
    assert signing.is_due(NOW, "another")


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"model.joblib": {"urls": ["http://evil"]}}', "[" * 10_000])
def test_signing_of_an_edited_entry_is_due_whatever_it_has(text: str) -> None:
    signing = signing_of(config_map(**{NAME: text}))
    assert signing
    assert signing.is_due(NOW, "me")


@pytest.mark.parametrize("text", ["[]", "{}", '{"order": 1}', '{"order": [[], {}]}', '{"order": "urls-"}'])
def test_signing_with_a_malformed_annotation_is_due(text: str) -> None:
    malformed = config_map()
    malformed["metadata"]["annotations"][SIGNED] = text
    signing = signing_of(malformed)
    assert signing
    assert signing.is_due(NOW, "me")
    assert entries_of(malformed) == {NAME: {"model.joblib": FILE}}


@pytest.mark.parametrize("name", ["urls-old", "urls-", entry_name("of somebody else")])
def test_signing_is_not_due_for_keys_of_others_which_stay_however_often_it_is_written(name: str) -> None:
    signing = signing_of(config_map(**{name: "{}"}))
    assert signing
    assert not signing.is_due(NOW, "me")


def test_signing_is_due_when_something_else_has_written_the_entry_of_a_new_release() -> None:
    new = text_of(replace(RELEASE.version, artifact=replace(RELEASE.version.artifact, etag="e2")))
    item = config_map(**{entry_name(new): json.dumps({"model.joblib": {"key": FILE.key, "etag": "e2"}})})
    item["metadata"]["annotations"][FILES] = new
    signing = signing_of(item)
    assert signing
    assert signing.is_due(NOW, "me")


@pytest.mark.parametrize("key", ["other/iris/v1/model.joblib", "team/iris2/v1/model.joblib", "team", "../team/iris/x"])
def test_files_of_other_models_are_never_signed_whoever_names_them(key: str) -> None:
    text = json.dumps({"model.joblib": {"key": FILE.key, "etag": "e1"}, "x": {"key": key, "etag": "e"}})
    item = config_map(**{entry_name("added"): text})
    item["metadata"]["annotations"][FILES] = text
    assert wanted(item) == (entry_name(text), {})
    assert entries_of(item) == {NAME: {"model.joblib": FILE}, entry_name("added"): {}}


def test_trial_has_files_of_its_model() -> None:
    item = config_map()
    item["metadata"]["name"] += "-canary"
    assert wanted(item)[1].keys() == {"model.joblib"}


def test_config_map_without_files_needs_no_urls() -> None:
    assert signing_of({"metadata": {}, "data": {"ca.crt": "PEM"}}) is None


def test_entries_are_read_as_they_were_written() -> None:
    found = entries_of(config_map())
    assert found == {NAME: {"model.joblib": FILE}}
    assert known_file(SignedFile(FILE.key, "e1"), found) == FILE
    assert known_file(SignedFile(FILE.key, "e2"), found) == SignedFile(FILE.key, "e2")


@pytest.mark.parametrize(
    ("entries", "running", "complete", "expected"),
    [
        ([], "", True, ["new"]),
        (["a", "b"], "b", True, ["a", "b", "new"]),
        (["a", "b", "new"], "new", True, ["b", "new"]),
        (["a", "b", "c", "new"], "c", False, ["a", "b", "c", "new"]),
        ([str(number) for number in range(20)], "19", False, [*map(str, range(9, 19)), "19", "new"]),
    ],
)
def test_kept_are_the_current_and_the_previous_release_and_more_during_a_rollout(
    entries: list[str], running: str, complete: bool, expected: list[str]
) -> None:
    assert kept(entries, "new", running=running, complete=complete) == expected


def test_renewal_is_at_half_of_the_life_at_the_latest_and_not_the_same_for_all() -> None:
    times = {renewal(f"team/m{number}", NOW, 1000) - NOW for number in range(200)}
    assert max(times) <= timedelta(seconds=500)
    assert min(times) >= timedelta(seconds=400)
    assert len(times) > 190


def test_with_reports_keeps_the_first_packages_and_digests_that_a_pod_reports() -> None:
    file = SignedFile("team/iris/v1+x/requirements.txt", "e2")
    entry = {"model.joblib": FILE, "requirements.txt": file}
    first = with_reports(entry, {"requirements.txt": "b" * 64}, {"3.11": "x==1 y==2"})
    assert first["requirements.txt"] == replace(file, sha256="b" * 64, installed={"3.11": "x==1 y==2"})
    assert with_reports(first, {"requirements.txt": "c" * 64, "model.joblib": "c" * 64}, {"3.11": "x==2"}) == first
    assert with_reports({"model.joblib": FILE}, {}, {"3.11": "x==1"}) == {"model.joblib": FILE}


def test_installed_by_others_fills_in_what_the_own_track_does_not_know() -> None:
    file = SignedFile("team/iris/v1+x/requirements.txt", "e2", installed={"3.11": "x==1"})
    other = replace(file, urls=("http://minio/r",), installed={"3.11": "x==2", "3.12": "x==3"})
    tracks = [{NAME: {"requirements.txt": replace(other, etag="e1")}}, {NAME: {"requirements.txt": other}}]
    assert installed_by_others(file, tracks).installed == {"3.11": "x==1", "3.12": "x==3"}
    assert installed_by_others(file, tracks[:1]) == file


def test_with_reports_keeps_a_set_for_each_python() -> None:
    entry = {"requirements.txt": SignedFile("team/iris/v1+x/requirements.txt", "e2", installed={"3.11": "x==1"})}
    both = with_reports(entry, {}, {"3.12": "x==2"})
    assert both["requirements.txt"].installed == {"3.11": "x==1", "3.12": "x==2"}
    written = config_map()
    written["data"] = signed_parts({NAME: both}, "me", NOW, NOW)["data"]
    assert entries_of(written) == {NAME: both}


def test_signing_lacks_packages_until_a_pod_of_that_python_has_reported_what_it_installed() -> None:
    def signing(**files: SignedFile) -> Signing:
        found = config_map()
        found["data"] = signed_parts({NAME: {"model.joblib": FILE, **files}}, "me", NOW, NOW)["data"]
        made = signing_of(found)
        assert made
        return made

    file = SignedFile("team/iris/v1+x/r", "e", sha256="b" * 64)
    none, one = (signing(**{"requirements.txt": replace(file, installed=of)}) for of in ({}, {"3.11": "x==1"}))
    assert none.may_lack
    assert none.lacks({}, {"3.11": "x==1"})
    assert one.may_lack
    assert one.lacks({}, {"3.12": "x==1"})
    assert not one.lacks({"model.joblib": "a" * 64}, {"3.11": "x==2"})
    assert not one.lacks({}, {})
    assert not signing().may_lack
    assert not signing().lacks({}, {"3.11": "x==1"})
