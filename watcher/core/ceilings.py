"""The operator's ceilings: the largest values that the values.yaml of a user may set. Pure.

Without a ceiling only the chart's schema bounds a value. There is no ceiling by default: the watcher does not know how
large a cluster is, and one that it invented would refuse models that are served today.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Any

from watcher.core.chart import schema
from watcher.core.text import one_line
from watcher.errors import Rejected

Ceilings = Mapping[str, str]
"""The quantity of each ceiling by its name, as the operator wrote it."""

REQUESTS, LIMITS = "deployment.resources.requests", "deployment.resources.limits"


@dataclass(frozen=True, slots=True)
class Bounded:
    """What one ceiling bounds: values of the chart, by their dotted paths."""

    paths: tuple[str, ...]
    meaning: str


BOUNDED: dict[str, Bounded] = {
    "replicas": Bounded(("deployment.replicas", "autoscaling.maxReplicas"), "pods of one model"),
    "cpu": Bounded((f"{REQUESTS}.cpu", f"{LIMITS}.cpu"), "cores of one pod, such as `2` or `500m`"),
    "memory": Bounded((f"{REQUESTS}.memory", f"{LIMITS}.memory"), "memory of one pod, such as `4Gi`"),
    "disk": Bounded(
        (f"{REQUESTS}.ephemeral-storage", f"{LIMITS}.ephemeral-storage"),
        "disk of the node that one pod may use, for the model and its packages",
    ),
    "bodySize": Bounded(("server.maxBodySize",), "bytes of one request, such as `64Mi`"),
    "values": Bounded(("server.maxValues",), "values of one request"),
    "bodyMemory": Bounded(("server.bodyMemory",), "memory for the bodies of all unanswered requests of one pod"),
    "answerMemory": Bounded(("server.answerMemory",), "memory for the answers of one pod that clients have not read"),
    "batchRows": Bounded(("server.batchRows",), "rows of one call of the model"),
    "queueRows": Bounded(("server.queueRows",), "rows in the queue of one pod"),
}

QUANTITY = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?(m|[kMGT]|[KMGT]i)?")

EXACT = Context(prec=60)
"""More digits than the largest quantity has, so that a comparison never rounds."""


@dataclass(frozen=True, slots=True)
class Excess:
    """A value above a ceiling."""

    name: str
    path: str
    value: str
    """As people read it: "is 500", "is 16777216 by default" or "has no limit"."""


def parse(text: str) -> Ceilings:
    """Return the ceilings of `replicas=20,memory=8Gi`.

    Raises:
        Rejected: a name is unknown or given twice, or a quantity is malformed or not above zero.

    """
    found: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, quantity = item.partition("=")
        shown = one_line(item, 60)
        if name not in BOUNDED or name in found:
            raise Rejected("Malformed", f"'{shown}': expected NAME=QUANTITY, each NAME once, of {', '.join(BOUNDED)}")
        if not QUANTITY.fullmatch(quantity) or not amount_of(quantity):
            raise Rejected("Malformed", f"'{shown}': expected a quantity above zero, such as 20, 500m or 8Gi")
        found[name] = quantity
    return found


def first_excess(values: Mapping[str, Any], ceilings: Ceilings) -> Excess | None:
    """Return the first of complete, valid `values` that is above its ceiling."""
    for name, ceiling in ceilings.items():
        for path in BOUNDED[name].paths:
            if excess := _excess(name, path, _look_up(values, path), amount_of(ceiling)):
                return excess
    return None


def amount_of(quantity: object) -> Decimal:
    """Return a quantity of Kubernetes, or a number, as an exact number."""
    # The Kubernetes client is slow to import, and without ceilings the local runtime does without it.
    from kubernetes.utils.quantity import parse_quantity  # noqa: PLC0415

    with localcontext(EXACT):
        # As text, because Decimal(0.1) is above 0.1.
        return Decimal(parse_quantity(str(quantity)))  # type: ignore[no-untyped-call]


def _excess(name: str, path: str, value: Any, ceiling: Decimal) -> Excess | None:
    default = _default(path)
    if value is None and default is not None and default > ceiling:
        return Excess(name, path, f"is {default} by default")
    is_limit = path.startswith(LIMITS)
    if is_limit and (value is None or not amount_of(value)):  # Kubernetes reads a limit of 0 as none
        return Excess(name, path, "has no limit")
    if value is not None and amount_of(value) > ceiling:
        return Excess(name, path, f"is {one_line(str(value), 60)}")
    return None


def _look_up(values: Any, path: str) -> Any:
    """Return the value at a path; None if a map on the way is missing or null."""
    for name in path.split("."):
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


def _default(path: str) -> Any:
    """Return the server's own default of a setting, which the schema documents."""
    section, _, name = path.partition(".")
    return schema()["properties"][section]["properties"].get(name, {}).get("default")
