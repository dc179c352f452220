"""Which release of a model should serve, as its files in the bucket say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from watcher.core import trials, user_values
from watcher.core.ceilings import Ceilings
from watcher.core.chart import defaults, merge
from watcher.core.load_policy import demand
from watcher.core.types import Entry, ModelVersion, Release, StoredObject
from watcher.errors import Rejected, WatcherError
from watcher.stores.base import Bucket


class Releases:
    """Reads each values.yaml once for each ETag. Thread-safe."""

    def __init__(
        self,
        bucket: Bucket,
        base: Mapping[str, Any],
        ceilings: Ceilings | None = None,
        data_only: frozenset[str] = frozenset(),
    ) -> None:
        self._bucket, self._base, self._ceilings, self._data_only = bucket, base, ceilings or {}, data_only
        self._files: dict[str, tuple[str, bytes]] = {}

    def of(self, entry: Entry) -> Release | None:
        """Return the release that should serve; None when the model is paused.

        Raises:
            Rejected: a values.yaml is invalid, above a ceiling or looser than the operator's `server.load`, the pinned
                version is missing, a model.joblib is empty, or a trial is not possible.
            Retryable: a values.yaml cannot be read.

        """
        model_level = user_values.model_values(entry, self._read)
        if model_level.get("paused"):
            return None
        version = user_values.choose_version(entry, model_level)
        overrides = self._overrides(version, model_level)
        found, missing = trials.trials_of(entry, version, model_level)
        trials.check(entry.model, found, merge(defaults(), self._base, overrides))
        complete = (replace(trial, overrides=self._overrides(trial.version, model_level)) for trial in found)
        return Release(version, overrides, tuple(complete), missing)

    def _overrides(self, version: ModelVersion, model_level: Mapping[str, Any]) -> dict[str, Any]:
        if version.artifact.size == 0:
            raise Rejected("EmptyFile", f"{version.artifact.key} is empty: upload it again")
        base = merge(defaults(), self._base)
        demanded = demand(self._data_only, version.model.namespace)
        return user_values.overrides_of(version, model_level, self._read, base, self._ceilings, demanded=demanded)

    def wanted(self, entry: Entry) -> str:
        """Return which version the files ask for; the highest, where they have not been read or cannot be."""
        with suppress(WatcherError, LookupError):
            values = user_values.model_values(entry, self._read_before)
            return user_values.choose_version(entry, values).version
        return entry.versions[-1].version

    def keep(self, entries: Iterable[Entry]) -> None:
        """Forget the files that are not among those of `entries`."""
        files = (file for entry in entries for file in (entry.values, *(item.values for item in entry.versions)))
        keys = {file.key for file in files if file}
        for key in set(self._files) - keys:
            self._files.pop(key, None)

    def _read_before(self, file: StoredObject) -> bytes:
        """Return a file that was read already.

        Raises:
            LookupError: It was not, or other bytes were.

        """
        return dict([self._files[file.key]])[file.etag]

    def _read(self, file: StoredObject) -> bytes:
        etag, text = self._files.get(file.key, ("", b""))
        if etag != file.etag:
            text = self._bucket.read(file.key, user_values.SIZE_LIMIT)
            self._files[file.key] = (file.etag, text)
        return text
