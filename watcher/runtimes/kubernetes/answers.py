"""Check what an API server, or a proxy in its place, answers. Pure.

Only answers that passed these checks reach the rest of the runtime, so that a login page with status 200 or half a
document is an error with a sentence, and never a `KeyError`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping
from typing import Any

from watcher.core.text import clean, one_line
from watcher.core.types import Manifest


class ApiError(Exception):
    """An answer other than success, or one that is not the API server's, which has the status 0.

    `fields` are the paths of the fields that make an object invalid, if the API server names any.
    """

    def __init__(self, status: int, message: str, *, fields: tuple[str, ...] = ()) -> None:
        super().__init__(clean(message))
        self.status, self.fields = status, fields


def failure(status: int, body: bytes) -> ApiError:
    """Return the error for an answer other than success, with the API server's own message if it has one."""
    try:
        document = json.loads(body)
        message = document["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        message = None
    if isinstance(message, str) and message:
        return ApiError(status, message, fields=_refused_fields(document))
    if b"HTTP request to an HTTPS server" in body:
        return ApiError(status, "the port expects TLS: use https:// in the kubeconfig's server")
    return ApiError(status, f"HTTP {status}, and not in the form of an API server: is a proxy in its place?")


def _refused_fields(status: Mapping[str, Any]) -> tuple[str, ...]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    found = [cause.get("field") for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []
    return tuple(field for field in found if isinstance(field, str))


def parsed(body: bytes) -> Manifest:
    """Return the JSON object that a successful answer consists of.

    Raises:
        ApiError: it is something else.

    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _wrong("it is not JSON", body) from error
    if not isinstance(document, dict):
        raise _wrong("it is not a JSON object", body)
    return document


def checked_object(document: Manifest | None, kinds: Container[str], name: str) -> Manifest:
    """Return `document` if it is an object of one of these kinds and of this name, with what the runtime reads."""
    if document is None or document.get("kind") not in kinds:
        raise _wrong(f"{name}: an unexpected kind {(document or {}).get('kind')!r}")
    problem = object_problem(document)
    if problem or document["metadata"]["name"] != name:
        raise _wrong(f"{name}: {problem or 'an object of another name'}")
    return document


def checked_items(document: Manifest, kind: str) -> list[Manifest]:
    """Return the items of a list of this kind. Each gets its `kind`, which API servers leave out in lists."""
    if document.get("kind") != f"{kind}List":
        raise _wrong(f"expected the kind {kind}List, got {document.get('kind')!r}")
    if "items" not in document or not _is_list_of_maps(document["items"]):
        raise _wrong(f"{kind}List without a list of items")
    items = document["items"] or []
    for item in items:
        if problem := object_problem(item):
            raise _wrong(f"{kind}List: {problem}")
    return [{**item, "kind": kind} for item in items]


def object_problem(item: Mapping[str, Any]) -> str:
    """Return what makes an object unreadable for the runtime, or "".

    Absent parts are allowed where the API server leaves them out; null is what it writes for empty ones.
    """
    meta = item.get("metadata")
    if not isinstance(meta, dict):
        return "an object without metadata"
    if not all(isinstance(meta.get(field), str) and meta[field] for field in ("name", "namespace")):
        return "an object without a name and namespace"
    wrong = [path for path, is_right in EXPECTED.items() if not is_right(_at(item, path))]
    return f"{meta['name']}: {', '.join(wrong)} of another type than expected" if wrong else ""


def _at(item: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path; None where a part of the path is absent."""
    value: Any = item
    for field in path.split("."):
        value = value.get(field) if isinstance(value, dict) else None
    return value


def _is_map(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _is_map_of_text(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(item, str) for item in value.values()))


def _is_count(value: Any) -> bool:
    return value is None or isinstance(value, int)


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_list_of_maps(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(item, dict) for item in value))


EXPECTED: Mapping[str, Callable[[Any], bool]] = {
    "metadata.uid": _is_text,
    "metadata.generation": _is_count,
    "metadata.labels": _is_map_of_text,
    "metadata.annotations": _is_map_of_text,
    "metadata.managedFields": _is_list_of_maps,
    "spec": _is_map,
    "spec.replicas": _is_count,
    "status": _is_map,
    "status.observedGeneration": _is_count,
    "status.replicas": _is_count,
    "status.updatedReplicas": _is_count,
    "status.availableReplicas": _is_count,
    "status.conditions": _is_list_of_maps,
    "status.containerStatuses": _is_list_of_maps,
    "status.initContainerStatuses": _is_list_of_maps,
}
"""The parts that the runtime reads of any object."""


def _wrong(problem: str, body: bytes = b"") -> ApiError:
    begins = f": {one_line(body[:80].decode(errors='replace'), 80)}" if body else ""
    return ApiError(0, f"the answer is not an API server's ({problem}){begins}: is a proxy in its place?")
