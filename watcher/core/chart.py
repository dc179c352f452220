"""Read the model's chart as data: its defaults, schema and object templates. Nothing else reads the chart's files."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from jsonschema.exceptions import ValidationError

from watcher.core import exposure
from watcher.core.text import clean
from watcher.errors import Rejected

CHART = Path(__file__).parents[2] / "manifests" / "charts" / "model-serving"
"""The same relative path in a checkout and in site-packages, where the wheel's force-include puts it."""

VALID_LIMIT = 1024
_valid: set[str] = set()
"""Values that passed `check`, at most VALID_LIMIT: nearly all models have the same, and the schema takes 2 ms."""


@cache
def _read(name: str) -> Any:
    return yaml.safe_load((CHART / name).read_text())


def defaults() -> dict[str, Any]:
    """Return a copy of the chart's values.yaml, the only place that holds the defaults."""
    return dict(copy.deepcopy(_read("values.yaml")))


def template(kind: str) -> Any:
    """Return the template of one kind of object. Do not modify it."""
    return _read(f"objects/{kind}.yaml")


def container(name: str) -> Any:
    """Return the template of a container that not every pod has. Do not modify it."""
    return _read(f"containers/{name}.yaml")


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of the values; Helm checks the same one."""
    return dict(json.loads((CHART / "values.schema.json").read_text()))


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Merge maps at every depth. A later layer overrides an earlier one; null is kept as a value."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = merged.get(key)
            merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def check(values: Mapping[str, Any]) -> None:
    """Check merged values against the chart's schema, and the rules that a schema cannot express.

    Raises:
        Rejected: `InvalidValues`.

    """
    text = repr(values)
    if text in _valid:
        return
    _check(values)
    if len(_valid) >= VALID_LIMIT:
        _valid.clear()
    _valid.add(text)


def _check(values: Mapping[str, Any]) -> None:
    if problem := first_problem(values, schema()):
        raise Rejected("InvalidValues", problem)
    if problem := exposure.problem(values):
        raise Rejected("InvalidValues", problem)
    scaling = values["autoscaling"]
    if scaling["enabled"] and scaling["minReplicas"] > scaling["maxReplicas"]:
        raise Rejected(
            "InvalidValues",
            f"autoscaling.minReplicas ({scaling['minReplicas']}) is above autoscaling.maxReplicas "
            f"({scaling['maxReplicas']})",
        )


def _pattern(_validator: Any, pattern: str, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    r"""Check the keyword `pattern` as JSON Schema and Helm mean it: `$` is the end of the text.

    In Python `$` also matches before a last newline, so `1Gi\n` would be an amount of memory. Every pattern of the
    charts begins with `^` and ends in `$`, and must match the whole text.
    """
    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        expected = schema.get("description") or f"text like {pattern}"
        yield ValidationError(f"{instance!r} is not valid: expected {expected}")


Validator: Any = jsonschema.validators.extend(jsonschema.Draft7Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def first_problem(values: Any, against: Mapping[str, Any]) -> str:
    """Return the first violation as "path: problem", or ""."""
    found = sorted(Validator(against).iter_errors(values), key=lambda error: list(map(str, error.path)))
    if not found:
        return ""
    path = clean(".".join(str(part) for part in found[0].absolute_path))
    message = clean(found[0].message)
    return f"{path}: {message}" if path else message
