"""Each alert says how urgent it is and what to do, and has tests in which it fires and does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.promql import alerts, recorded, rules

ROOT = Path(__file__).parents[2]
TESTED = [
    check
    for path in sorted((ROOT / "tests" / "alerts").glob("*.test.yaml"))
    for test in yaml.safe_load(path.read_text())["tests"]
    for check in test["alert_rule_test"]
]
ALERTS = [pytest.param(alert, id=alert["alert"]) for alert in alerts()]


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("alert", ALERTS)
def test_alerts_say_how_urgent_they_are_and_what_they_mean(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert re.fullmatch(r"\d+m", alert["for"])
    assert all(alert["annotations"][name].endswith(".") for name in ("summary", "description"))


@pytest.mark.parametrize("alert", ALERTS)
def test_alerts_link_to_a_section_of_their_own(alert: dict[str, Any]) -> None:
    path, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert anchor == alert["alert"].lower()
    assert anchor in anchors(ROOT / path)


@pytest.mark.parametrize("alert", ALERTS)
def test_alerts_fire_in_one_test_and_not_in_another(alert: dict[str, Any]) -> None:
    assert {bool(check["exp_alerts"]) for check in TESTED if check["alertname"] == alert["alert"]} == {True, False}


def test_operations_describe_only_alerts_that_exist() -> None:
    described = re.findall(r"^#### (KubeServe\w+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert described == [alert["alert"] for alert in alerts()]


def test_rules_read_only_what_is_recorded() -> None:
    read = {name for rule in rules() for name in re.findall(r"kubeserve:[\w:]+", rule["expr"])}
    assert read == recorded()
