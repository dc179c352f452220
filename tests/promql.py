"""The dashboards' and rules' PromQL: what they name, and how it becomes an expression that Prometheus can check."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[1] / "manifests" / "charts" / "kubeserve"
RULES = CHART / "alerts" / "kubeserve.rules.yaml"

TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
MATCHERS = re.compile(r"(\w+)\{([^}]*)\}")
GROUPED = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
METRIC = re.compile(r"(?<![\w:])(?:kubeserve|process|request|kube)_\w+(?!:)\b")
GRAFANA = {"$__rate_interval": "5m", "$__range": "1h"}


@dataclass(frozen=True)
class Named:
    """What an expression names: metrics, the labels in the matchers of each, and the labels that group its result."""

    metrics: frozenset[str]
    matched: frozenset[tuple[str, str]]
    grouped: frozenset[str]


def named(expression: str) -> Named:
    """Return what an expression names. Texts are left out first: they may contain anything."""
    bare = TEXT.sub('""', expression)
    matched = {(metric, label) for metric, inside in MATCHERS.findall(bare) for label in re.findall(r"\w+", inside)}
    grouped = {label for inside in GROUPED.findall(bare) for label in re.findall(r"\w+", inside)}
    without = GROUPED.sub("", re.sub(r"\{[^}]*\}", "", bare))
    return Named(frozenset(METRIC.findall(without)), frozenset(matched), frozenset(grouped))


def dashboards() -> dict[str, dict[str, Any]]:
    """Return the dashboards by the names of their files."""
    return {path.name: json.loads(path.read_text()) for path in sorted((CHART / "dashboards").glob("*.json"))}


def expressions(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the title and the expression of each query, with Grafana's variables replaced, and those of its choices."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], filled(target["expr"])
    for choice in dashboard["templating"]["list"]:
        if choice["type"] == "query":
            selector, _, label = choice["definition"].removeprefix("label_values(").rstrip(")").rpartition(", ")
            yield choice["label"], f"count by ({label}) ({filled(selector)})"


def filled(expression: str) -> str:
    """Return an expression as Grafana sends it, for any chosen values."""
    for variable, value in GRAFANA.items():
        expression = expression.replace(variable, value)
    return re.sub(r'=~?"\$[a-z]+"', '=~".*"', expression)


def rules() -> list[dict[str, Any]]:
    """Return all rules, the recorded ones and the alerts."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Return the alerts."""
    return [rule for rule in rules() if "alert" in rule]


def recorded() -> set[str]:
    """Return the names of the recorded rules."""
    return {rule["record"] for rule in rules() if "record" in rule}
