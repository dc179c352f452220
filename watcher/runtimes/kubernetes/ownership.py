"""Take fields of an object over from the managers that set them. Pure.

Server-side apply keeps what others have set, also where the result is invalid: a port without a name next to ours, or
a `hostPath` in our volume with an `emptyDir`. The API server then refuses the apply, and names the fields. Once our
manager owns them, the same apply removes them, because the manifest does not have them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from watcher.core.types import Manifest

OURS = "kubeserve"
"""The names of all managers of the watcher begin with this."""
CONTENT = ("f:spec", "f:data")
"""Labels and annotations of others never make an object invalid next to ours."""
KEPT = (("f:spec",), ("f:spec", "f:replicas"))
"""What is never taken over: an apply without the replicas would set them to 1."""

Fields = dict[str, Any]
"""The fields of a manager as `fieldsV1` has them: a tree of names."""


def taken_over(
    managed: Sequence[Mapping[str, Any]], manager: str, refused: Iterable[str]
) -> list[dict[str, Any]] | None:
    """Return the `managedFields` with what others own at and below the refused fields given to `manager`.

    `refused` are paths as in `spec.ports[0].name`. Of a list all items are taken over: the index is that of the merged
    list, which is not stored anywhere. Return None if others own nothing there.
    """
    entries = [copy.deepcopy(dict(entry)) for entry in managed]
    own = next((entry for entry in entries if is_apply_of(entry, manager)), None)
    if own is None:
        return None
    paths = [path for path in map(_path, refused) if path and path[0] in CONTENT and path not in KEPT]
    found = False
    for entry in entries:
        if str(entry.get("manager")).startswith(OURS) or entry.get("subresource"):
            continue
        for path in paths:
            taken = _take(entry["fieldsV1"], path)
            found = found or bool(taken)
            _add(own["fieldsV1"], taken)
    return [entry for entry in entries if entry["fieldsV1"]] if found else None


def is_apply_of(entry: Mapping[str, Any], manager: str) -> bool:
    """Return whether an entry of `managedFields` lists what a manager has applied."""
    return (entry.get("manager"), entry.get("operation")) == (manager, "Apply") and not entry.get("subresource")


def hand_over(live: Manifest, managed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the JSON patch that replaces `managedFields`, unless the object has changed meanwhile."""
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": managed},
        # The API server answers 409 if it has another one.
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
    ]


def _path(field: str) -> tuple[str, ...]:
    return tuple(f"f:{name}" for name in field.partition("[")[0].split(".") if name)


def _take(fields: Fields, path: Sequence[str]) -> Fields:
    """Remove what a tree has at `path`, and return it as a tree."""
    if path[0] not in fields:
        return {}
    if len(path) == 1:
        return {path[0]: fields.pop(path[0])}
    below = fields[path[0]]
    taken = _take(below, path[1:])
    if not below:
        del fields[path[0]]
    return {path[0]: taken} if taken else {}


def _add(fields: Fields, more: Fields) -> None:
    for name, below in more.items():
        _add(fields.setdefault(name, {}), below)
