"""What the watcher knows of each version as a file beside it in the bucket: `_status.json`, for whoever looks there.

One thread writes them, from the status board, and only what has changed. Nothing depends on them: where the store
refuses or fails, the log and the sources say it once, and the thread tries again later.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from watcher.control.status_board import Now, StatusBoard, utcnow
from watcher.core.naming import STATUS_FILE
from watcher.core.text import json_object, one_line, timestamp
from watcher.core.types import ModelId, ModelStatus, State, VersionStatus
from watcher.errors import Rejected, Retryable, WatcherError
from watcher.sources.base import Health
from watcher.stores.base import NO_SUCH_KEY, WritableBucket

log = structlog.get_logger()

SOURCE = "status-files"
"""The name in the list of sources, once something could not be written."""

INTERVAL = 1.0
"""Seconds between two looks at the status board: what changes within it is written once."""

PAUSE = 600.0
"""Seconds without an attempt after the store has refused one, which a person must mend."""

RETRY = 10.0
"""Seconds without an attempt after the store did not answer."""

REMEDY = f": allow the watcher to write */{STATUS_FILE}, or set --no-write-status"

READ_LIMIT = 16 * 1024
"""Bytes of a file of an earlier run. Ours have less than 6 KiB."""

Essence = tuple[Any, ...]
"""What makes a file worth writing again: its content without the times, and whether the version answers."""


class StatusFiles:
    """Writes the files of all models that the status board shows."""

    def __init__(
        self,
        bucket: WritableBucket,
        board: StatusBoard,
        health: Health,
        program: str,
        *,
        now: Now = utcnow,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket, self._board, self._health, self._program = bucket, board, health, program
        self._now, self._clock = now, clock
        self._written: dict[ModelId, dict[str, Essence]] = {}
        self._seen: dict[ModelId, tuple[ModelStatus, int]] = {}
        self._resume_at: dict[str, float] = {}
        """When a namespace is tried again; "" stands for all."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status-files", daemon=True)

    def start(self) -> None:
        """Begin to write. Return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Write no more. A write in progress ends with the bucket's `close`."""
        self._stopping.set()

    def write_all(self) -> None:
        """Write what has changed since the last time, except where an attempt has failed a moment ago."""
        statuses = {status.id: status for status in self._board.models()}
        for model in self._seen.keys() - statuses.keys():
            del self._seen[model]
            self._written.pop(model, None)
        for model, status in statuses.items():
            seen = status, self._board.version_revision(model)
            if self._seen.get(model) == seen or self._is_paused(model.namespace):
                continue
            try:
                self._write_model(model, status)
            except WatcherError as error:
                self._report(model.namespace, error)
            else:
                self._seen[model] = seen

    def _is_paused(self, namespace: str) -> bool:
        return self._stopping.is_set() or any(
            self._clock() < self._resume_at.get(name, 0.0) for name in (namespace, "")
        )

    def _write_model(self, model: ModelId, status: ModelStatus) -> None:
        written = self._written.setdefault(model, {})
        for item in self._board.versions(status):
            if item.version not in written:
                written[item.version] = self._recall(model, item)
        # Again: an earlier run may have known more of them. What is listed only now has its turn at the next look.
        versions = [item for item in self._board.versions(status) if item.version in written]
        for item in versions:
            content = content_of(status, item)
            essence = essence_of(content)
            if item.state and is_news(essence, written[item.version]):
                times = {"since": timestamp(item.since), "updated": timestamp(self._now()), "watcher": self._program}
                self._put(key_of(model, item), {**content, **times})
                written[item.version] = essence
        self._written[model] = {item.version: written[item.version] for item in versions}

    def _put(self, key: str, content: dict[str, Any]) -> None:
        self._bucket.put(key, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
        namespace = key.partition("/")[0]
        was_failing = bool(self._resume_at)
        self._resume_at = {name: at for name, at in self._resume_at.items() if name not in {namespace, ""}}
        if was_failing and not self._resume_at:
            self._health.report(SOURCE, live=True)
            log.info("status files are written again")

    def _recall(self, model: ModelId, item: VersionStatus) -> Essence:
        """Return the essence of the file that an earlier run wrote; () if there is none, or none that can be read.

        What it says of why the version failed, and since when, goes to the status board.
        """
        try:
            text = self._bucket.read(key_of(model, item), READ_LIMIT)
        except Rejected:
            return ()  # the write will show whether that matters
        except Retryable as error:
            if error.reason != NO_SUCH_KEY:
                raise
            return ()
        found = json_object(text)
        if found.get("etag") == item.artifact.etag and (since := time_of(found.get("since"))):
            state, reason = str(found.get("state")), one_line(str(found.get("reason") or ""))
            self._board.recall(model, item.version, state, reason, since)
        return essence_of(found)

    def _report(self, namespace: str, error: WatcherError) -> None:
        """Say it once, and try again later: a refusal may concern one namespace, anything else concerns the store."""
        if self._stopping.is_set():
            return
        is_refusal = isinstance(error, Rejected)
        self._resume_at[namespace if is_refusal else ""] = self._clock() + (PAUSE if is_refusal else RETRY)
        detail = f"{error}{REMEDY if is_refusal else ''}"
        if self._health.report(SOURCE, live=False, detail=detail):
            log.warning("status files are not written", reason=detail)

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL):
            try:
                self.write_all()
            except Exception:  # whatever a bucket holds: the thread goes on, because nothing depends on the files
                log.debug("unexpected", exc_info=True)


def key_of(model: ModelId, item: VersionStatus) -> str:
    """Return the key of a version's file."""
    return f"{model.prefix}{item.version}/{STATUS_FILE}"


def content_of(status: ModelStatus, item: VersionStatus) -> dict[str, Any]:
    """Return the content of a version's file, without the times. Pure."""
    is_loaded = item.version == status.version and item.state == State.READY
    return {
        "version": item.version,
        "state": str(item.state),
        "reason": item.reason,
        "url": status.url if item.version == status.pods.serving else "",
        "etag": item.artifact.etag,
        "serving": status.pods.serving,
        "loaded": status.loaded if is_loaded else "",
    }


def essence_of(content: dict[str, Any]) -> Essence:
    """Return what makes a file of this content worth writing again. Pure.

    Which other version answers is not in it: each update would otherwise rewrite the files of all versions.
    """
    answers = content.get("serving") == content.get("version")
    fields = ("version", "state", "reason", "url", "etag", "loaded")
    return answers, *(content.get(key) for key in fields)


def is_news(essence: Essence, before: Essence) -> bool:
    """Return whether a file is to be written again. Pure.

    After a restart it is not known at first how a model was loaded, and that alone is no reason to write.
    """
    *_, loaded = essence
    return essence != before and (bool(loaded) or essence[:-1] != before[:-1])


def time_of(value: object) -> datetime | None:
    """Return a time of such a file; None if it is none with an offset. Pure."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None
