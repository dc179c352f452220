"""Read the keys out of an S3 notification document. Pure.

The webhook and the listen stream carry the same document: {"Records": [{"s3": {"bucket": …, "object": …}}]}.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn
from urllib.parse import unquote_plus

from watcher.errors import Rejected


def parse(body: bytes) -> dict[str, Any]:
    """Return the notification document in `body`. An empty body is an empty document: MinIO probes its target so.

    Raises:
        Rejected: the body is not JSON, is nested too deeply, or is not a notification.

    """
    try:
        document = json.loads(body or b"{}", parse_constant=_reject_constant)
    except RecursionError as error:
        raise Rejected("Malformed", "the body is nested too deeply for a notification") from error
    except ValueError as error:
        raise Rejected("Malformed", "the body is not JSON") from error
    if not isinstance(document, dict):
        raise Rejected("Malformed", "the body is not a notification: expected a JSON object")
    if not isinstance(document.get("Records", []), list | None):
        raise Rejected("Malformed", "the body is not a notification: 'Records' must be a list")
    return document


def keys_of(document: dict[str, Any], bucket: str, *, escaped: bool) -> list[tuple[str, bool]]:
    """Return the keys of a document from `parse`, each with whether it was deleted.

    Skip malformed records and those of other buckets.

    The webhook escapes keys as in a query (`user+1%2Fm`), the listen stream does not.
    """
    found = []
    for record in document.get("Records") or []:
        try:
            name, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        except (KeyError, TypeError):
            continue
        if name == bucket and isinstance(key, str):
            deleted = "ObjectRemoved" in str(record.get("eventName"))
            found.append((unquote_plus(key) if escaped else key, deleted))
    return found


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON
