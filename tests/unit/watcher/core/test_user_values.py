from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from watcher.core.chart import defaults
from watcher.core.types import Entry, ModelId, ModelVersion, StoredObject
from watcher.core.user_values import choose_version, overrides_of, parse
from watcher.errors import Rejected

KEY = "t/m/values.yaml"
FILE = StoredObject(KEY, "e", 1, datetime(2026, 1, 1, tzinfo=UTC))
MODEL = ModelId("t", "m")
ENTRY = Entry(MODEL, (ModelVersion(MODEL, "v1", FILE), ModelVersion(MODEL, "v2", FILE)))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("autoscaling: {maxReplicas: many}", "autoscaling.maxReplicas: 'many' is not of type 'integer'"),
        ("deployment: {image: {tag: mine}}", "deployment: Additional properties are not allowed"),
        ("command: [sh]", "Additional properties are not allowed"),
        ("ingress: {host: a.example}", "ingress: the operator sets it for all models"),
        ("httpRoute: {enabled: true}", "a model can only be without: {enabled: false}"),
        ("ingress: {enabled: 0}", "ingress.enabled: False was expected"),
        ("httpRoute: null", "httpRoute: None is not of type 'object'"),
        ("model: {s3SecretKey: x}", "Additional properties are not allowed"),
        ("version: 2", "version: quote it"),
        ("version: yes", "version: quote it"),
        ("paused: maybe", "paused: 'maybe' is not of type 'boolean'"),
        ("- a list", "expected a map"),
        ("[]", "expected a map"),
        ("false", "expected a map"),
        ("a: [", "line 1: not YAML"),
        ("a: &x [1]\nb: *x", "line 2: aliases (*name) are not allowed"),
        ("deployment: {resources: {limits: {memory: lots}}}", "deployment.resources.limits.memory"),
        ("deployment: {resources: {limits: {cpu: .nan}}}", "line 1: deployment.resources.limits.cpu: '.nan' is not"),
        ("paused: 2026-13-45", "paused: 2026-13-45 reads as a date: quote it"),
        ("version: 2026-01-01", 'line 1: version: 2026-01-01 reads as a date: quote it: "2026-01-01"'),
        (f"deployment: {{replicas: {'9' * 5000}}}", "is not a decimal number of at most 18 digits"),
        (f"a: {'[' * 5000}{']' * 5000}", "nested more than 32 levels deep"),
        ("server: {deadline: 1.0}\nserver: {threads: 1}", "line 2: server: the key is already in line 1"),
        ('deployment: {resources: {limits: {memory: "1Gi\n"}}}', "expected bytes, such as 512Mi or 2Gi"),
        ('deployment: {resources: {limits: {cpu: "2\n"}}}', "expected cores, such as 500m, 0.5 or 2"),
        ("deployment: {resources: {limits: {cpu: 1.0e+300}}}", "deployment.resources.limits.cpu: "),
        ("server: {bodyMemory: 999999999999999999}", "server.bodyMemory: 999999999999999999 is greater than"),
    ],
)
def test_parse_of_a_bad_file_raises_one_sentence_with_key_and_place(text: str, problem: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse(text.encode(), KEY, model_level=True)
    assert str(caught.value).startswith(f"{KEY}: ")
    assert problem in str(caught.value)


def test_parse_of_a_bad_file_with_a_long_value_raises_a_short_text() -> None:
    with pytest.raises(Rejected) as caught:
        parse(f"autoscaling: {'x' * 60000}".encode(), KEY, model_level=True)
    assert len(str(caught.value)) < 400


def test_parse_of_a_large_file_rejects_it() -> None:
    with pytest.raises(Rejected, match="larger than 65536 bytes"):
        parse(b"#" * 65537, KEY, model_level=True)


def test_parse_of_a_good_file_returns_its_content() -> None:
    text = b"deployment: {replicas: 2, resources: {limits: {cpu: 500m}}}\nserver: {deadline: 2.0}\nversion: v1\n"
    text += b"ingress: {enabled: false}\n"
    assert parse(text, KEY, model_level=True) == {
        "server": {"deadline": 2.0},
        "deployment": {"replicas": 2, "resources": {"limits": {"cpu": "500m"}}},
        "ingress": {"enabled": False},
        "version": "v1",
    }


def test_parse_of_a_versions_file_that_pauses_says_where_that_belongs() -> None:
    with pytest.raises(Rejected, match="one level up"):
        parse(b"paused: true", KEY, model_level=False)


def test_choose_version_returns_the_highest_unless_one_is_pinned() -> None:
    assert choose_version(ENTRY, {}).version == "v2"
    assert choose_version(ENTRY, {"version": "v1"}).version == "v1"
    with pytest.raises(Rejected, match="pins version v3, which does not exist; existing versions: v1, v2"):
        choose_version(ENTRY, {"version": "v3"})


def test_overrides_of_a_version_win_over_the_models_and_are_checked_together() -> None:
    version = ModelVersion(MODEL, "v1", FILE, values=FILE)
    model_level = {"autoscaling": {"minReplicas": 2, "maxReplicas": 9}, "version": "v1"}
    assert overrides_of(version, model_level, lambda _: b"autoscaling: {maxReplicas: 3}", defaults(), {}) == {
        "autoscaling": {"minReplicas": 2, "maxReplicas": 3}
    }
    with pytest.raises(Rejected, match=r"minReplicas \(2\) is above autoscaling.maxReplicas \(1\)"):
        overrides_of(version, model_level, lambda _: b"autoscaling: {maxReplicas: 1}", defaults(), {})


@pytest.mark.parametrize(
    ("of_the_model", "of_the_version", "problem"),
    [
        ({"autoscaling": {"maxReplicas": 500}}, "", "t/m/values.yaml: autoscaling.maxReplicas is 500"),
        ({}, "autoscaling: {maxReplicas: 21}", "t/m/v1/values.yaml: autoscaling.maxReplicas is 21"),
        (
            {"autoscaling": {"maxReplicas": 500}},
            "autoscaling: {maxReplicas: 21}",
            "t/m/v1/values.yaml: autoscaling.maxReplicas is 21",
        ),
        (
            {"deployment": {"resources": {"limits": {"memory": "9Gi"}}}},
            "deployment: {resources: {requests: {memory: 2Gi}}}",
            "t/m/values.yaml: deployment.resources.limits.memory is 9Gi",
        ),
        (
            {},
            "deployment: {resources: {limits: null}}",
            "t/m/v1/values.yaml: deployment.resources.limits.memory has no limit",
        ),
    ],
)
def test_overrides_of_a_value_above_a_ceiling_names_the_file_the_ceiling_and_whom_to_ask(
    of_the_model: dict[str, Any], of_the_version: str, problem: str
) -> None:
    file = StoredObject("t/m/v1/values.yaml", "e", 1, FILE.modified)
    version = ModelVersion(MODEL, "v1", FILE, values=file)
    ceilings = {"replicas": "20", "memory": "8Gi"}
    with pytest.raises(Rejected) as caught:
        overrides_of(version, of_the_model, lambda _: of_the_version.encode(), defaults(), ceilings)
    assert caught.value.reason == "AboveCeiling"
    name = "replicas" if "Replicas" in problem else "memory"
    allowed = (
        f"; the operator allows at most {ceilings[name]} (ceilings.{name}): set a smaller value, or ask the operator"
    )
    assert str(caught.value) == f"{problem}{allowed} of this KubeServe"


def test_overrides_of_values_at_the_ceilings_are_accepted() -> None:
    version = ModelVersion(MODEL, "v1", FILE)
    chosen = {"autoscaling": {"maxReplicas": 20}, "deployment": {"resources": {"limits": {"memory": "8192Mi"}}}}
    assert overrides_of(version, chosen, lambda _: b"", defaults(), {"replicas": "20", "memory": "8Gi"}) == chosen
