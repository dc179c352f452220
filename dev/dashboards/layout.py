"""The JSON of a Grafana dashboard (schema of Grafana 10), from panels that say only what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Panel = dict[str, Any]

WIDTH = 24
"""Columns of Grafana's grid."""
HEIGHT = 8
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
"""The data source that the reader chooses: dashboards are installed where its name is not known."""


def query(expr: str, legend: str = "") -> dict[str, Any]:
    """Return a query of a panel. In `legend`, `{{label}}` stands for a label's value."""
    return {"datasource": SOURCE, "expr": expr, "legendFormat": legend or "__auto"}


def graph(title: str, description: str, unit: str, *queries: dict[str, Any], stacked: bool = False) -> Panel:
    """Return lines over time. `unit` is Grafana's name of it, such as `s` or `percentunit`."""
    custom = {
        "fillOpacity": 30 if stacked else 8,
        "showPoints": "never",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults = {"unit": unit, "custom": custom}
    return _panel("timeseries", title, description, defaults=defaults, options=options, queries=queries)


def number(title: str, description: str, unit: str, *queries: dict[str, Any], red_above: float | None = None) -> Panel:
    """Return the newest value of each series, in large digits; red above a limit, if there is one."""
    steps: list[dict[str, Any]] = [{"color": "green" if red_above is not None else "blue", "value": None}]
    if red_above is not None:
        steps.append({"color": "red", "value": red_above})
    defaults = {"unit": unit, "thresholds": {"mode": "absolute", "steps": steps}}
    options = {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "value_and_name", "colorMode": "value"}
    return _panel("stat", title, description, defaults=defaults, options=options, queries=queries)


def states(title: str, description: str, words: dict[int, tuple[str, str]], *queries: dict[str, Any]) -> Panel:
    """Return a band for each series over time, with a word and a colour for each value."""
    mapped = {str(value): {"text": text, "color": color} for value, (text, color) in words.items()}
    defaults = {"unit": "none", "mappings": [{"type": "value", "options": mapped}], "custom": {"fillOpacity": 80}}
    options = {"showValue": "never"}
    return _panel("state-timeline", title, description, defaults=defaults, options=options, queries=queries)


def table(
    title: str,
    description: str,
    labels: dict[str, str],
    columns: Sequence[tuple[str, str, str]] = (),
    *,
    only: str = "",
    link: str = "",
) -> Panel:
    """Return the newest values as a table, one row for each combination of `labels` (label: heading).

    Each of `columns` is a heading, a unit and an expression. Without columns, `only` gives the labels and its value is
    hidden. `link` is where a click on the last label leads.
    """
    headings = [heading for heading, _, _ in columns]
    queries = [query(expr) | {"format": "table", "instant": True} for expr in (only, *(c[2] for c in columns)) if expr]
    values = [f"Value #{letter}" if len(queries) > 1 else "Value" for letter in _letters(len(queries))]
    hidden = ["Time", *([values.pop(0)] if only else [])]
    order = {name: index for index, name in enumerate([*labels, *values])}
    organize = {
        "excludeByName": dict.fromkeys(hidden, True),
        "renameByName": labels | dict(zip(values, headings, strict=True)),
        "indexByName": order,
    }
    overrides = [_override(heading, "unit", unit) for heading, unit, _ in columns]
    if link:
        overrides.append(_override([*labels.values()][-1], "links", [{"title": "Show this model", "url": link}]))
    options = {"showHeader": True}
    panel = _panel("table", title, description, defaults={"unit": "none"}, options=options, queries=queries)
    panel["fieldConfig"]["overrides"] = overrides
    panel["transformations"] = [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]
    return panel


def note(title: str, markdown: str) -> Panel:
    """Return a text for readers."""
    return {"type": "text", "title": title, "options": {"mode": "markdown", "content": markdown}}


def choice(name: str, label: str, values: str, *, several: bool = True) -> dict[str, Any]:
    """Return a variable that the reader chooses: `values` is a `label_values(…)`."""
    asked = {"query": values, "refId": name}
    # `.*`, not a list of all: a scrape without the operator may give no namespace.
    every = {"multi": True, "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}}
    rest = {"type": "query", "datasource": SOURCE, "definition": values, "query": asked, "refresh": 2, "sort": 1}
    return {"name": name, "label": label, **rest, **(every if several else {})}


def dashboard(
    uid: str,
    title: str,
    description: str,
    choices: Sequence[dict[str, Any]],
    rows: Sequence[tuple[str, Sequence[Panel]]],
    *,
    since: str = "now-6h",
) -> dict[str, Any]:
    """Return a dashboard. The panels of a row share its width."""
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    others = {"type": "dashboards", "title": "KubeServe", "tags": ["kubeserve"], "asDropdown": False}
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["kubeserve"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": since, "to": "now"},
        "links": [others | {"includeVars": True, "keepTime": True}],
        "templating": {"list": [source, *choices]},
        "panels": [panel | {"id": index} for index, panel in enumerate(_placed(rows), 1)],
    }


def _placed(rows: Sequence[tuple[str, Sequence[Panel]]]) -> Iterator[Panel]:
    top = 0
    for title, panels in rows:
        yield {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": _at(0, top, WIDTH, 1)}
        width = WIDTH // len(panels)
        for index, panel in enumerate(panels):
            yield panel | {"gridPos": _at(index * width, top + 1, width, HEIGHT)}
        top += 1 + HEIGHT


def _at(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(
    kind: str,
    title: str,
    description: str,
    *,
    defaults: dict[str, Any],
    options: dict[str, Any],
    queries: Sequence[dict[str, Any]],
) -> Panel:
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [{"refId": letter, **each} for letter, each in zip(_letters(len(queries)), queries, strict=True)],
    }


def _override(heading: str, name: str, value: Any) -> dict[str, Any]:
    matcher = {"id": "byName", "options": heading}
    return {"matcher": matcher, "properties": [{"id": name, "value": value}]}


def _letters(count: int) -> str:
    return "ABCDEFGHIJ"[:count]
