"""Read a user's values.yaml: a strict subset of the chart's values. Pure.

Image, command, environment and security settings are not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from watcher.core.ceilings import Ceilings, Excess, first_excess
from watcher.core.chart import check, first_problem, merge, schema
from watcher.core.exposure import SECTIONS
from watcher.core.load_policy import check_not_loosened
from watcher.core.naming import VALUES
from watcher.core.plain_yaml import load_map
from watcher.core.trials import versions_on_trial
from watcher.core.types import Entry, ModelVersion, StoredObject
from watcher.errors import Rejected

SIZE_LIMIT = 64 * 1024
"""Bytes. A hundred times what a values.yaml needs, and not enough to harm the watcher."""

CONTROLS: dict[str, Any] = {
    "version": {"type": "string"},
    "paused": {"type": "boolean"},
    "canary": {
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "weight"],
        "properties": {
            "version": {"type": "string"},
            "weight": {"type": "integer", "minimum": 0, "maximum": 100},
            "promote": {"enum": ["auto", "manual"]},
            "verdict": {"type": "string", "maxLength": 500},  # the watcher writes it
        },
    },
    "shadow": {
        "type": "object",
        "additionalProperties": False,
        "required": ["version"],
        "properties": {"version": {"type": "string"}},
    },
}
"""Keys that are allowed in the model's own values.yaml, and not in those of its versions."""

NOT_EXPOSED: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"enabled": {"const": False}},
}
"""What a user may set of the address outside the cluster: a model can do without, and cannot choose one."""

Read = Callable[[StoredObject], bytes]


@cache
def user_schema(*, model_level: bool) -> dict[str, Any]:
    """Return the part of the chart's schema that a user may set."""
    chart = schema()["properties"]
    properties = {name: chart["deployment"]["properties"][name] for name in ("replicas", "resources")}
    deployment = {**chart["deployment"], "properties": properties}
    settable = {"deployment": deployment, "autoscaling": chart["autoscaling"], "server": chart["server"]}
    settable |= dict.fromkeys(SECTIONS, NOT_EXPOSED)
    user: dict[str, Any] = _partial({**schema(), "properties": settable})
    return {**user, "properties": {**user["properties"], **(CONTROLS if model_level else {})}}


def _partial(node: Any) -> Any:
    """Return the schema without `required`: a user sets only what should differ from the defaults."""
    return {key: _partial(item) for key, item in node.items() if key != "required"} if isinstance(node, dict) else node


def parse(text: bytes, key: str, *, model_level: bool) -> dict[str, Any]:
    """Return the content of one values.yaml. `model_level` is true for the file of the model, one level above versions.

    Raises:
        Rejected: `InvalidValues`; the text has the key, the path inside the file, and the problem.

    """
    if len(text) > SIZE_LIMIT:
        raise Rejected("InvalidValues", f"{key}: larger than {SIZE_LIMIT} bytes")
    try:
        values = load_map(text)
    except Rejected as error:
        raise Rejected(error.reason, f"{key}: {error}") from error
    if problem := _misplaced(values, model_level=model_level) or first_problem(
        values, user_schema(model_level=model_level)
    ):
        raise Rejected("InvalidValues", f"{key}: {problem}")
    return values


def _misplaced(values: dict[str, Any], *, model_level: bool) -> str:
    """Return a clearer text than the schema's for frequent mistakes, or ""."""
    if not model_level and (found := sorted(set(CONTROLS) & set(values))):
        return f"{found[0]} belongs in the values.yaml one level up, next to the versions"
    if isinstance(values.get("version"), int | float):
        return 'version: quote it, so that it stays as you named the folder, such as version: "1.10"'
    for section in SECTIONS:
        if values.get(section) not in (None, {}, {"enabled": False}):
            return f"{section}: the operator sets it for all models; a model can only be without: {{enabled: false}}"
    return ""


def choose_version(entry: Entry, values: dict[str, Any]) -> ModelVersion:
    """Return the pinned version, or the highest one that is not on trial.

    Raises:
        Rejected: `PinnedVersionMissing`; the text lists the versions that exist. `NoStableVersion`.

    """
    pinned, on_trial = values.get("version"), versions_on_trial(values)
    if pinned is None:
        stable = [version for version in entry.versions if version.version not in on_trial.values()]
        if not stable:
            raise Rejected(
                "NoStableVersion",
                f"values.yaml has {', '.join(on_trial)} for every version: upload one that serves beside it, or remove "
                f"{', '.join(on_trial)} to let this one serve",
            )
        return stable[-1]
    for version in entry.versions:
        if version.version == pinned:
            return version
    existing = ", ".join(version.version for version in entry.versions)
    raise Rejected(
        "PinnedVersionMissing",
        f"values.yaml pins version {pinned}, which does not exist; existing versions: {existing}",
    )


def model_values(entry: Entry, read: Read) -> dict[str, Any]:
    """Return the content of the model's own values.yaml; {} without one."""
    return parse(read(entry.values), entry.values.key, model_level=True) if entry.values else {}


def overrides_of(
    version: ModelVersion,
    model_level: Mapping[str, Any],
    read: Read,
    base: Mapping[str, Any],
    ceilings: Ceilings,
    *,
    demanded: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the chart values that the user sets for `version`, over those that the operator demands.

    The user's values of the version override those of the model. `base` are the values without the user's; they respect
    the ceilings.

    Raises:
        Rejected: `InvalidValues`, if the values are invalid by themselves or merged over `base`; `AboveCeiling`;
            `LoadLoosened`.

    """
    own = parse(read(version.values), version.values.key, model_level=False) if version.values else {}
    floor = demanded or {}
    merged = merge(floor, {key: value for key, value in model_level.items() if key not in CONTROLS}, own)
    check_permitted(merged, base, floor, ceilings, lambda path: _setter(version, own, path))
    return merged


def check_permitted(
    overrides: Mapping[str, Any],
    base: Mapping[str, Any],
    floor: Mapping[str, Any],
    ceilings: Ceilings,
    setter: Callable[[str], str],
) -> None:
    """Check complete overrides against the chart's schema and what the operator allows.

    `floor` is what the operator demands. `setter` returns which file sets a path, for the text.

    Raises:
        Rejected: `InvalidValues`, `AboveCeiling`, `LoadLoosened`.

    """
    whole = merge(base, overrides)
    check(whole)
    if excess := first_excess(whole, ceilings):
        raise Rejected("AboveCeiling", f"{setter(excess.path)}: {refusal_of(excess, ceilings)}")
    check_not_loosened(merge(base, floor), whole, setter)


def _setter(version: ModelVersion, own: Mapping[str, Any], path: str) -> str:
    """Return the key of the file that sets a value: the version's, whose content is `own`, or the model's."""
    return version.values.key if version.values and _sets(own, path) else f"{version.model.prefix}{VALUES}"


def refusal_of(excess: Excess, ceilings: Ceilings) -> str:
    """Return the sentence for whoever set a value above a ceiling."""
    allowed = f"the operator allows at most {ceilings[excess.name]} (ceilings.{excess.name})"
    return f"{excess.path} {excess.value}; {allowed}: set a smaller value, or ask the operator of this KubeServe"


def _sets(values: Any, path: str) -> bool:
    """Return whether the values set the path, or a map on the way to it to null."""
    for name in path.split("."):
        if not isinstance(values, Mapping):
            return True
        if name not in values:
            return False
        values = values[name]
    return True
