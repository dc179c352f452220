from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from server.settings import Settings as ServerSettings
from watcher.core.ceilings import BOUNDED, LIMITS, REQUESTS, Ceilings, amount_of, first_excess, parse
from watcher.core.chart import check, defaults, merge, schema
from watcher.errors import Rejected

CHARTS = Path(__file__).parents[4] / "manifests" / "charts"
EPHEMERAL = "ephemeral-storage"


def at(path: str, value: Any) -> dict[str, Any]:
    """Return the default values with another value at a path."""
    layer = value
    for name in reversed(path.split(".")):
        layer = {name: layer}
    return merge(defaults(), layer)


def excess(path: str, value: Any, **ceilings: str) -> str:
    values = at(path, value)
    check(values)
    found = first_excess(values, ceilings)
    return f"{found.name}: {found.path} {found.value}" if found else ""


@pytest.mark.parametrize(
    ("name", "ceiling", "path", "allowed", "above"),
    [
        ("replicas", "20", "autoscaling.maxReplicas", [20, 20.0, 1], [21, 1000]),
        ("replicas", "20", "deployment.replicas", [0, 20], [21]),
        ("cpu", "2", f"{LIMITS}.cpu", [2, 2.0, "2", "2000m", 0.1, "1999m"], [2.001, "2001m", "2.001", 3]),
        ("cpu", "1100m", f"{LIMITS}.cpu", [1.1, "1.1", "1100m"], [1.101, "1101m"]),
        ("cpu", "1.1", f"{REQUESTS}.cpu", [None, 1.1, "0", "0m"], ["1101m"]),
        ("memory", "1Gi", f"{LIMITS}.memory", ["1Gi", "1024Mi", "1073741824", "1G", "0.5Gi"], ["1073741825", "1.1Gi"]),
        ("memory", "1G", f"{LIMITS}.memory", ["1000M", "953Mi"], ["1Gi", "954Mi", "1Ti", "999999999999999Ti"]),
        ("memory", "1Gi", f"{REQUESTS}.memory", [None, "1Gi"], ["2Gi"]),
        ("disk", "2Gi", f"{LIMITS}.{EPHEMERAL}", ["2Gi"], ["2.000000001Gi"]),
        ("bodySize", "16Mi", "server.maxBodySize", [None, 16777216, 8192], [16777217]),
        ("values", "1Mi", "server.maxValues", [None, 1_048_576], [1_048_577]),
        ("bodyMemory", "512Mi", "server.bodyMemory", [None, 536870912], [536870913]),
        ("answerMemory", "256Mi", "server.answerMemory", [None, 268435456], [268435457]),
        ("batchRows", "1024", "server.batchRows", [None, 1], [1025]),
        ("queueRows", "32768", "server.queueRows", [None, 32768.0], [32769]),
    ],
)
def test_first_excess_compares_each_value_exactly(
    name: str, ceiling: str, path: str, allowed: list[Any], above: list[Any]
) -> None:
    assert {excess(path, value, **{name: ceiling}) for value in allowed} == {""}
    for value in above:
        assert excess(path, value, **{name: ceiling}) == f"{name}: {path} is {value}"


@pytest.mark.parametrize("value", [None, "0", "0Gi", "0.000"])
def test_first_excess_of_a_limit_that_is_none_reports_it(value: str | None) -> None:
    assert excess(f"{LIMITS}.memory", value, memory="1Ti") == f"memory: {LIMITS}.memory has no limit"
    assert excess(LIMITS, None, cpu="1000") == f"cpu: {LIMITS}.cpu has no limit"


def test_first_excess_of_the_servers_own_default_reports_it() -> None:
    assert excess("server", {}, bodySize="1Mi") == "bodySize: server.maxBodySize is 16777216 by default"
    assert excess("server.maxBodySize", None, bodySize="1Mi") == "bodySize: server.maxBodySize is 16777216 by default"
    assert excess("server.maxBodySize", 1 << 20, bodySize="1Mi") == ""


def test_first_excess_without_ceilings_is_none() -> None:
    values = merge(at(LIMITS, None), {"autoscaling": {"maxReplicas": 1000}, "server": {"maxBodySize": 1 << 50}})
    assert first_excess(values, {}) is None


@given(
    some.integers(1, 10**15 - 1),
    some.sampled_from(["", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"]),
    some.integers(1, 10**9 - 1),
)
def test_first_excess_of_the_ceiling_itself_is_none_and_of_a_little_more_is_not(
    whole: int, suffix: str, fraction: int
) -> None:
    ceiling = {"memory": f"{whole}{suffix}"}
    with_default_request = at(REQUESTS, None)
    for value, expected in ((f"{whole}{suffix}", False), (f"{whole}.{fraction:09}{suffix}", True)):
        values = merge(with_default_request, {"deployment": {"resources": {"limits": {"memory": value}}}})
        assert bool(first_excess(values, ceiling)) == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("replicas=20", {"replicas": "20"}),
        ("replicas=20, cpu=500m,memory=8Gi,", {"replicas": "20", "cpu": "500m", "memory": "8Gi"}),
        ("bodySize=16777216,disk=1.5Ti", {"bodySize": "16777216", "disk": "1.5Ti"}),
    ],
)
def test_parse_of_ceilings_returns_the_quantities_by_name(text: str, found: Ceilings) -> None:
    assert parse(text) == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pods=3", "'pods=3': expected NAME=QUANTITY, each NAME once, of replicas, cpu, memory, disk, bodySize"),
        ("replicas", "'replicas': expected a quantity above zero, such as 20, 500m or 8Gi"),
        ("replicas=3,replicas=4", "'replicas=4': expected NAME=QUANTITY, each NAME once"),
        *((f"memory={bad}", "expected a quantity above zero") for bad in ("", "0", "0Gi", "-1", "lots", "1gi")),
        *((f"memory={bad}", "expected a quantity above zero") for bad in ("1e9", "nan", "inf", "1_0", "²", "9" * 4000)),
    ],
)
def test_parse_of_malformed_ceilings_is_one_sentence(text: str, problem: str) -> None:
    with pytest.raises(Rejected, match="expected") as caught:
        parse(f"cpu=1,{text}")
    assert problem in str(caught.value)
    assert len(str(caught.value)) < 250


def test_amount_of_a_number_is_the_decimal_that_people_wrote() -> None:
    assert amount_of(0.1) == amount_of("100m") == Decimal("0.1")


def test_ceilings_bound_values_that_a_user_may_set_and_the_chart_has_each_of_them() -> None:
    sections = schema()["properties"]
    resources = schema()["definitions"]["amounts"]["properties"]
    for bounded in BOUNDED.values():
        for path in bounded.paths:
            section, *inner, name = path.split(".")
            properties = resources if inner else sections[section]["properties"]
            assert name in properties, path
    chart = json.loads((CHARTS / "kubeserve" / "values.schema.json").read_text())
    assert list(chart["properties"]["ceilings"]["properties"]) == list(BOUNDED)


def test_defaults_of_bounded_settings_are_those_of_the_server() -> None:
    defaults_of_the_server = {field.name: field.default for field in dataclasses.fields(ServerSettings)}
    server = schema()["properties"]["server"]["properties"]
    for path in [path for bounded in BOUNDED.values() for path in bounded.paths if path.startswith("server.")]:
        name = path.removeprefix("server.")
        setting = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        assert server[name]["default"] == defaults_of_the_server[setting], path
