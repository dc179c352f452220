"""A user's values.yaml: a strict part of the chart's values, never image, command, env or security settings. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import yaml

from watcher.core.chart import check, first_problem, merge, schema, short
from watcher.core.types import Entry, ModelVersion, StoredObject
from watcher.errors import Rejected

SIZE_LIMIT = 64 * 1024
"""Bytes: a hundred times what a values.yaml needs, and too little to harm the watcher."""

CONTROLS: dict[str, Any] = {"version": {"type": "string"}, "paused": {"type": "boolean"}}
"""What only the file above all versions may say."""

Read = Callable[[StoredObject], bytes]


class _Loader(yaml.SafeLoader):
    """YAML without aliases, which a user's file does not need and a bomb does."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


@cache
def user_schema(*, model_level: bool) -> dict[str, Any]:
    """The part of the chart's schema that is a user's to set."""
    chart = schema()["properties"]
    deployment = {**chart["deployment"], "properties": {}}
    deployment["properties"] = {name: chart["deployment"]["properties"][name] for name in ("replicas", "resources")}
    theirs = {"deployment": deployment, "autoscaling": chart["autoscaling"], "server": chart["server"]}
    allowed = {**theirs, **(CONTROLS if model_level else {})}
    user: dict[str, Any] = _partial({**schema(), "properties": allowed})
    return user


def _partial(node: Any) -> Any:
    """The schema without `required`: a user sets what they want to change."""
    return {key: _partial(item) for key, item in node.items() if key != "required"} if isinstance(node, dict) else node


def parse(text: bytes, key: str, *, model_level: bool) -> dict[str, Any]:
    """Read one values.yaml; `model_level` says whether it stands above all versions.

    Raises:
        Rejected: `InvalidValues`, in one sentence: the key, the path inside the file, the problem.

    """
    if len(text) > SIZE_LIMIT:
        raise Rejected("InvalidValues", f"{key}: larger than {SIZE_LIMIT} bytes")
    try:
        values = yaml.load(text, _Loader) or {}  # noqa: S506 - a SafeLoader, made stricter
        json.dumps(values, allow_nan=False)  # dates, NaN and the like are YAML, and no chart's values
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise Rejected("InvalidValues", f"{key}: not YAML, or more than plain values: {short(error)}") from error
    if problem := _misplaced(values, model_level=model_level) or first_problem(
        values, user_schema(model_level=model_level)
    ):
        raise Rejected("InvalidValues", f"{key}: {problem}")
    return dict(values)


def _misplaced(values: Any, *, model_level: bool) -> str:
    """A better word than the schema's for what people try."""
    if not isinstance(values, dict):
        return "expected a map, such as autoscaling: {maxReplicas: 3}"
    if not model_level and (found := sorted(set(CONTROLS) & set(values))):
        return f"{found[0]} belongs into the values.yaml one level up, beside the versions"
    if isinstance(values.get("version"), int | float):
        return f'version: a number is ambiguous, quote it: version: "{values["version"]}"'
    return ""


def choose_version(entry: Entry, values: dict[str, Any]) -> ModelVersion:
    """The pinned version, or the highest.

    Raises:
        Rejected: `PinnedVersionMissing`, with the versions there are.

    """
    pinned = values.get("version")
    if pinned is None:
        return entry.versions[-1]
    for version in entry.versions:
        if version.version == pinned:
            return version
    there = ", ".join(version.version for version in entry.versions)
    raise Rejected("PinnedVersionMissing", f"values.yaml pins version {pinned}, which is not there; there is: {there}")


def model_values(entry: Entry, read: Read) -> dict[str, Any]:
    """What the values.yaml above all versions says; {} without one."""
    return parse(read(entry.values), entry.values.key, model_level=True) if entry.values else {}


def overrides_of(version: ModelVersion, above: dict[str, Any], read: Read, base: dict[str, Any]) -> dict[str, Any]:
    """The chart values that the user sets for `version`, checked together with `base`, what they are laid over."""
    beside = parse(read(version.values), version.values.key, model_level=False) if version.values else {}
    merged = merge({key: value for key, value in above.items() if key not in CONTROLS}, beside)
    check(merge(base, merged))
    return merged
