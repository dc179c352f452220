"""The versions of a model, the newest first, and which one served before the current one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from watcher.client.model_files import ModelFiles
from watcher.core.text import one_line
from watcher.core.types import State


def from_watcher(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the versions as the watcher shows them; [] from one that does not."""
    serving = status.get("serving")
    return [
        {
            **{key: item.get(key) for key in ("version", "state", "reason", "since", "size", "modified", "etag")},
            "serving": item["version"] == serving,
        }
        for item in status.get("versions") or []
    ]


def from_bucket(files: ModelFiles) -> list[dict[str, Any]]:
    """Return the versions in the bucket, with what the watcher wrote beside each of them."""
    said = {name: files.status_of(name) for name in files.names}
    newest = max(said.values(), key=lambda item: str(item.get("updated") or ""))
    return [
        {
            "version": item.version,
            **{key: _text(said[item.version].get(key)) for key in ("state", "reason", "since")},
            "size": item.artifact.size,
            "modified": item.artifact.modified.isoformat(timespec="seconds"),
            "etag": item.artifact.etag,
            "serving": item.version == newest.get("serving"),
        }
        for item in reversed(files.entry.versions)
    ]


def with_status(versions: list[dict[str, Any]], status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the versions of the bucket with the one state that a watcher of an earlier version shows."""
    state = {key: status[key] for key in ("state", "reason", "since")}
    serving = status["state"] == State.READY
    return [
        {**item, **state, "serving": serving} if item["version"] == status["version"] else item for item in versions
    ]


def previous(versions: Sequence[str], current: str, status: Mapping[str, Any]) -> str:
    """Return the version to roll back to from `current`; "" if there is none.

    It is the one that serves while `current` does not, the lower one that was ready last, or the next lower one. A
    higher one that serves is meant only if `current` failed: while `current` starts, it would undo the last rollback.
    `versions` are those in the bucket, the lowest first, and `status` is what the watcher shows; {} if it is away.
    """
    lower = versions[: versions.index(current)] if current in versions else versions
    serving = str(status.get("serving") or "")
    failed = status.get("version") == current and status.get("state") in {State.FAILED, State.REJECTED}
    if serving != current and serving in (versions if failed else lower):
        return serving
    ready = [item["version"] for item in status.get("events") or [] if item["state"] == State.READY]
    return next((name for name in ready if name in lower), lower[-1] if lower else "")


def _text(value: Any) -> str:
    return one_line(value) if isinstance(value, str) else ""
