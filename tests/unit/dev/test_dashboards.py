"""The dashboards can be read by a newcomer, are current, and show every metric."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import pytest

from dev.dashboards import __main__ as writing
from server.telemetry.metrics import SPECS
from tests.promql import dashboards, expressions, named
from watcher.metrics import Metrics

UNITS = {"none", "short", "s", "bytes", "percentunit", "reqps", "cps"}
"""Names of units that Grafana knows. It shows any other text after the number."""

WITHOUT_PANEL = {
    "request_predict_seconds": "the same as the phase `predict`, under KServe's name for KServe's dashboards"
}

EVERY = [pytest.param(dashboard, id=name) for name, dashboard in dashboards().items()]


def drawn(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the panels that show data."""
    return [panel for panel in dashboard["panels"] if panel["type"] not in {"row", "text"}]


def test_files_are_current() -> None:
    files = {path.name: path.read_text() for path in writing.FOLDER.iterdir()}
    assert files == {name: writing.text_of(made) for name, made in writing.dashboards().items()}, "run `make manifests`"


@pytest.mark.parametrize("dashboard", EVERY)
def test_panels_have_a_title_a_unit_and_a_sentence(dashboard: dict[str, Any]) -> None:
    assert dashboard["description"]
    for panel in drawn(dashboard):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        set_units = [item["value"] for override in panel["fieldConfig"]["overrides"] for item in override["properties"]]
        units = {panel["fieldConfig"]["defaults"]["unit"], *(unit for unit in set_units if isinstance(unit, str))}
        assert units <= UNITS, panel["title"]


@pytest.mark.parametrize("dashboard", EVERY)
def test_panels_have_ids_of_their_own_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for first, second in combinations([panel["gridPos"] for panel in dashboard["panels"]], 2):
        assert not all(
            first[start] < second[start] + second[size] and second[start] < first[start] + first[size]
            for start, size in (("x", "w"), ("y", "h"))
        )


@pytest.mark.parametrize("dashboard", EVERY)
def test_panels_ask_the_source_that_the_reader_chooses(dashboard: dict[str, Any]) -> None:
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    for panel in drawn(dashboard):
        assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [source] * (
            1 + len(panel["targets"])
        )


@pytest.mark.parametrize("dashboard", EVERY)
def test_queries_name_only_variables_of_the_dashboard(dashboard: dict[str, Any]) -> None:
    names = {choice["name"] for choice in dashboard["templating"]["list"]}
    for target in chain.from_iterable(panel["targets"] for panel in drawn(dashboard)):
        used = {part.split('"')[0] for part in target["expr"].split('"$')[1:]}
        assert used - {"1"} <= names  # $1 is of label_replace


def test_dashboards_have_names_of_their_own() -> None:
    assert len({each["uid"] for each in dashboards().values()}) == len(dashboards()) == 3


def test_dashboards_show_every_documented_metric() -> None:
    shown = {
        metric
        for dashboard in dashboards().values()
        for title, expression in expressions(dashboard)
        for metric in named(expression).metrics
    }
    watcher = {family.name for metric in Metrics().documented for family in metric.describe()}
    documented = {spec.name for spec in SPECS} | watcher
    ended = {name: {name, *(f"{name}{end}" for end in ("_total", "_info", "_bucket"))} for name in documented}
    assert {name for name, names in ended.items() if not names & shown} == set(WITHOUT_PANEL)
